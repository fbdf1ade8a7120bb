"""kubesum: answers about many pods at once, served as Kubernetes objects."""

__version__ = "0.1.0"
