"""The flags of `kubesum render`."""

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum render`."""
    command.add_argument(
        "what",
        choices=("docs", "flags", "metrics", "rbac", "openapi-v2", "openapi-v3"),
        help="document to print: docs, flags, metrics for the reference pages of the resources, flags and metrics; "
        "rbac for the ClusterRoles of the server and of its users; openapi-v2, openapi-v3 for the documents that "
        "kubectl explain reads",
    )
