"""Clients of kubesum's API: `kubesum top`, as a model without a user interface toolkit and its views."""
