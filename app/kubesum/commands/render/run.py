"""Prints one generated document: the page of all flags, or what is generated from the resources."""

import argparse
import sys

from kubesum.commands.render import flagspage


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum render` with these flags."""
    if options.what == "flags":
        sys.stdout.write(f"{flagspage.reference()}\n")
        return
    # The flags are known without the resources, which take most of a second to load.
    from kubesum.commands.render.documents import document  # noqa: PLC0415

    sys.stdout.write(document(options.what))
