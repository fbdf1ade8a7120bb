"""The flags of `kubesum render`."""

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum render`."""
    command.add_argument(
        "what",
        choices=("docs", "flags", "rbac", "openapi-v2", "openapi-v3"),
        help="document to print: docs, flags for the reference pages of the resources and of the flags; rbac for "
        "the ClusterRoles of the server and of its users; openapi-v2, openapi-v3 for the documents that kubectl "
        "explain reads",
    )
