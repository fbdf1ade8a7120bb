"""Metrics and logs of kubesum itself, and its event loop: how long it is blocked, and turns of long work in it."""
