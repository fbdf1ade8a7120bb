"""Kubernetes objects from files: archives, texts, documents, objects."""
