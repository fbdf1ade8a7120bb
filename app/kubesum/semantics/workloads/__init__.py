"""What Kubernetes means by a workload: owner references, desired replicas, health."""
