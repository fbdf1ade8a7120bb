"""Requests to the simulated API server: paths, options, selectors, bodies."""
