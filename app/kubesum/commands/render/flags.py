"""The flags of `kubesum render`."""

import argparse


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum render`."""
    command.add_argument(
        "what",
        choices=("docs", "flags", "metrics", "rollups", "crd", "rbac", "openapi-v2", "openapi-v3"),
        help="document to print: docs, flags, metrics, rollups for the reference pages of the resources, flags, "
        "metrics and of RollupDefinition; crd for its CustomResourceDefinition; rbac for the ClusterRoles of the "
        "server and of its users; openapi-v2, openapi-v3 for the documents that kubectl explain reads",
    )
