"""`kubesum serve`."""
