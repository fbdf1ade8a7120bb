"""The flags of `kubesum doctor`."""

import argparse

from kubesum.commands import sharedflags


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum doctor`."""
    cluster = command.add_argument_group("the cluster")
    sharedflags.kubeconfig(cluster)
    cluster.add_argument(
        "-n", "--namespace", metavar="NAME", default="", help="namespace of kubesum, if its APIService cannot be read"
    )
