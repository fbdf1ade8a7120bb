"""Kubernetes objects of the simulated cluster as full JSON."""
