"""The command line: one function for each command, and `kubectl kubesum`, which is `top`.

Reads arguments, runs one command, and turns what a person can mend into one sentence and a non-zero exit.
"""

import argparse
import asyncio
import gc
import logging
import sys
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Final

import uvloop

from kubesum.commands.flags import parser
from kubesum.vocabulary.errors import KubesumError

if TYPE_CHECKING:
    from kubesum.commands.run import Serving

FAILED: Final = 1
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = parsed(arguments)
    try:
        return look(options) if options.command == "top" else run(options)
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
    from kubesum.operations.metrics import JsonFormatter, TextFormatter, set_up_logging  # noqa: PLC0415
    from kubesum.server.runtime import until_stopped  # noqa: PLC0415

    if options.command == "serve":
        set_up_logging(JsonFormatter(), logging.INFO)
    else:
        set_up_logging(TextFormatter(), logging.WARNING)
    leave = asyncio.Event() if options.command == "serve" else None
    try:
        command = chosen(options, leave)
        # What is imported stays: collections that walked it would stop the event loop for a tenth of a second.
        gc.freeze()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_stopped(command, leave))
    except KubesumError as error:
        print(f"kubesum: {error}", file=sys.stderr)
        return FAILED
    return 0


def look(options: argparse.Namespace) -> int:
    """Runs top, which needs nothing of a server; returns the exit code."""
    # Imported here for the same reason as below.
    from kubesum.commands import toprun  # noqa: PLC0415
    from kubesum.operations.metrics import TextFormatter, set_up_logging  # noqa: PLC0415

    # What the log tells of a watch stands above the table; the screen is no place for lines in between.
    set_up_logging(TextFormatter(), logging.CRITICAL)
    wanted = toprun.Wanted(options.view, options.namespace, options.selector)
    act = toprun.print_once if options.once else toprun.follow
    try:
        gc.freeze()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(act(options.kubeconfig, options.context, wanted))
    except KubesumError as error:
        print(f"kubesum: {error}", file=sys.stderr)
        return FAILED
    return 0


def chosen(options: argparse.Namespace, leave: asyncio.Event | None) -> Coroutine[Any, Any, None]:
    """The command that was asked for, prepared; raises KubesumError."""
    from kubesum.commands import run  # noqa: PLC0415 (see run)

    if leave is not None:
        return run.serve(serving(options), leave)
    match options.command:
        case "local" if options.path is None:
            return run.local(
                options.kubeconfig, options.context, options.port, options.kubeconfig_out, options.usage_interval
            )
        case "local":
            return run.local_from(options.path, options.port, options.kubeconfig_out)
        case "render":
            return run.render(options.what)
        case "doctor":
            from kubesum.doctor.command import examine  # noqa: PLC0415 (nobody else needs it)

            return examine(options.kubeconfig, options.context, options.namespace)
        case _:
            simulation = run.Simulation(options.nodes, options.pods, options.seed, options.churn)
            return run.demo(simulation, options.port, options.kubeconfig_out, options.usage_interval)


def serving(options: argparse.Namespace) -> "Serving":
    """How the options of `serve` say that a cluster is served."""
    from kubesum.commands.run import Serving  # noqa: PLC0415 (see run)
    from kubesum.server.runtime import Limits  # noqa: PLC0415

    files = (options.tls_cert_file, options.tls_private_key_file)
    return Serving(
        address=(options.bind_address, options.port),
        kubeconfig=options.kubeconfig,
        namespace=options.namespace,
        service=options.service_name,
        secret=options.tls_secret,
        certificate_files=files if options.tls_cert_file else None,
        always_allowed=options.always_allowed,
        usage_interval_s=options.usage_interval,
        limits=Limits(options.max_requests_inflight, options.shutdown_delay_duration),
    )
