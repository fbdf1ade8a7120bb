"""The flags of `kubesum dashboard`."""

import argparse

from kubesum.commands import arguments, sharedflags


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum dashboard`."""
    sharedflags.kubeconfig(command)
    command.add_argument(
        "--port",
        metavar="NUMBER",
        type=arguments.port,
        default=0,
        help="port to listen on, on 127.0.0.1 (default: any free one)",
    )
    sharedflags.no_browser(command)
