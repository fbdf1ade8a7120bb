"""HTTP: routes, errors and probes on FastAPI."""
