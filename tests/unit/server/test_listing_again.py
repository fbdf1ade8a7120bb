"""A server whose source lists a kind again, because its watch could not be resumed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from kubesum.edge.secureserving import local_serving
from kubesum.edge.tls.certificates import authority, serving
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.deltas import ListStarted, SourceEvent, Synced
from kubesum.rollups.store import Store
from kubesum.server.runtime import Kubesum
from kubesum.server.sockets import listen
from kubesum.vocabulary.resource import GROUP, VERSION
from tests.computation import KINDS
from tests.hanging import HANGS_AFTER_S


async def test_changes_before_a_kind_was_listed_again_are_not_complete() -> None:
    """What came and went in between, another replica may have shown to a client that moves here."""
    lists_again, listed_again = asyncio.Event(), asyncio.Event()

    async def list_nothing() -> AsyncIterator[SourceEvent[Any]]:
        yield ListStarted()
        yield Synced()

    async def list_twice() -> AsyncIterator[SourceEvent[Any]]:
        yield ListStarted()
        yield Synced()
        await lists_again.wait()
        yield ListStarted()
        yield Synced()
        listed_again.set()

    kubesum = Kubesum(
        {kind: list_nothing for kind in KINDS} | {"deployments": list_twice},
        local_serving(ServerTls(serving(authority("ca"), ["kubesum.test"])).context),
    )
    with listen(0) as listener:
        running = asyncio.create_task(kubesum.run(listener))
        await asyncio.wait_for(kubesum.ready.wait(), HANGS_AFTER_S)
        workloads, nodes = [await read(kubesum, plural) for plural in ("workloadsummaries", "nodesummaries")]
        before = workloads.clock.watermark()
        lists_again.set()
        await asyncio.wait_for(listed_again.wait(), HANGS_AFTER_S)
        running.cancel()
        await asyncio.wait((running,))

    assert nodes.events.complete_since <= before <= workloads.events.complete_since


async def read(kubesum: Kubesum, plural: str) -> Store:
    store = kubesum.engine.catalogue.find(GROUP, VERSION, plural)
    assert store is not None
    await store.catch_up()
    return store
