"""What the simulated API server sends: objects, tables, discovery documents and errors as HTTP responses."""
