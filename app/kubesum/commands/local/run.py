"""Runs `kubesum local`: serves a cluster or files on loopback, to the holder of one client certificate."""

import argparse
import logging
from collections.abc import Callable
from pathlib import Path

from kubesum.commands import eventloop
from kubesum.commands.eventloop import Main
from kubesum.commands.local.serving import Output, Rollups
from kubesum.commands.messages import print_dashboard
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.server.signals import until_stopped


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum local` with these flags; raises KubesumError."""
    set_up_logging(TextFormatter(), logging.WARNING)
    eventloop.run(until_stopped(_main(options)))


def _main(options: argparse.Namespace) -> Main:
    out = Output(options.port, options.kubeconfig_out, _page(options.browser) if options.dashboard else None)
    rollups = Rollups(options.rollups, options.rollup_annotations)
    # Files need no client of the API server, whose import takes a third of the time until they are served.
    if options.path is not None:
        from kubesum.commands.local.files import serving_files  # noqa: PLC0415

        return serving_files(options.path, rollups, out)
    from kubesum.commands.local.cluster import serving_cluster  # noqa: PLC0415

    return serving_cluster(options.kubeconfig, options.context, rollups, out, options.usage_interval)


def _page(has_browser: bool) -> Callable[[Path], Main]:
    from kubesum.commands.dashboard.browser import open_and_print  # noqa: PLC0415
    from kubesum.commands.dashboard.serving import serve_dashboard  # noqa: PLC0415

    announce = open_and_print if has_browser else print_dashboard
    return lambda kubeconfig: serve_dashboard(kubeconfig, None, 0, announce)
