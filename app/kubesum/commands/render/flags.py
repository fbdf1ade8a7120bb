"""The flags of `kubesum render`: what is printed."""

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum render`."""
    command.add_argument(
        "what",
        choices=("docs", "flags", "rbac", "openapi-v2", "openapi-v3"),
        help="docs, flags: the pages of all resources and of all flags; rbac: the ClusterRoles of the server and of "
        "its readers; openapi-v2, openapi-v3: what kubectl explain reads",
    )
