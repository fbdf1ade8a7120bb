"""The flags of `kubesum local`."""

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
        help="file, archive or directory of Kubernetes objects in JSON or YAML, to be read instead of a cluster",
    )
    sharedflags.usage_interval(cluster)
    sharedflags.port_and_kubeconfig_out(command)
