"""What kubesum reports about itself: metrics and log lines."""
