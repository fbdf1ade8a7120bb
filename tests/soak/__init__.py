"""The soak test: kubesum under churn, watches and faults for minutes; fails if anything grows."""
