"""The compact state of the simulation: nodes, owners and pods, pod templates, and types of instances."""
