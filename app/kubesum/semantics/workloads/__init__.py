"""The meaning of workloads: owner references, desired replicas, health."""
