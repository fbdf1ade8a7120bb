"""`kubesum dashboard`."""
