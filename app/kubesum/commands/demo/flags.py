"""The flags of `kubesum demo`."""

import argparse
from typing import Final

from kubesum.commands import arguments, sharedflags

MAX_NODES: Final = 5_000
MAX_PODS: Final = 150_000
"""What Kubernetes supports: kubernetes.io/docs/setup/best-practices/cluster-large. A pod takes some 20 KiB here."""


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum demo`."""
    command.add_argument(
        "--nodes",
        metavar="NUMBER",
        type=arguments.at_most(MAX_NODES),
        default=30,
        help=f"number of nodes, at most {MAX_NODES} (default: %(default)s)",
    )
    command.add_argument(
        "--pods",
        metavar="NUMBER",
        type=arguments.at_most(MAX_PODS),
        default=600,
        help=f"number of pods, at most {MAX_PODS} (default: %(default)s)",
    )
    command.add_argument(
        "--seed", metavar="NUMBER", type=int, default=1, help="seed of the random numbers (default: %(default)s)"
    )
    command.add_argument(
        "--churn",
        metavar="RATE",
        type=arguments.rate,
        default=2.0,
        help="random events per second, 0 for none (default: %(default)s)",
    )
    sharedflags.usage_interval(command)
    sharedflags.port(command)
    sharedflags.kubeconfig_out(command)
