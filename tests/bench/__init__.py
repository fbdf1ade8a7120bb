"""Benchmarks: figures as ratios of one run, since machines are noisy. `make bench` runs them."""
