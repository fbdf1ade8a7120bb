"""Polled usage in a server that is starting."""

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from kubesum.edge.secureserving import local_serving
from kubesum.edge.tls.certificates import authority, serving
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.deltas import Deltas, ListStarted, Poll, SourceEvent, Synced
from kubesum.semantics.facts import Measurement, Usage
from kubesum.server.runtime import Kubesum
from kubesum.server.sockets import listen
from kubesum.vocabulary.resource import GROUP, VERSION, Source
from tests.computation import KINDS, fact_of
from tests.hanging import HANGS_AFTER_S

POD = {"metadata": {"namespace": "blue", "name": "a", "uid": "a"}, "status": {"phase": "Running"}}
KEY = ("blue", "a")
METRICS = "pods.metrics.k8s.io"


async def test_the_first_rows_have_the_usage_of_a_poll_and_are_left_out_of_garbage_collections() -> None:
    polled = asyncio.Event()

    async def poll() -> AsyncIterator[SourceEvent[Any]]:
        yield Poll(iter([(KEY, Measurement(datetime(2026, 1, 2, tzinfo=UTC), 50, 1 << 20))]), 90.0)

    async def list_pods() -> AsyncIterator[SourceEvent[Any]]:
        await polled.wait()
        yield ListStarted()
        yield Deltas([(KEY, fact_of("pods", POD))])
        yield Synced()

    async def list_nothing() -> AsyncIterator[SourceEvent[Any]]:
        yield ListStarted()
        yield Synced()

    feeds = {kind: list_nothing for kind in KINDS} | {"pods": list_pods, METRICS: poll}
    ca = authority("ca")
    kubesum = Kubesum(feeds, local_serving(ServerTls(serving(ca, ["kubesum.test"])).context))
    with listen(0) as listener:
        running = asyncio.create_task(kubesum.run(listener))
        for _ in range(20):
            await asyncio.sleep(0)
        polled.set()
        await asyncio.wait_for(kubesum.ready.wait(), HANGS_AFTER_S)
        store = kubesum.engine.catalogue.find(GROUP, VERSION, "podsummaries")
        assert store is not None
        await store.catch_up()
        row = store.get(KEY)
        pods = kubesum.cache.contents(Source.PODS)
        collected = any(one is pods for one in gc.get_objects())
        running.cancel()
        await asyncio.wait((running,))

    assert not collected, "garbage collections walk the cache"
    assert row is not None
    assert row.subject.usage == Usage(50, 1 << 20)
