"""The workloads that every simulated cluster has, as data."""
