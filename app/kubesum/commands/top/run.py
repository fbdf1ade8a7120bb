"""Runs `kubesum top`: checks that kubesum's API is served, and then prints a view or draws it.

The terminal library is an extra of the package: neither a server nor `--once` needs it.
"""

import argparse
import asyncio
import logging
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from kubesum.clients.model.defined import defined_view
from kubesum.clients.model.explanations import check_served
from kubesum.clients.model.informer import Informer
from kubesum.clients.model.onelist import list_once
from kubesum.clients.model.views import BY_NAME, Scope
from kubesum.clients.terminal.plain import table_text
from kubesum.commands import eventloop
from kubesum.commands.top.extra import is_installed
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import chosen_context, kubeconfig
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.vocabulary.errors import UsageError


@dataclass(frozen=True, slots=True)
class TopOptions:
    """A view by name, and what narrows it.

    `namespace` None is that of the context, empty is all namespaces; `selector` is a label selector.
    """

    view: str
    namespace: str | None
    selector: str


async def print_once(path: Path | None, context: str | None, options: TopOptions) -> None:
    """Prints a view as plain text after one list; raises KubesumError."""
    namespace = chosen_context(path, context).namespace
    async with await connect(kubeconfig(path, context)) as upstream:
        await check_served(upstream)
        scope = await _scope(upstream, options, namespace)
        table = await list_once(Informer(scope, time.time, asyncio.Event()), upstream)
    print(table_text(table, time.time()), end="", flush=True)


async def draw(path: Path | None, context: str | None, options: TopOptions) -> None:
    """Draws a view on the terminal, live, until the user quits; raises KubesumError."""
    if not is_installed():
        raise UsageError(
            "top draws with the library textual, which is not installed: "
            "run pip install '.[top]' in a clone of kubesum, or print a view with --once"
        )
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("top needs a terminal to draw on; for pipes and files print a view with --once")
    chosen = chosen_context(path, context)
    async with await connect(kubeconfig(path, context)) as upstream:
        await check_served(upstream)
        await _run_dashboard(upstream, await _scope(upstream, options, chosen.namespace), chosen.name)


async def _run_dashboard(upstream: Upstream, scope: Scope, context: str) -> None:
    # Imported here, because it may be missing and takes a fifth of a second to load.
    from kubesum.clients.terminal.dashboard import Dashboard  # noqa: PLC0415

    dashboard = Dashboard(upstream, scope, context, time.time)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Textual restores the terminal only when the application exits by itself.
        loop.add_signal_handler(number, dashboard.exit)
    # Without the mouse, the terminal's own text selection works.
    await dashboard.run_async(mouse=False)
    if dashboard.return_code:
        raise SystemExit(dashboard.return_code)


async def _scope(upstream: Upstream, options: TopOptions, context_namespace: str) -> Scope:
    namespace = context_namespace if options.namespace is None else options.namespace
    view = BY_NAME.get(options.view) or await defined_view(upstream, options.view, namespace)
    return Scope(view, namespace, options.selector)


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum top` with these flags; raises KubesumError."""
    # Log lines would be drawn over the table, which shows the errors of its watch itself.
    set_up_logging(TextFormatter(), logging.CRITICAL)
    top_options = TopOptions(options.view, options.namespace, options.selector)
    show = print_once if options.once else draw
    eventloop.run(show(options.kubeconfig, options.context, top_options))
