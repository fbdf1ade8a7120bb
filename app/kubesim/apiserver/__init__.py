"""The simulated kube-apiserver: routes, lists, watches, writes and discovery over HTTPS."""
