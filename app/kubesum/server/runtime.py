"""The composition root: builds every part in order and runs them as one group of tasks.

The only module that knows every layer. Whatever a task raises ends the group and with it the process: a cache
that nobody feeds must not go on being served as if it were fresh.
"""

import asyncio
import ctypes
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from kubesum.cache.store import Cache
from kubesum.cache.syncstate import SyncState
from kubesum.edge.secureserving import BackgroundTask, SecureServing
from kubesum.kube.deltas import Poll, SourceEvent, WatchError
from kubesum.resources import RESOURCES
from kubesum.rollups.engine import Engine
from kubesum.rollups.publisher import publish_forever, publish_once
from kubesum.rollups.resourceversion import TAGS, VersionClock
from kubesum.semantics.watchedresources import POLLED_RESOURCES
from kubesum.server.uvicornserver import Server, server_config
from kubesum.vocabulary import defaults
from kubesum.vocabulary.resource import Source
from kubesum.web.app import create_app
from kubesum.web.handlerchain import Admission

log = logging.getLogger(__name__)

PODS_WAIT_S: Final = 5.0
"""Pods are listed after the kinds that say where they belong, but no later than this."""

REFUSAL_COUNTS_S: Final = 60.0
"""A kind that is refused for so long no longer keeps the server from being ready for the others."""
FRESHNESS_CHECK_S: Final = 5.0

ListWatch = Callable[[], AsyncIterator[SourceEvent[Any]]]
"""Begins to read one kind."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is answered at once, and how long a server stays when it is to leave."""

    max_requests_inflight: int = defaults.MAX_REQUESTS_INFLIGHT
    """Requests, but watches; --max-requests-inflight of kube-apiserver."""
    shutdown_delay_s: float = 0.0
    """How long requests are still answered after it is said that no more should come."""


class Kubesum:
    """One running kubesum: the feeds, the cache, the computation and the server."""

    def __init__(self, feeds: Mapping[str, ListWatch], protection: SecureServing, limits: Limits = Limits()) -> None:
        """`feeds` are the watched and polled kinds by name; `protection` says who may ask what."""
        self._feeds = feeds
        self._protection = protection
        self._limits = limits
        self._is_leaving = False
        self._has_heard_all = False
        clock = VersionClock(lambda: time.time_ns() // 1000, 1 + secrets.randbelow(TAGS - 1))
        self.cache: Final = Cache(time.time, [kind.resource for kind in POLLED_RESOURCES if kind.resource in feeds])
        self.engine: Final = Engine(
            clock, time.time, self.cache.contents, self.cache.sources.unavailable, self.cache.sources.stale
        )
        self.cache.subscribe(self.engine.change)
        self.engine.add(RESOURCES)
        self.ready: Final = asyncio.Event()
        admission = Admission(protection.gate, limits.max_requests_inflight, lambda: self._is_leaving)
        app = create_app(lambda: self.engine.catalogue, self.readiness, self.has_namespace, time.time, admission)
        self._server = Server(server_config(app, protection.tls))

    def readiness(self) -> Mapping[str, bool]:
        """The named checks of /readyz.

        What was there once is not taken back because of the cluster: all replicas would go at the same time.
        """
        informers = self.cache.sources.watched.values()
        self._has_heard_all = self._has_heard_all or all(map(self._has_said_its_last, informers))
        checks = {name: is_there() for name, is_there in self._protection.checks.items()}
        return {
            "informer-sync": self._has_heard_all,
            "first-rows": self.ready.is_set(),
            **checks,
            "shutdown": not self._is_leaving,
        }

    def _has_said_its_last(self, informer: SyncState) -> bool:
        # Rights are often granted in the minute in which kubesum starts.
        denied_since = informer.denied_since
        return informer.has_synced or (denied_since is not None and time.time() - denied_since > REFUSAL_COUNTS_S)

    def has_namespace(self, name: str) -> bool:
        """Whether a namespace of this name is known."""
        return ("", name) in self.cache.contents(Source.NAMESPACES)

    async def run(self, listener: socket.socket, leave: asyncio.Event | None = None) -> None:
        """Serves until cancelled, or until it has left after `leave` is set; raises what any part raises."""
        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(work(), name=name) for name, work in self._work().items()]
            serving = tasks.create_task(self._server.serve([listener]), name="server")
            if leave is not None:
                await leave.wait()
                await self._take_leave()
                await serving
                for task in working:
                    task.cancel()

    def _work(self) -> dict[str, BackgroundTask]:
        """What goes on beside the answering of requests, by name."""
        return {
            **{
                f"informer {kind}": partial(self._poll if kind in self.cache.sources.polled else self._follow, kind)
                for kind in self._feeds
            },
            **self._protection.keepers,
            "freshness": self._check_freshness,
            "publisher": self._compute,
        }

    async def _take_leave(self) -> None:
        """Tells everybody to go elsewhere, and stops once they had the time to.

        Whoever routes requests here learns from /readyz, and goes on sending some until then.
        """
        log.info("leaving", extra={"seconds": self._limits.shutdown_delay_s})
        self._is_leaving = True
        await asyncio.sleep(self._limits.shutdown_delay_s)
        self.engine.close()
        self._server.should_exit = True

    async def _follow(self, kind: str) -> None:
        if kind == "pods":
            await self._others_settled()
        async for news in self._feeds[kind]():
            self.cache.apply(kind, news)
        self.cache.sources.watched[kind].is_final = True

    async def _poll(self, kind: str) -> None:
        async for news in self._feeds[kind]():
            if isinstance(news, WatchError):
                self.cache.sources.poll_failed(kind, news)
            elif isinstance(news, Poll):
                # Nobody is to see some pods as of this poll and others as of the one before.
                async with self.engine.batch():
                    # The first poll may come before the pods that it is about; the first publication waits for both.
                    await self.cache.sources.wait_for_sync()
                    await self.cache.apply_poll(kind, news)
                # A poll of a large cluster takes megabytes, which must not live on here until the next one.
                del news
                give_back_memory()

    async def _check_freshness(self) -> None:
        while True:
            await asyncio.sleep(FRESHNESS_CHECK_S)
            self.cache.sources.check()
            # Asked first, for a batch may be held as long as a watched kind cannot be listed.
            if self.cache.sources.expired_polls():
                async with self.engine.batch():
                    await self.cache.drop_expired_usage()

    async def _others_settled(self) -> None:
        # A pod that comes after its owners and nodes is computed once; the other way round twice.
        try:
            async with asyncio.timeout(PODS_WAIT_S):
                for kind, informer in self.cache.sources.watched.items():
                    if kind != "pods":
                        await informer.synced_or_denied.wait()
        except TimeoutError:
            return

    async def _compute(self) -> None:
        await self.cache.sources.wait_for_sync()
        await publish_once(self.engine)
        give_back_memory()
        await self._server.listening.wait()
        self.ready.set()
        await publish_forever(self.engine, time.time)


def give_back_memory() -> None:
    """Returns to the system what the C library keeps of freed memory, where it can be asked to (glibc).

    The buffers of the initial lists leave it with megabytes that it would hold for the life of the process.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
