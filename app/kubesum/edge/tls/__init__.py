"""TLS: serving certificates, client CA pools, and their rotation while the server runs."""
