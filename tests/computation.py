"""The computation without a network: a test puts JSON objects in, reads rows as JSON, and sets the time."""

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any

import msgspec

from kubesum.api.representations.objects import ENCODER
from kubesum.cache.store import Cache
from kubesum.kube.decoding import Decoder
from kubesum.kube.deltas import Deltas, ListStarted, Poll, Synced, WatchedResource
from kubesum.kube.objecterrorlog import Unread
from kubesum.resources import RESOURCES
from kubesum.rollups.engine import Engine
from kubesum.rollups.readers import READ_S
from kubesum.rollups.resourceversion import VersionClock
from kubesum.rollups.rows import status_of, uid_of
from kubesum.rollups.store import Store
from kubesum.semantics.interner import Interner
from kubesum.semantics.pods.resizes import ResizeRule
from kubesum.semantics.watchedresources import POLLED_RESOURCES, watched_pods, watched_resources
from kubesum.vocabulary.resource import ComputedResource, Key

JsonObject = dict[str, Any]

ANNOTATION = "example.org/cost-center"
"""The annotation that is read of pods."""
_INTERNER = Interner(capacity=32)
KINDS: dict[str, WatchedResource[Any]] = {kind.resource: kind for kind in watched_resources(_INTERNER)}
POLLS: dict[str, WatchedResource[Any]] = {kind.resource: kind for kind in POLLED_RESOURCES}
VALID_FOR_S = 90.0


def key_of(found: JsonObject) -> Key:
    """Namespace and name of an object."""
    return found["metadata"].get("namespace", ""), found["metadata"]["name"]


def fact_of(kind: str, found: JsonObject, rule: ResizeRule = ResizeRule.PER_POD) -> Any:
    """The facts that the cache keeps of an object, those of a pod by this rule; it must be readable."""
    decoder = _POD_DECODERS[rule] if kind == "pods" else _DECODERS[kind]
    ((_, facts),) = decoder.objects([msgspec.Raw(msgspec.json.encode(found))])
    return facts


def _fail(unread: Unread) -> None:
    raise AssertionError(unread)


_DECODERS = {name: Decoder(kind, _fail) for name, kind in (KINDS | POLLS).items()}
_POD_DECODERS = {rule: Decoder(watched_pods(_INTERNER, rule, (ANNOTATION,)), _fail) for rule in ResizeRule}


class Computation:
    """A synced cache, and the resources computed from it."""

    def __init__(
        self, *resources: ComputedResource, rule: ResizeRule = ResizeRule.PER_POD, synced_at: float = 500.0
    ) -> None:
        """`synced_at` is the time of the cache at which it syncs, in seconds since 1970."""
        self.rule = rule
        self.now = 1_000.0
        self.cache_now = synced_at
        clock = VersionClock(lambda: int(self.now * 1_000_000), tag=1)
        self.cache = Cache(lambda: self.cache_now, lambda: self.cache_now, POLLS)
        self.engine = Engine(
            clock, lambda: self.now, self.cache.contents, self.cache.sources.unavailable, self.cache.sources.stale
        )
        self.cache.subscribe(self.engine.change)
        self.engine.add(resources or RESOURCES)
        self._readers = {store.resource.plural: ExitStack() for store in self.engine.catalogue.stores}
        for plural in self._readers:
            self.read(plural)
        for kind in KINDS:
            self.relist(kind, [])

    def put(self, kind: str, found: JsonObject) -> None:
        """An object is created or changes."""
        self.cache.apply(kind, Deltas([(key_of(found), fact_of(kind, found, self.rule))]))

    def delete(self, kind: str, key: Key) -> None:
        """An object is deleted."""
        self.cache.apply(kind, Deltas([(key, None)]))

    def relist(self, kind: str, found: Iterable[JsonObject]) -> None:
        """The kind is relisted with these objects."""
        self.cache.apply(kind, ListStarted())
        self.cache.apply(kind, Deltas([(key_of(one), fact_of(kind, one, self.rule)) for one in found]))
        self.cache.apply(kind, Synced())

    async def poll(self, kind: str, found: Iterable[JsonObject]) -> None:
        """The kind is polled with this result."""
        poll = Poll(iter([(key_of(one), fact_of(kind, one)) for one in found]), VALID_FOR_S)
        async with self.engine.batch():
            await self.cache.apply_poll(kind, poll)

    async def publish(self) -> None:
        """Publishes what is due, and lets a little time pass."""
        await self.cache.rejoin_moved()
        await self.engine.publish()
        self.now += 0.3

    async def settle(self) -> None:
        """Publishes until no row is pending."""
        await self.cache.rejoin_moved()
        await self.engine.publish()
        while (due := self.engine.next_due()) is not None:
            self.now = max(self.now, due)
            await self.engine.publish()

    def read(self, plural: str) -> None:
        """Somebody reads the rows of a resource from now on."""
        self._readers[plural].enter_context(self.store(plural).watching())

    def ignore(self, plural: str) -> None:
        """Nobody reads the rows of a resource from now on, nor has read them lately."""
        self._readers[plural].close()
        self.now += READ_S

    def store(self, plural: str) -> Store:
        """The store of a resource."""
        return next(store for store in self.engine.catalogue.stores if store.resource.plural == plural)

    async def settled(self, plural: str) -> dict[Key, JsonObject]:
        """The rows of a resource once none is pending, without versions."""
        await self.settle()
        return rows_of(self.store(plural))

    async def everything(self) -> dict[str, dict[Key, JsonObject]]:
        """The rows of all resources, which somebody reads, once none is pending; without versions."""
        for plural in self._readers:
            self.read(plural)
        await self.settle()
        return {store.resource.plural: rows_of(store) for store in self.engine.catalogue.stores}


def rows_of(store: Store) -> dict[Key, JsonObject]:
    """The published rows of a store as JSON, without versions."""
    resource = store.resource
    return {
        row.key: {
            "uid": uid_of(resource, row),
            "created": row.subject and row.subject.created,
            "labels": row.subject and row.subject.labels,
            "status": msgspec.json.decode(ENCODER.encode(status_of(resource, row))),
        }
        for row in store.snapshot().rows
    }
