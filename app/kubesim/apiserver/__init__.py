"""The simulated kube-apiserver: its handler chain, lists, watches, writes and discovery over HTTPS."""
