"""The simulation: a cluster, and what changes it (scheduler, kubelets, controllers, random events)."""
