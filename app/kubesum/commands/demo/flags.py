"""The flags of `kubesum demo`."""

import argparse

from kubesum.commands import arguments, sharedflags


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum demo`."""
    command.add_argument(
        "--nodes",
        metavar="NUMBER",
        type=arguments.positive,
        default=30,
        help="number of nodes (default: %(default)s)",
    )
    command.add_argument(
        "--pods",
        metavar="NUMBER",
        type=arguments.positive,
        default=600,
        help="number of pods (default: %(default)s)",
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
    sharedflags.port_and_kubeconfig_out(command)
