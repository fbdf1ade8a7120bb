"""Flags that several commands have."""

import argparse
from pathlib import Path

from kubesum.commands import arguments
from kubesum.vocabulary import defaults


def kubeconfig(cluster: argparse._ActionsContainer) -> None:
    """Declares which kubeconfig and context name the cluster."""
    cluster.add_argument(
        "--kubeconfig", metavar="FILE", type=Path, help="kubeconfig (default: $KUBECONFIG or ~/.kube/config)"
    )
    cluster.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")


def usage_interval(command: argparse._ActionsContainer) -> None:
    """Declares how often metrics.k8s.io is read."""
    command.add_argument(
        "--usage-interval",
        metavar="DURATION",
        type=arguments.interval,
        default=defaults.USAGE_INTERVAL_S,
        help="how often to ask metrics.k8s.io what pods and nodes use, 0 for never "
        f"(default: {defaults.USAGE_INTERVAL_S:g}s)",
    )


def port_and_kubeconfig_out(command: argparse.ArgumentParser) -> None:
    """Declares where a command listens and writes the kubeconfig of its clients."""
    command.add_argument("--port", type=arguments.port, default=0, help="port on 127.0.0.1 (default: any free one)")
    command.add_argument(
        "--kubeconfig-out",
        metavar="FILE",
        type=Path,
        help="keep the kubeconfig in FILE (default: a temporary file, removed at the end)",
    )
