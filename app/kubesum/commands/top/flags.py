"""The flags of `kubesum top`."""

import argparse
from typing import Final

from kubesum.commands import sharedflags

VIEWS: Final = ("nodes", "namespaces", "workloads", "unhealthy", "images")
"""The names of the views; a test compares them with the views themselves, which take longer to load."""


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum top`."""
    command.add_argument(
        "view",
        metavar="VIEW",
        nargs="?",
        default=VIEWS[0],
        help=f"view to show: {', '.join(VIEWS)}, or any name of a kind that a RollupDefinition makes "
        "(default: %(default)s)",
    )
    sharedflags.kubeconfig(command)
    where = command.add_mutually_exclusive_group()
    where.add_argument("-n", "--namespace", metavar="NAME", help="namespace (default: that of the context, else all)")
    where.add_argument(
        "-A", "--all-namespaces", dest="namespace", action="store_const", const="", help="all namespaces"
    )
    command.add_argument("-l", "--selector", metavar="LABELS", default="", help="label selector, as for kubectl")
    command.add_argument("--once", action="store_true", help="print the view once, as plain text, and exit")
