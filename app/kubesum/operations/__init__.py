"""Metrics and logs of kubesum itself."""
