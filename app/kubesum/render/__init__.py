"""Generated pages and manifests: reference documentation and ClusterRoles, from the declarations."""
