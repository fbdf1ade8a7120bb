"""The flags of `kubesum render`."""

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum render`."""
    command.add_argument(
        "what",
        choices=("docs", "flags", "rbac", "openapi-v2", "openapi-v3"),
        help="docs, flags: the reference pages of the resources and of the flags; rbac: the ClusterRoles of the "
        "server and of its users; openapi-v2, openapi-v3: the documents that kubectl explain reads",
    )
