"""The flags of `kubesum local`: which cluster or which files are read."""

import argparse
from pathlib import Path

from kubesum.commands import sharedflags


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum local`."""
    cluster = command.add_argument_group("the cluster")
    sharedflags.kubeconfig(cluster)
    cluster.add_argument(
        "--from",
        dest="path",
        metavar="PATH",
        type=Path,
        help="read files instead of a cluster: a file or folder of Kubernetes JSON or YAML",
    )
    sharedflags.usage_interval(cluster)
    sharedflags.port_and_kubeconfig_out(command)
