"""The composition root: builds every part in order and runs them as one group of tasks.

The only module that imports every layer. Whatever a task raises ends the group and with it the process: a cache
that is no longer fed must not be served as if it were fresh. Kubernetes restarts the process.
"""

import asyncio
import gc
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from kubesum.cache.sources import source_of
from kubesum.cache.store import Cache
from kubesum.cache.syncstate import SyncState
from kubesum.edge.http.connections import Connections
from kubesum.edge.secureserving import BackgroundTask, SecureServing
from kubesum.kube.deltas import Poll, SourceEvent, Synced, WatchError
from kubesum.operations.eventlooplag import measure_event_loop_lag
from kubesum.operations.logs import log_loop_error
from kubesum.resources import RESOURCES
from kubesum.rollups.engine import Engine
from kubesum.rollups.publisher import publish_forever, publish_once
from kubesum.rollups.resourceversion import TAGS, VersionClock
from kubesum.semantics.watchedresources import POLLED_RESOURCES
from kubesum.server.definedkinds import DefinedKinds
from kubesum.server.definitioncontroller import DefinitionController, DefinitionsApi
from kubesum.server.descriptors import max_connections
from kubesum.server.garbage import collect_everything_hourly
from kubesum.server.memorywatch import MemoryWatch, Relief, memory_limit, trim_memory
from kubesum.server.uvicornserver import Server, server_config
from kubesum.vocabulary import defaults
from kubesum.vocabulary.resource import Source
from kubesum.web.app import create_app
from kubesum.web.inflight import RequestLimits
from kubesum.web.resources import ResourceHandler
from kubesum.web.state import ServerState

log = logging.getLogger(__name__)

PODS_WAIT_S: Final = 5.0
"""Pods are listed after the kinds that say where they belong, but no later than this."""
DEFINITIONS_WAIT_S: Final = 30.0
"""RollupDefinitions that cannot be listed keep the server from being ready for so long."""
DENIAL_COUNTS_S: Final = 60.0
"""A kind that kubesum may not list keeps the server from being ready for so long: the other kinds are served then."""
FRESHNESS_CHECK_S: Final = 5.0
"""How often it is checked which kinds have become stale."""

ListWatch = Callable[[], AsyncIterator[SourceEvent[Any]]]
"""Begins to read one kind: lists and watches it, or polls it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is answered at once, and how a server shuts down."""

    max_requests_inflight: int = defaults.MAX_REQUESTS_INFLIGHT
    """Requests other than watches, as --max-requests-inflight of kube-apiserver."""
    max_connections: int | None = None
    """Connections open at the same time; None for as many as there are descriptors for."""
    user_share_percent: int = defaults.USER_SHARE_PERCENT
    """Percentage of the requests in flight, and of the watches, that one user gets at most."""
    memory_limit_bytes: int | None = None
    """Memory to keep below; 0 for any, None for the limit of the control group."""
    shutdown_delay_s: float = 0.0
    """How long requests are still answered after /readyz has begun to fail."""
    rollup_metrics: tuple[str, ...] = ()
    """The plurals of the resources whose rows are metrics."""
    access_log: str = defaults.ACCESS_LOG_ERRORS
    """Which requests are logged: a value of --access-log."""
    annotations: tuple[str, ...] = ()
    """The annotations of pods that are read, for the keys and expressions of definitions."""


# Half of the connections at most have watches, a quarter requests, an eighth requests of masters beyond these, and a
# sixteenth wait for TokenReviews: some are idle, and can be closed for a new one.
def max_waiting(connections: int) -> int:
    """How many requests may wait for a TokenReview, of at most so many connections."""
    return max(1, connections // 16)


def _request_limits(limits: Limits, connections: int) -> RequestLimits:
    """How many requests and watches may be answered at the same time, of at most so many connections."""
    return RequestLimits(
        max_requests_inflight=min(limits.max_requests_inflight, max(1, connections // 4)),
        max_watches=max(1, connections // 2),
        user_share_percent=limits.user_share_percent,
        access_log=limits.access_log,
    )


class Kubesum:
    """One running kubesum: list-watches, cache, computation and server."""

    def __init__(
        self,
        list_watches: Mapping[str, ListWatch],
        secure_serving: SecureServing,
        limits: Limits = Limits(),
        definitions: DefinitionsApi | None = None,
    ) -> None:
        """`list_watches` are those of the watched and polled kinds, by name.

        Without `definitions`, the kinds of RollupDefinitions are those that `defined` is given.
        """
        self._list_watches: Final = list_watches
        self._secure_serving: Final = secure_serving
        self._limits: Final = limits
        self._shutting_down = False
        self._has_synced = False
        clock = VersionClock(lambda: time.time_ns() // 1000, 1 + secrets.randbelow(TAGS - 1))
        polled = [kind.resource for kind in POLLED_RESOURCES if kind.resource in list_watches]
        self.cache: Final = Cache(time.time, time.monotonic, polled)
        sources = self.cache.sources
        self.engine: Final = Engine(clock, time.monotonic, self.cache.contents, sources.unavailable, sources.stale)
        self.cache.subscribe(self.engine.change)
        self.engine.add(RESOURCES)
        self.defined: Final = DefinedKinds(self.engine, RESOURCES, limits.annotations)
        self._controller: Final = (
            None if definitions is None else DefinitionController(definitions, self.defined, time.time)
        )
        self.ready: Final = asyncio.Event()
        state = ServerState(
            catalogue=lambda: self.engine.catalogue,
            readiness=self.readiness,
            has_namespace=self.has_namespace,
            now=time.time,
            shutting_down=lambda: self._shutting_down,
            memory_pressure=lambda: self._memory.pressure(),  # noqa: PLW0108 - it is made below
            rollup_metrics=limits.rollup_metrics,
        )
        resources = ResourceHandler(state)
        connections = Connections(max_connections(None) if limits.max_connections is None else limits.max_connections)
        self._memory: Final = MemoryWatch(
            memory_limit(limits.memory_limit_bytes),
            Relief(
                resources.drop_caches,
                lambda is_short: connections.relieve(is_short=is_short),
                resources.end_slow_responses,
            ),
        )
        request_limits = _request_limits(limits, connections.maximum)
        app = create_app(resources, state, secure_serving.authenticator, secure_serving.authorizer, request_limits)
        self._server: Final = Server(server_config(app, secure_serving.tls), connections)

    def readiness(self) -> Mapping[str, bool]:
        """The named checks of /readyz.

        A check that passed once does not fail because of the API server: all replicas would become unready together.
        """
        states = self.cache.sources.watched.values()
        self._has_synced = self._has_synced or all(map(_has_synced_or_denied, states))
        checks = {name: passes() for name, passes in self._secure_serving.readiness_checks.items()}
        return {
            "informer-sync": self._has_synced,
            "first-rows": self.ready.is_set(),
            **checks,
            "shutdown": not self._shutting_down,
        }

    def has_namespace(self, name: str) -> bool:
        """Whether a namespace of this name exists."""
        return ("", name) in self.cache.contents(Source.NAMESPACES)

    async def run(self, listener: socket.socket, stop: asyncio.Event | None = None) -> None:
        """Serves until cancelled, or until it has shut down after `stop` is set; raises what any task raises."""
        asyncio.get_running_loop().set_exception_handler(log_loop_error)
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(task(), name=name) for name, task in self._tasks().items()]
            serving = tasks.create_task(self._server.serve([listener]), name="server")
            if stop is not None:
                await stop.wait()
                await self._shut_down()
                await serving
                for task in background:
                    task.cancel()

    def _tasks(self) -> dict[str, BackgroundTask]:
        """What runs beside the server, by name."""
        polled = self.cache.sources.polled
        return {
            **{
                f"informer {kind}": partial(self._poll if kind in polled else self._watch, kind)
                for kind in self._list_watches
            },
            **self._secure_serving.tasks,
            **({} if self._controller is None else {"rollup definitions": self._controller.run}),
            "freshness": self._check_freshness,
            "garbage": collect_everything_hourly,
            "publisher": self._publish,
            "memory": self._memory.run,
            "event loop lag": measure_event_loop_lag,
        }

    async def _shut_down(self) -> None:
        """Fails /readyz, and ends watches and server after the delay.

        Load balancers send requests until they have seen /readyz fail: those are still answered.
        """
        log.info("shutting down", extra={"seconds": self._limits.shutdown_delay_s})
        self._shutting_down = True
        await asyncio.sleep(self._limits.shutdown_delay_s)
        self.engine.close()
        self._server.should_exit = True

    async def _watch(self, kind: str) -> None:
        """Feeds the cache with the events of a watched kind."""
        if kind == "pods":
            await self._wait_for_others()
        async for event in self._list_watches[kind]():
            is_relisted = isinstance(event, Synced) and self.cache.sources.watched[kind].has_synced
            self.cache.apply(kind, event)
            await self.cache.rejoin_moved()
            if is_relisted:
                self.engine.note_missed(source_of(kind))
            if not self.ready.is_set():
                # Facts and sums hold no cycles: collections during the initial list would walk all that came so far.
                gc.freeze()
        # Only what is read from files ends.
        self.cache.sources.watched[kind].is_final = True

    async def _wait_for_others(self) -> None:
        # A pod that comes after its owners and its node is computed once; the other way round twice.
        try:
            async with asyncio.timeout(PODS_WAIT_S):
                for kind, state in self.cache.sources.watched.items():
                    if kind != "pods":
                        await state.synced_or_denied.wait()
        except TimeoutError:
            return

    async def _poll(self, kind: str) -> None:
        """Feeds the cache with the lists of a polled kind."""
        async for event in self._list_watches[kind]():
            if isinstance(event, WatchError):
                self.cache.sources.poll_failed(kind, event)
            elif isinstance(event, Poll):
                # One batch, so that no published state mixes this poll with the one before.
                async with self.engine.batch():
                    # The first poll may come before its pods are listed; the first publication then waits for both.
                    await self.cache.sources.wait_for_sync()
                    await self.cache.apply_poll(kind, event)
                # The poll of a large cluster takes megabytes: they are not kept until the next one.
                del event
                trim_memory()

    async def _check_freshness(self) -> None:
        while True:
            await asyncio.sleep(FRESHNESS_CHECK_S)
            self.cache.sources.check()
            if self._controller is None:
                self._refuse_slow_definitions()
            # Asked first: a poll may hold its batch for as long as a kind cannot be listed.
            if self.cache.sources.expired_polls():
                async with self.engine.batch():
                    await self.cache.drop_expired_usage()

    def _refuse_slow_definitions(self) -> None:
        """What the controller does where there is one; definitions of files alone have no status to say it."""
        for verdict in self.defined.refuse_slow():
            for problem in verdict.problems:
                log.warning(
                    "definition refused", extra={"definition": verdict.metadata.name, "reason": problem.sentence}
                )

    async def _wait_for_definitions(self) -> None:
        """Returns once the kinds of all definitions are added; after a while also if they cannot be listed."""
        if self._controller is None:
            return
        try:
            # A replica that is ready without them takes their kinds out of discovery.
            async with asyncio.timeout(DEFINITIONS_WAIT_S):
                await self._controller.started.wait()
        except TimeoutError:
            log.warning("RollupDefinitions cannot be listed: serving everything else")

    async def _publish(self) -> None:
        await self.cache.sources.wait_for_sync()
        await self._wait_for_definitions()
        await publish_once(self.engine)
        # Facts and rows hold no cycles, and each collection would walk those of the whole cluster.
        gc.freeze()
        trim_memory()
        await self._server.listening.wait()
        self.ready.set()
        await publish_forever(self.engine, time.monotonic)


def _has_synced_or_denied(state: SyncState) -> bool:
    # Rights are often granted in the minute in which kubesum starts.
    denied_since = state.denied_since
    return state.has_synced or (denied_since is not None and time.monotonic() - denied_since > DENIAL_COUNTS_S)
