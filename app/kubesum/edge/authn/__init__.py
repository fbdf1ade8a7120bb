"""Authentication: who makes a request, by client certificate, request headers or bearer token."""
