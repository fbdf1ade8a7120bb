"""Serves a cluster or files on loopback, to the holder of the one client certificate that was made at the start."""

import argparse
import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from kubesum.commands import eventloop
from kubesum.commands.announcements import announce, tell
from kubesum.commands.eventloop import Main
from kubesum.commands.kubeconfigfile import credentials, written
from kubesum.commands.listwatches import cluster_feeds
from kubesum.edge.secureserving import by_handshake
from kubesum.kube import files
from kubesum.kube.client import connect
from kubesum.kube.credentials import ConfigLoader, kubeconfig, kubeconfig_files
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources
from kubesum.server.runtime import Kubesum, ListWatch
from kubesum.server.signals import until_stopped
from kubesum.server.sockets import listen
from kubesum.vocabulary.errors import UpstreamError, UsageError

GREETING_S: Final = 10.0
"""So long a cluster may take to answer the first request before a person is told that it does not."""


def local(
    path: Path | None, context: str | None, port: int, kubeconfig_out: Path | None, usage_interval_s: float
) -> Main:
    """Serves any cluster that you can read, to you alone; nothing is installed in the cluster."""
    if kubeconfig_out and kubeconfig_out.resolve() in [source.resolve() for source in kubeconfig_files(path)]:
        raise UsageError(f"--kubeconfig-out {kubeconfig_out} is the kubeconfig that is read: it would be lost")
    return _local(kubeconfig(path, context), port, kubeconfig_out, usage_interval_s)


async def _local(reader: ConfigLoader, port: int, kubeconfig_out: Path | None, usage_interval_s: float) -> None:
    async with await connect(reader) as upstream:
        await upstream.get("/version", {}, GREETING_S)
        await _run(cluster_feeds(upstream, usage_interval_s), port, kubeconfig_out)


def local_from(path: Path, port: int, kubeconfig_out: Path | None) -> Main:
    """Serves what files say of a cluster. Reads them before it returns, so that a signal ends that at once."""
    content = files.read(path, watched_resources(Interner()))
    if skipped := content.skipped_files:
        tell(f"files without Kubernetes objects left aside: {len(skipped)}, such as {skipped[0]}")
    if content.invalid_objects:
        tell(f"objects that cannot be understood left aside: {content.invalid_objects}")
    return _run(
        {kind.resource: partial(content.list_watch, kind.resource) for kind in watched_resources(Interner())},
        port,
        kubeconfig_out,
    )


async def _run(feeds: Mapping[str, ListWatch], port: int, kubeconfig_out: Path | None) -> None:
    """Serves what the feeds say, to the holder of one certificate, until cancelled."""
    with listen(port) as listener:
        own = credentials(listener.getsockname()[1])
        kubesum = Kubesum(feeds, by_handshake(own.tls))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(kubesum.run(listener), name="kubesum")
            await kubesum.ready.wait()
            _tell_refusals(kubesum)
            tasks.create_task(_tell_missing_usage(kubesum), name="usage")
            with written(own.kubeconfig, kubeconfig_out) as shown:
                announce(shown, "get nosum" if kubesum.cache.sources.watched["nodes"].has_synced else "get nssum -A")
                await running


def _tell_refusals(kubesum: Kubesum) -> None:
    """Names the kinds that may not be listed; raises UpstreamError if that is all of them."""
    informers = kubesum.cache.sources.watched.values()
    refused = [informer for informer in informers if informer.denied and not informer.has_synced]
    if len(refused) == len(informers):
        raise UpstreamError(f"none of the watched kinds may be listed: {refused[0].denied}")
    if refused:
        names = ", ".join(informer.resource for informer in refused)
        tell(f"not allowed to list {names}: what is computed from them is not served")


async def _tell_missing_usage(kubesum: Kubesum) -> None:
    """Says once why it is not known what pods and nodes use, if the first attempt to read that fails."""
    for polled in kubesum.cache.sources.polled.values():
        await polled.attempted.wait()
        if polled.error is not None:
            tell(f"usage is not shown as yet: {polled.error}")
            return


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum local` with these flags; raises KubesumError."""
    set_up_logging(TextFormatter(), logging.WARNING)
    if options.path is not None:
        main = local_from(options.path, options.port, options.kubeconfig_out)
    else:
        main = local(
            options.kubeconfig, options.context, options.port, options.kubeconfig_out, options.usage_interval
        )
    eventloop.run(until_stopped(main))
