"""`kubesum doctor`."""
