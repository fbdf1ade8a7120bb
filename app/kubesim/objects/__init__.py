"""The JSON of nodes, pods and workloads, built from their compact state."""
