"""Flags of more than one command."""

import argparse
from pathlib import Path

from kubesum.commands import arguments
from kubesum.vocabulary import defaults


def kubeconfig(cluster: argparse._ActionsContainer) -> None:
    """Declares --kubeconfig and --context of the cluster that is read."""
    cluster.add_argument(
        "--kubeconfig",
        metavar="FILE",
        type=Path,
        help="kubeconfig of the cluster (default: $KUBECONFIG or ~/.kube/config)",
    )
    cluster.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")


def rollup_annotations(command: argparse._ActionsContainer) -> None:
    """Declares --rollup-annotations."""
    command.add_argument(
        "--rollup-annotations",
        metavar="NAMES",
        type=arguments.annotations,
        default=(),
        help="annotations of pods that RollupDefinitions may group by and read, separated by commas (default: none)",
    )


def usage_interval(command: argparse._ActionsContainer) -> None:
    """Declares --usage-interval."""
    command.add_argument(
        "--usage-interval",
        metavar="DURATION",
        type=arguments.interval,
        default=defaults.USAGE_INTERVAL_S,
        help="how often the usage of pods and nodes is read from metrics.k8s.io, 0 for never "
        f"(default: {defaults.USAGE_INTERVAL_S:g}s)",
    )


def no_browser(command: argparse._ActionsContainer) -> None:
    """Declares --no-browser."""
    command.add_argument(
        "--no-browser", dest="browser", action="store_false", help="only print the address of the page"
    )


def port(command: argparse._ActionsContainer) -> None:
    """Declares --port."""
    command.add_argument(
        "--port",
        metavar="NUMBER",
        type=arguments.port,
        default=0,
        help="port to listen on, on 127.0.0.1 (default: any free one)",
    )


def kubeconfig_out(command: argparse._ActionsContainer) -> None:
    """Declares --kubeconfig-out."""
    command.add_argument(
        "--kubeconfig-out",
        metavar="FILE",
        type=Path,
        help="file to write the kubeconfig to (default: a temporary file, removed on exit)",
    )
