"""Certificates and TLS: who is on the other end of a connection."""
