"""Clients of kubesum's API: a model without a user interface toolkit, and its views: a terminal and a web page."""
