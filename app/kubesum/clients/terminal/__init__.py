"""The terminal user interface of `kubesum top`."""
