"""`kubesum rollup`."""
