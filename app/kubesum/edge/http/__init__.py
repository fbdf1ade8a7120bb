"""HTTP/1.1 on uvicorn, with the bounds that a server open to a whole cluster needs."""
