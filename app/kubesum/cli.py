"""The command line: parses arguments and runs one command; `kubectl kubesum` is `kubesum top`.

Parsing loads nothing beside argparse: a command's flags are in a light module, and only the command that was asked
for is imported. An error that a user can act on becomes one sentence on stderr and a non-zero exit code.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from kubesum.commands.parser import parser

FAILED: Final = 1
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    open_standard_streams()
    options = parsed(arguments)
    try:
        return run(options)
    except KeyboardInterrupt:
        return INTERRUPTED


def open_standard_streams() -> None:
    """Opens those of standard input, output and error that are closed, on the null device.

    The first sockets would get their numbers otherwise: what is printed would be sent to clients, and libuv aborts
    the process when it closes one of them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    # Python has None in place of a stream that was closed when it started.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - for the life of the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - as above


def plugin() -> int:
    """Runs `kubectl kubesum`, with or without the word `top`; returns the exit code."""
    given = sys.argv[1:]
    return main(given if given[:1] == ["top"] else ["top", *given])


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The parsed arguments; exits with 2 for invalid ones and for those that exclude each other."""
    return parser().parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Runs the command that was asked for; returns the exit code."""
    # Imported here, because it takes most of a second, in which Ctrl-C must work too.
    from kubesum.vocabulary.errors import KubesumError  # noqa: PLC0415

    command = import_module(f"kubesum.commands.{options.command}.run")
    try:
        command.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has ended, as `head` does. Python flushes stdout once more when it ends, which must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KubesumError as error:
        print(f"kubesum: {error}", file=sys.stderr)
        return FAILED
    return 0
