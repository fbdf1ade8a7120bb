"""`kubesum demo`."""
