"""`kubesum top`: a live view of what kubesum serves, in a terminal, and the same as plain text."""
