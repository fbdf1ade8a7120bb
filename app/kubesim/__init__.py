"""A simulated cluster: one real HTTP API server on loopback over a seeded world that lives."""
