"""The informer's store: the facts of every watched object, and pods joined with what others say of them.

A pod's workload depends on its owners and its zone on its node. When an owner or a node comes, changes or
goes, the pods below it are joined again and those that differ are passed on as changed; objects may arrive in
any order. Everything runs on one event loop, so nothing is locked.

What pods and nodes use is polled, and known by name alone. A poll counts for the pods and nodes that are there
when it is taken in and are older than the measurement; it replaces the one before. Usage goes with its pod or
node: what comes later, under the same name or another, has none until the next poll.

Invariant: what is passed on, summed up, is what a cache filled from the final objects in any order holds.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, Final, TypeVar

from kubesum.cache.polled import PollState
from kubesum.cache.syncstate import SyncState
from kubesum.kube.deltas import Poll, SourceEvent, WatchError
from kubesum.operations import metrics
from kubesum.semantics.facts import (
    MeasuredNode,
    MeasuredPod,
    Measurement,
    NamespaceFacts,
    NodeFacts,
    OwnerFacts,
    PodFacts,
    SourceFacts,
    Usage,
)
from kubesum.semantics.usage import usage_since
from kubesum.semantics.workloads.owners import topmost
from kubesum.vocabulary.resource import Key, Source, Stale, Unavailable

OWNERS: Final = ("deployments", "statefulsets", "daemonsets", "cronjobs", "replicasets", "jobs")
MEASURES_PODS: Final = "pods.metrics.k8s.io"
"""The polled kind that tells of pods; the others tell of nodes."""
KINDS_OF: Final[Mapping[Source, tuple[str, ...]]] = {
    Source.PODS: ("pods",),
    Source.NODES: ("nodes",),
    Source.NAMESPACES: ("namespaces",),
    Source.WORKLOADS: OWNERS,
    Source.INFORMERS: (),
    Source.MEASURED_PODS: ("pods",),
    Source.MEASURED_NODES: ("nodes",),
}
"""Which watched kinds a source is made of; polled ones only add to it."""

Fact = TypeVar("Fact")
Member = TypeVar("Member")

OnChange = Callable[[Source, Any, Any], None]
"""Called with (source, old, new) for each object that came (old is None), changed or went (new is None)."""

SLICE: Final = 100
"""Measurements of a poll that are taken in before others on the event loop have their turn."""


class Cache:
    """All watched objects of a cluster."""

    def __init__(self, now: Callable[[], float], polled: Iterable[str] = ()) -> None:
        """`now` tells seconds since 1970; `polled` are the kinds of metrics that there will be news of."""
        self.informers: Final = {kind: SyncState(kind) for kinds in KINDS_OF.values() for kind in kinds}
        self.polled: Final = {kind: PollState(kind) for kind in polled}
        self._on_change: OnChange = _ignore
        self._now = now
        self._pods: dict[Key, MeasuredPod] = {}
        self._nodes: dict[Key, NodeFacts] = {}
        self._measured_nodes: dict[Key, MeasuredNode] = {}
        self._namespaces: dict[Key, NamespaceFacts] = {}
        self._owners: dict[str, dict[Key, OwnerFacts]] = {kind: {} for kind in OWNERS}
        self._owners_by_uid: dict[str, OwnerFacts] = {}
        self._workloads: dict[Key, OwnerFacts] = {}
        self._sources: dict[Key, SourceFacts] = {}
        # A node has some hundred pods at most: a list of them is searched fast, and takes a third of a dict.
        self._pods_on: dict[str, list[Key]] = {}
        # Sets as dicts: small sets take three times the memory.
        self._pods_of: dict[str, dict[Key, None]] = {}
        self._owned_by: dict[str, dict[str, None]] = {}
        for kind in (*self.informers, *self.polled):
            self._report(kind, synced=False)

    def subscribe(self, on_change: OnChange) -> None:
        """Passes every change from now on to `on_change`."""
        self._on_change = on_change

    def contents(self, source: Source) -> Mapping[Key, Any]:
        """What a source holds now, by key."""
        stores: dict[Source, Mapping[Key, Any]] = {
            Source.PODS: self._pods,
            Source.NODES: self._nodes,
            Source.NAMESPACES: self._namespaces,
            Source.WORKLOADS: self._workloads,
            Source.INFORMERS: self._sources,
            Source.MEASURED_PODS: self._pods,
            Source.MEASURED_NODES: self._measured_nodes,
        }
        return stores[source]

    async def settled(self) -> None:
        """Returns once every kind is synced or refused."""
        for informer in self.informers.values():
            await informer.settled.wait()

    def unavailable(self, sources: Iterable[Source]) -> Unavailable | None:
        """Why some of the sources can't be served yet; None when all can."""
        for kind in kinds_of(frozenset(sources)):
            informer = self.informers[kind]
            if informer.refused and not informer.synced:
                return Unavailable(f"kubesum may not list {kind}: {informer.refused}", transient=False)
            if not informer.synced:
                return Unavailable(f"the initial list of {kind} is not complete yet", transient=True)
        return None

    def stale(self, sources: Iterable[Source]) -> Sequence[Stale]:
        """The kinds of some sources that were listed and are not being followed now."""
        now = self._now()
        informers = [self.informers[kind] for kind in kinds_of(frozenset(sources))]
        return [Stale(one.resource, one.heard_at) for one in informers if one.synced and not one.is_in_step(now)]

    def apply(self, kind: str, news: SourceEvent[Any]) -> None:
        """Takes in one event of a watched kind."""
        informer = self.informers[kind]
        change, known = self._reader(kind)
        for key, fact in informer.changes(news, known):
            change(key, fact)
        informer.hear(news, self._now())
        metrics.INFORMER_OBJECTS.labels(kind).set(len(known))
        self._report_change(informer)

    async def apply_poll(self, kind: str, poll: Poll[Measurement]) -> None:
        """Takes in the list of a polled kind; pauses between slices, in which pods and nodes may change."""
        polled = self.polled[kind]
        polled.hear(poll, self._now())
        await self._measured(kind, poll.objects)
        self._report_change(polled)

    def poll_failed(self, kind: str, error: WatchError) -> None:
        """Notes that a polled kind could not be read: what was found last is kept as long as it is good for."""
        polled = self.polled[kind]
        polled.hear(error, self._now())
        self._report_change(polled)

    def check_freshness(self) -> None:
        """Notes which kinds have not been heard of for too long; to be called every few seconds."""
        for informer in self.informers.values():
            self._report_change(informer)

    def has_expired_usage(self) -> bool:
        """Whether the last poll of a kind is too old to be shown."""
        return any(self._is_expired(polled) for polled in self.polled.values())

    async def drop_expired_usage(self) -> None:
        """Takes back the usage of polls that are too old; pauses as `apply_poll` does."""
        for polled in filter(self._is_expired, self.polled.values()):
            polled.synced = False
            await self._measured(polled.resource, ())
            self._report_change(polled)

    def _is_expired(self, polled: PollState) -> bool:
        return polled.synced and not polled.is_in_step(self._now())

    def end(self, kind: str) -> None:
        """Says that no more news of a kind will come, and that none is missing: it was read from files."""
        self.informers[kind].is_final = True

    def _report_change(self, kind: SyncState | PollState) -> None:
        in_step = kind.is_in_step(self._now())
        if in_step != self._sources["", kind.resource].synced:
            self._report(kind.resource, in_step)

    def _reader(self, kind: str) -> tuple[Callable[[Key, Any], None], Mapping[Key, Any]]:
        match kind:
            case "pods":
                return self._pod, self._pods
            case "nodes":
                return self._node, self._nodes
            case "namespaces":
                return self._namespace, self._namespaces
            case _:
                owners = self._owners[kind]
                return partial(self._owner, owners), owners

    def _report(self, kind: str, synced: bool) -> None:
        key = ("", kind)
        changed = datetime.fromtimestamp(self._now(), UTC).replace(microsecond=0)
        old, new = self._sources.get(key), SourceFacts(kind, synced, changed, kind in self.polled)
        self._sources[key] = new
        metrics.INFORMER_IN_STEP.labels(kind).set(synced)
        self._on_change(Source.INFORMERS, old, new)

    def _namespace(self, key: Key, facts: NamespaceFacts | None) -> None:
        old = replace(self._namespaces, key, facts)
        if old != facts:
            self._on_change(Source.NAMESPACES, old, facts)

    def _node(self, key: Key, facts: NodeFacts | None) -> None:
        old = replace(self._nodes, key, facts)
        if old == facts:
            return
        self._on_change(Source.NODES, old, facts)
        known = self._measured_nodes.get(key)
        usage = known.usage if known is not None and facts is not None and known.uid == facts.uid else None
        self._node_measured(key, None if facts is None else MeasuredNode(facts, usage))
        if old is None or facts is None or old.zone != facts.zone:
            self._rejoin(self._pods_on.get(key[1], ()))

    def _pod(self, key: Key, facts: PodFacts | None) -> None:
        old = self._pods.get(key)
        if facts is None:
            if old is not None:
                del self._pods[key]
                self._unlink(key, old.facts)
                self._pod_changed(old, None)
            return
        was = old.facts if old is not None else None
        if was == facts:
            return
        # The fact's own key: one tuple for the store, the indexes and the rows.
        key = facts.key
        usage = old.usage if old is not None and old.uid == facts.uid and facts.state.active else None
        new = self._pods[key] = self._joined(facts, usage)
        if was is None or (was.node, was.owner.uid) != (facts.node, facts.owner.uid):
            if was is not None:
                self._unlink(key, was)
            self._link(key, facts)
        self._pod_changed(old, new)

    def _pod_changed(self, old: MeasuredPod | None, new: MeasuredPod | None) -> None:
        """Passes on a change of more than usage."""
        self._on_change(Source.PODS, old, new)
        self._on_change(Source.MEASURED_PODS, old, new)

    def _joined(self, facts: PodFacts, usage: Usage | None) -> MeasuredPod:
        node = self._nodes.get(("", facts.node))
        workload = topmost(facts.owner, self._owners_by_uid.get)
        return MeasuredPod(facts, workload, node.zone if node else None, usage)

    def _link(self, key: Key, facts: PodFacts) -> None:
        if facts.node:
            self._pods_on.setdefault(facts.node, []).append(key)
        if facts.owner.uid not in ("", facts.uid):
            self._pods_of.setdefault(facts.owner.uid, {})[key] = None

    def _unlink(self, key: Key, facts: PodFacts) -> None:
        if facts.node:
            on_node = self._pods_on[facts.node]
            on_node.remove(key)
            if not on_node:
                del self._pods_on[facts.node]
        drop(self._pods_of, facts.owner.uid, key)

    def _rejoin(self, keys: Iterable[Key]) -> None:
        for key in keys:
            old = self._pods[key]
            new = self._joined(old.facts, old.usage)
            if (old.workload, old.zone) != (new.workload, new.zone):
                self._pods[key] = new
                self._pod_changed(old, new)

    async def _measured(self, kind: str, found: Iterable[tuple[Key, Measurement | None]]) -> None:
        """Gives every pod or node the usage that a poll found, and none to those that it did not find."""
        known: Mapping[Key, Any] = self._pods if kind == MEASURES_PODS else self._nodes
        measure = self._measure_pod if kind == MEASURES_PODS else self._measure_node
        unmeasured = dict.fromkeys(known)
        for number, (key, measurement) in enumerate(found):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            if measurement is not None:
                unmeasured.pop(key, None)
                measure(key, measurement)
        for number, key in enumerate(unmeasured):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            measure(key, None)

    def _measure_pod(self, key: Key, measurement: Measurement | None) -> None:
        old = self._pods.get(key)
        if old is None:
            return
        usage = usage_since(old.created, measurement) if old.state.active else None
        if usage != old.usage:
            new = self._pods[old.facts.key] = MeasuredPod(old.facts, old.workload, old.zone, usage)
            self._on_change(Source.MEASURED_PODS, old, new)

    def _measure_node(self, key: Key, measurement: Measurement | None) -> None:
        node = self._nodes.get(key)
        if node is not None:
            self._node_measured(key, MeasuredNode(node, usage_since(node.created, measurement)))

    def _node_measured(self, key: Key, node: MeasuredNode | None) -> None:
        old = replace(self._measured_nodes, key, node)
        if old != node:
            self._on_change(Source.MEASURED_NODES, old, node)

    def _owner(self, store: dict[Key, OwnerFacts], key: Key, facts: OwnerFacts | None) -> None:
        old = replace(store, key, facts)
        if old == facts:
            return
        if old is not None:
            if self._owners_by_uid.get(old.uid) is old:
                del self._owners_by_uid[old.uid]
            drop(self._owned_by, old.controller.uid if old.controller else "", old.uid)
        # Objects from files may lack a uid: nothing can refer to them.
        if facts is not None and facts.uid:
            self._owners_by_uid[facts.uid] = facts
            if facts.controller:
                self._owned_by.setdefault(facts.controller.uid, {})[facts.uid] = None
        self._place_owner(old, facts)

    def _place_owner(self, old: OwnerFacts | None, new: OwnerFacts | None) -> None:
        if old is not None and (new is None or new.uid != old.uid):
            self._place(old, None)
            self._resettle_below(old.uid, set())
        if new is not None:
            self._place(new, new)
            if old is None or (old.uid, old.controller) != (new.uid, new.controller):
                self._resettle_below(new.uid, set())

    def _resettle_below(self, uid: str, visited: set[str]) -> None:
        """What hangs below an owner that came, went or has another controller finds its place anew."""
        visited.add(uid)
        self._rejoin(self._pods_of.get(uid, ()))
        for child in self._owned_by.get(uid, {}).keys() - visited:
            owner = self._owners_by_uid.get(child)
            if owner is None:
                continue
            self._place(owner, owner)
            self._resettle_below(child, visited)

    def _place(self, owner: OwnerFacts, new: OwnerFacts | None) -> None:
        """Keeps the source of workloads to the owners that nothing watched owns in turn."""
        key = (owner.namespace, owner.ref.row)
        old = self._workloads.get(key)
        if new is not None and topmost(new.ref, self._owners_by_uid.get) != new.ref:
            new = None
        if old == new or (new is None and old is not None and old.uid != owner.uid):
            return
        replace(self._workloads, key, new)
        self._on_change(Source.WORKLOADS, old, new)


@cache
def kinds_of(sources: frozenset[Source]) -> tuple[str, ...]:
    """The watched kinds that some sources are made of, each once, in the order of the sources."""
    return tuple(dict.fromkeys(kind for source in Source if source in sources for kind in KINDS_OF[source]))


def _ignore(_source: Source, _old: Any, _new: Any) -> None:
    """Nobody has subscribed yet."""


def replace(store: dict[Key, Fact], key: Key, fact: Fact | None) -> Fact | None:
    """Puts a fact into a store, or takes it out (None); returns the one that was there."""
    old = store.get(key)
    if fact is not None:
        store[key] = fact
    elif old is not None:
        del store[key]
    return old


def drop(index: dict[str, dict[Member, None]], value: str, member: Member) -> None:
    """Takes a member out of an index, and the whole entry with its last one."""
    members = index.get(value)
    if members is None:
        return
    members.pop(member, None)
    if not members:
        del index[value]
