"""The flags of `kubesum doctor`: which cluster is examined."""

import argparse

from kubesum.commands import sharedflags


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum doctor`."""
    cluster = command.add_argument_group("the cluster")
    sharedflags.kubeconfig(cluster)
    cluster.add_argument(
        "-n", "--namespace", metavar="NAME", default="", help="where kubesum is, if no APIService says it"
    )
