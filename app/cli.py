"""The command line: `kubesum serve`, `local` and `demo`.

Reads arguments, runs one command, and turns what a person can mend into one sentence and a non-zero exit.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

import uvloop

from app import __version__, commands
from app.server import until_stopped
from app.telemetry import TextFormatter, set_up_logging
from app.vocabulary.errors import KubesumError

FAILED: Final = 1
MISUSED: Final = 2


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with the reason and where to read more."""
        self.exit(MISUSED, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    top = Parser(prog="kubesum", description="Answers about many pods at once, served as Kubernetes objects.")
    top.add_argument("--version", action="version", version=f"kubesum {__version__}")
    of = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _serve(of.add_parser("serve", help="serve a cluster from inside it", description=commands.serve.__doc__))
    _local(of.add_parser("local", help="look at any cluster or dump from here", description=commands.local.__doc__))
    _demo(of.add_parser("demo", help="try it on a simulated cluster", description=commands.demo.__doc__))
    return top


def _serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--secure-port", dest="port", type=port, default=10250, help="port (default: %(default)s)")
    _kubeconfig_out(command)
    command.set_defaults(run=lambda o: commands.serve(o.port, o.kubeconfig_out))


def _local(command: argparse.ArgumentParser) -> None:
    cluster = command.add_argument_group("the cluster")
    cluster.add_argument(
        "--kubeconfig", metavar="FILE", type=Path, help="kubeconfig (default: $KUBECONFIG or ~/.kube/config)"
    )
    cluster.add_argument("--context", metavar="NAME", help="context of the kubeconfig (default: the current one)")
    command.add_argument(
        "--from",
        dest="path",
        metavar="PATH",
        type=Path,
        help="read files instead of a cluster: a file or folder of Kubernetes JSON or YAML",
    )
    _port_and_kubeconfig_out(command)
    command.set_defaults(run=_run_local, command=command)


def _run_local(options: argparse.Namespace) -> Coroutine[Any, Any, None]:
    if options.path is None:
        return commands.local(options.kubeconfig, options.context, options.port, options.kubeconfig_out)
    if options.kubeconfig or options.context:
        options.command.error("--from reads files, so --kubeconfig and --context have no meaning with it")
    return commands.local_from(options.path, options.port, options.kubeconfig_out)


def _demo(command: argparse.ArgumentParser) -> None:
    command.add_argument("--nodes", type=positive, default=30, help="number of nodes (default: %(default)s)")
    command.add_argument("--pods", type=positive, default=600, help="number of pods (default: %(default)s)")
    command.add_argument("--seed", type=int, default=1, help="seed of the world (default: %(default)s)")
    command.add_argument(
        "--churn",
        type=rate,
        default=2.0,
        metavar="RATE",
        help="happenings per second, 0 for none (default: %(default)s)",
    )
    _port_and_kubeconfig_out(command)
    command.set_defaults(
        run=lambda o: commands.demo(commands.Simulation(o.nodes, o.pods, o.seed, o.churn), o.port, o.kubeconfig_out)
    )


def _port_and_kubeconfig_out(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=port, default=0, help="port on 127.0.0.1 (default: any free one)")
    _kubeconfig_out(command)


def _kubeconfig_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--kubeconfig-out",
        metavar="FILE",
        type=Path,
        help="keep the kubeconfig in FILE (default: a temporary file, removed at the end)",
    )


def port(text: str) -> int:
    """A port number, 0 for any free one."""
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 65535")
    return number


def positive(text: str) -> int:
    """A number of things, at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def rate(text: str) -> float:
    """A number of happenings per second."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a rate")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], Coroutine[Any, Any, None]] = options.run
    set_up_logging(TextFormatter(), logging.WARNING)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_stopped(run(options)))
    except KubesumError as error:
        print(f"kubesum: {error}", file=sys.stderr)
        return FAILED
    return 0
