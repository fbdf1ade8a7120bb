"""Who may do what in the simulated cluster: accounts, certificates, RBAC, reviews."""
