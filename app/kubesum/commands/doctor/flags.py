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
    command.add_argument(
        "--bundle",
        metavar="FILE",
        nargs="?",
        const="",
        help="also write what a bug report needs, without secrets, to this file, - for standard output (default: "
        "kubesum-bundle-DATE.tar.gz)",
    )
