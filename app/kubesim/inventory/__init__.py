"""The workloads that every simulated cluster has if it is large enough, as data."""
