"""`kubesum local`."""
