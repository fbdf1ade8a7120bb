"""A simulated Kubernetes cluster for tests and for `kubesum demo`, which runs no containers and keeps no data.

One HTTPS API server on loopback serves the objects of an in-memory store: it authenticates, authorizes (RBAC), lists,
watches, and proxies to one extension API server as kube-aggregator does. A simulation writes the objects of nodes,
workloads and pods, as scheduler, kubelets and controllers would change them, from a seed.

The image of kubesum leaves this package out. It imports nothing of kubesum, so that tests compare two
implementations.
"""
