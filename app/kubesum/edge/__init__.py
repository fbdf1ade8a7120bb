"""The edge of the server: TLS, HTTP/1.1, authentication and authorization."""
