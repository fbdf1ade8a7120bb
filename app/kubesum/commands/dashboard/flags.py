"""The flags of `kubesum dashboard`."""

import argparse

from kubesum.commands import sharedflags


def add(command: argparse.ArgumentParser) -> None:
    """Declares the flags of `kubesum dashboard`."""
    sharedflags.kubeconfig(command)
    sharedflags.port(command)
    sharedflags.no_browser(command)
