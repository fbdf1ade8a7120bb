"""Requests: paths, queries, selectors, options and Accept headers, parsed as kube-apiserver parses them."""
