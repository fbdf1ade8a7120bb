"""Generators of the reference page and the ClusterRoles, from the declarations."""
