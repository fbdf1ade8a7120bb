"""What `kubesum top` does: finds out whether there is a kubesum to look at, and then prints or draws.

The terminal library is an extra: a server does not need it, and neither does a view that is printed once.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from kubesum.clients.model.explanations import check_presence
from kubesum.clients.model.informer import Feed
from kubesum.clients.model.views import BY_NAME, Scope
from kubesum.clients.terminal.plain import listed, printed
from kubesum.commands import eventloop
from kubesum.commands.top.extra import is_installed
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import chosen_context, kubeconfig
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.vocabulary.errors import UsageError


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at: a view by name, and what narrows it; a namespace of None means that of the context."""

    view: str
    namespace: str | None
    labels: str


async def print_once(path: Path | None, context: str | None, wanted: Wanted) -> None:
    """Prints a view as it is now; raises KubesumError."""
    scope = _scope(wanted, chosen_context(path, context).namespace)
    async with await connect(kubeconfig(path, context)) as upstream:
        await check_presence(upstream)
        table = await listed(Feed(scope, time.time, asyncio.Event()), upstream)
    try:
        print(printed(table, time.time()), end="", flush=True)
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` does; what is left must not fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def follow(path: Path | None, context: str | None, wanted: Wanted) -> None:
    """Shows a view and what becomes of it until the person has seen enough; raises KubesumError."""
    if not is_installed():
        raise UsageError(
            "top draws with the library textual, which is not installed: "
            "run pip install '.[top]' in a clone of kubesum, or print a view with --once"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top needs a terminal to draw on; for pipes and files print a view with --once")
    chosen = chosen_context(path, context)
    async with await connect(kubeconfig(path, context)) as upstream:
        await check_presence(upstream)
        await _draw(upstream, _scope(wanted, chosen.namespace), chosen.name)


async def _draw(upstream: Upstream, scope: Scope, context: str) -> None:
    # The library of the extra may be missing, and takes a fifth of a second to load.
    from kubesum.clients.terminal.dashboard import Dashboard  # noqa: PLC0415

    dashboard = Dashboard(upstream, scope, context, time.time)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # The terminal has to be left as it was found, whoever ends us.
        loop.add_signal_handler(number, dashboard.exit)
    # Without the mouse, a terminal's own way to select text works.
    await dashboard.run_async(mouse=False)
    if dashboard.return_code:
        raise SystemExit(dashboard.return_code)


def _scope(wanted: Wanted, of_context: str) -> Scope:
    namespace = of_context if wanted.namespace is None else wanted.namespace
    return Scope(BY_NAME[wanted.view], namespace, wanted.labels)


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum top` with these flags: prints a view once, or follows it; raises KubesumError."""
    # What the log tells of a watch stands above the table; the screen is no place for lines in between.
    set_up_logging(TextFormatter(), logging.CRITICAL)
    wanted = Wanted(options.view, options.namespace, options.selector)
    eventloop.run((print_once if options.once else follow)(options.kubeconfig, options.context, wanted))
