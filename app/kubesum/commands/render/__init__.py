"""`kubesum render`."""
