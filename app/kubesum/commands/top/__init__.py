"""`kubesum top`."""
