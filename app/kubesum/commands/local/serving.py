"""Serves list-watches on loopback, to the holder of one client certificate."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kubesum.commands.definitions import Definition, sentences
from kubesum.commands.eventloop import Main
from kubesum.commands.kubeconfigfile import kubeconfig_file, local_credentials
from kubesum.commands.messages import print_ready, warn
from kubesum.edge.secureserving import local_serving
from kubesum.server.definitioncontroller import DefinitionsApi
from kubesum.server.runtime import Kubesum, Limits, ListWatch
from kubesum.server.sockets import listen
from kubesum.vocabulary.errors import UpstreamError


@dataclass(frozen=True, slots=True)
class Output:
    """Where a server listens, what it writes its kubeconfig to, None for a temporary file, and its page.

    `page` serves the page with that kubeconfig; None for no page.
    """

    port: int
    kubeconfig_out: Path | None
    page: Callable[[Path], Main] | None = None


@dataclass(frozen=True, slots=True)
class Rollups:
    """The file or folder of definitions, None for none, and the annotations of pods that they may read."""

    path: Path | None
    annotations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Defined:
    """The definitions whose kinds are served, and the annotations of pods that they may read."""

    definitions: Sequence[Definition]
    annotations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InCluster:
    """The definitions that a cluster has beside; `warn_of_forbidden` says so if the user may not list them."""

    api: DefinitionsApi
    warn_of_forbidden: Callable[[], Awaitable[None]]


async def serve(
    list_watches: Mapping[str, ListWatch], defined: Defined, out: Output, in_cluster: InCluster | None = None
) -> None:
    """Serves until cancelled."""
    with listen(out.port) as listener:
        own = local_credentials(listener.getsockname()[1])
        limits = Limits(annotations=defined.annotations)
        api = None if in_cluster is None else in_cluster.api
        kubesum = Kubesum(list_watches, local_serving(own.tls), limits, api)
        for verdict in kubesum.defined.update(defined.definitions):
            for sentence in sentences(verdict):
                warn(f"not served: {sentence}")
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(kubesum.run(listener), name="kubesum")
            await kubesum.ready.wait()
            _warn_of_forbidden(kubesum)
            if in_cluster is not None:
                await in_cluster.warn_of_forbidden()
            tasks.create_task(_warn_of_missing_usage(kubesum), name="usage")
            with kubeconfig_file(own.kubeconfig, out.kubeconfig_out) as written:
                has_nodes = kubesum.cache.sources.watched["nodes"].has_synced
                print_ready(written, "get nosum" if has_nodes else "get nssum -A")
                if out.page is not None:
                    tasks.create_task(out.page(written), name="page")
                await running


def _warn_of_forbidden(kubesum: Kubesum) -> None:
    """Names the resources that the user may not list; raises UpstreamError if that is all of them."""
    informers = kubesum.cache.sources.watched.values()
    refused = [informer for informer in informers if informer.denied and not informer.has_synced]
    if len(refused) == len(informers):
        raise UpstreamError(f"not allowed to list any watched resource: {refused[0].denied}")
    if refused:
        names = ", ".join(informer.resource for informer in refused)
        warn(f"not allowed to list {names}: what is computed from them is not served")


async def _warn_of_missing_usage(kubesum: Kubesum) -> None:
    """Says once why usage is not shown, if the first poll fails."""
    for polled in kubesum.cache.sources.polled.values():
        await polled.attempted.wait()
        if polled.error is not None:
            warn(f"usage is not shown yet: {polled.error}")
            return
