"""The meaning of pods: displayed status, effective requests, QoS class, pending reasons, images."""
