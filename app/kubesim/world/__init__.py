"""The state of the simulated cluster and what changes it: scheduler, kubelet, controllers, random events."""
