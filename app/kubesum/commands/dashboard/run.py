"""Runs `kubesum dashboard`: serves the page on loopback, and opens it in the browser."""

import argparse
import logging

from kubesum.commands import eventloop
from kubesum.commands.dashboard.browser import open_and_print
from kubesum.commands.dashboard.serving import serve_dashboard
from kubesum.commands.messages import print_dashboard
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.server.signals import until_stopped


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum dashboard` with these flags; raises KubesumError."""
    set_up_logging(TextFormatter(), logging.WARNING)
    announce = open_and_print if options.browser else print_dashboard
    eventloop.run(until_stopped(serve_dashboard(options.kubeconfig, options.context, options.port, announce)))
