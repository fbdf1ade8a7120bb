"""Representations: rows as objects, tables, metadata, JSON, YAML and metav1.Status."""
