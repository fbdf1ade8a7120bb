"""HTTP handlers: the handler chain, the resources, and discovery, OpenAPI and probes on FastAPI."""
