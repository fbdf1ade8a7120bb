"""Authentication and authorization of the simulated cluster: users, certificates, RBAC, reviews."""
