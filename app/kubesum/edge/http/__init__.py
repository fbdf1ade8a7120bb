"""HTTP/1.1 on uvicorn, with limits on size and time, and the context of each request."""
