"""What Kubernetes means by a pod: status, effective requests, QoS class, pending reason."""
