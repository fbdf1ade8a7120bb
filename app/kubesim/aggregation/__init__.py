"""The aggregation layer of the simulated API server, with one extension server behind it."""
