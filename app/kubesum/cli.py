"""The command line: one command a run, and `kubectl kubesum`, which is `top`.

Reads arguments, imports the one command that was asked for, and turns what a person can mend into one sentence and
a non-zero exit.
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import uvloop

from kubesum.commands.parser import parser
from kubesum.vocabulary.errors import KubesumError

FAILED: Final = 1
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = parsed(arguments)
    try:
        return run(options)
    except KeyboardInterrupt:
        return INTERRUPTED


def plugin() -> int:
    """Runs `kubectl kubesum`, which is `kubesum top`, named or not; returns the exit code."""
    given = sys.argv[1:]
    return main(given if given[:1] == ["top"] else ["top", *given])


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options that make sense together; ends the program for others."""
    top = parser()
    options = top.parse_args(arguments)
    if options.command == "local" and options.path and (options.kubeconfig or options.context):
        top.error("local --from reads files: --kubeconfig and --context have no meaning with it")
    if options.command == "serve" and (options.tls_cert_file is None) != (options.tls_private_key_file is None):
        top.error("serve: --tls-cert-file and --tls-private-key-file go together")
    return options


def run(options: argparse.Namespace) -> int:
    """Runs the command that was asked for; returns the exit code."""
    # Imported here, since it takes most of a second in which Ctrl-C must work too.
    command = import_module(f"kubesum.commands.{options.command}.run")
    try:
        main = command.prepared(options)
        # What is imported stays: collections that walked it would stop the event loop for a tenth of a second.
        gc.freeze()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)
    except KubesumError as error:
        print(f"kubesum: {error}", file=sys.stderr)
        return FAILED
    return 0
