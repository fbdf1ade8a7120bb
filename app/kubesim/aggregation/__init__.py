"""The aggregation layer of the simulated API server: one extension server behind it."""
