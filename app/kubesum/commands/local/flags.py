"""The flags of `kubesum local`."""

import argparse
from pathlib import Path

from kubesum.commands import sharedflags
from kubesum.commands.arguments import Parser


def add(command: Parser) -> None:
    """Declares the flags of `kubesum local`."""
    command.conflict = _conflict
    cluster = command.add_argument_group("the cluster")
    sharedflags.kubeconfig(cluster)
    cluster.add_argument(
        "--from",
        dest="path",
        metavar="PATH",
        type=Path,
        help="file, archive or directory of Kubernetes objects in JSON or YAML, to be read instead of a cluster",
    )
    cluster.add_argument(
        "--rollups",
        metavar="PATH",
        type=Path,
        help="file or folder of RollupDefinitions, whose kinds are served beside the summaries; those that the "
        "cluster, or --from, has are served in any case, but for one of the same name",
    )
    sharedflags.rollup_annotations(cluster)
    sharedflags.usage_interval(cluster)
    command.add_argument(
        "--dashboard", action="store_true", help="also serve the page of kubesum dashboard, and open it in a browser"
    )
    sharedflags.no_browser(command)
    sharedflags.port(command)
    sharedflags.kubeconfig_out(command)


def _conflict(options: argparse.Namespace) -> str:
    if options.path and (options.kubeconfig or options.context):
        return "--from cannot be combined with --kubeconfig or --context"
    return ""
