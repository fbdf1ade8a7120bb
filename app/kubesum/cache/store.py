"""The facts of every watched object, and pods joined with their workload, zone and usage.

A pod's workload depends on its owners, its zone on its node. When an owner or a node is created, changed or deleted,
the pods below it are joined anew, a slice of them at once and the others in `rejoin_moved`, and those that differ are
passed on as changed; objects may arrive in any order.
Everything runs on one event loop, so nothing is locked.

Invariant: the changes passed on add up to what a cache filled from the final objects, in any order, holds.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any, Final

from kubesum.cache.changes import OnChange, replace
from kubesum.cache.nodeindex import NodeIndex
from kubesum.cache.ownergraph import OWNERS, OwnerGraph
from kubesum.cache.sources import SourceStates
from kubesum.cache.usagejoin import SLICE, UsageJoin
from kubesum.kube.deltas import Poll, SourceEvent
from kubesum.operations import metrics
from kubesum.semantics.facts import Measurement, NamespaceFacts, NodeFacts, OwnerFacts, PodFacts
from kubesum.vocabulary.resource import Key, Source

PODS_METRICS: Final = "pods.metrics.k8s.io"
"""The polled kind that measures pods; the other one measures nodes."""

Put = Callable[[Key, Any], None]
"""Takes in the facts of an object, or that it is deleted (None)."""


class Cache:
    """All watched objects of a cluster."""

    def __init__(self, now: Callable[[], float], monotonic: Callable[[], float], polled: Iterable[str] = ()) -> None:
        """`now` gives seconds since 1970, `monotonic` those of a clock that nobody sets.

        `polled` are the polled kinds.
        """
        self._on_change: OnChange = _ignore
        self._monotonic: Final = monotonic
        self.sources: Final = SourceStates(now, monotonic, polled, self._pass_on)
        self._joined: Final = UsageJoin(self._pass_on)
        self._owners: Final = OwnerGraph(self._pass_on, self._joined.pods)
        self._nodes: Final[dict[Key, NodeFacts]] = {}
        self._namespaces: Final[dict[Key, NamespaceFacts]] = {}
        # Pods that may have another workload or zone now; an owner or node may have any number.
        self._moved: Final[dict[Key, None]] = {}
        self._pods_on: Final = NodeIndex()
        kinds: Mapping[str, tuple[Put, Mapping[Key, Any]]] = {
            "pods": (self._put_pod, self._joined.pods),
            "nodes": (self._put_node, self._nodes),
            "namespaces": (self._put_namespace, self._namespaces),
            **{kind: (partial(self._put_owner, kind), self._owners.owners[kind]) for kind in OWNERS},
        }
        self._kinds: Final = {kind: (*of, metrics.INFORMER_OBJECTS.labels(kind)) for kind, of in kinds.items()}
        self._contents: Final[Mapping[Source, Mapping[Key, Any]]] = {
            Source.PODS: self._joined.pods,
            Source.NODES: self._joined.nodes,
            Source.NAMESPACES: self._namespaces,
            Source.WORKLOADS: self._owners.workloads,
            Source.INFORMERS: self.sources.facts,
        }

    def subscribe(self, on_change: OnChange) -> None:
        """Passes every change from now on to `on_change`."""
        self._on_change = on_change

    def _pass_on(self, source: Source, old: Any | None, new: Any | None) -> None:
        self._on_change(source, old, new)

    def contents(self, source: Source) -> Mapping[Key, Any]:
        """What a source holds now, by key."""
        return self._contents[source]

    def apply(self, kind: str, event: SourceEvent[Any]) -> None:
        """Takes in one event of a watched kind."""
        state = self.sources.watched[kind]
        put, known, number = self._kinds[kind]
        for key, fact in state.changes(event, known):
            put(key, fact)
        self._rejoin_slice()
        state.observe(event, self._monotonic())
        number.set(len(known))
        self.sources.report(state)

    async def rejoin_moved(self) -> None:
        """Joins what the events so far moved and is left over; pauses between slices, in which anything may change.

        Until then such a pod has the workload and zone of before.
        """
        while self._moved:
            await asyncio.sleep(0)
            self._rejoin_slice()

    async def apply_poll(self, kind: str, poll: Poll[Measurement]) -> None:
        """Takes in the list of a polled kind; pauses between slices, in which pods and nodes may change."""
        state = self.sources.polled[kind]
        state.succeeded(poll.valid_for_s, self._monotonic())
        await self._replace_usage(kind, poll.objects)
        self.sources.report(state)

    async def drop_expired_usage(self) -> None:
        """Removes the usage of polls that are too old; pauses as `apply_poll` does."""
        for state in self.sources.expired_polls():
            state.has_synced = False
            await self._replace_usage(state.resource, ())
            self.sources.report(state)

    async def _replace_usage(self, kind: str, found: Iterable[tuple[Key, Measurement | None]]) -> None:
        if kind == PODS_METRICS:
            await self._joined.replace_pod_usage(found)
        else:
            await self._joined.replace_node_usage(found)

    def _put_namespace(self, key: Key, facts: NamespaceFacts | None) -> None:
        old = replace(self._namespaces, key, facts)
        if old != facts:
            self._on_change(Source.NAMESPACES, old, facts)

    def _put_node(self, key: Key, facts: NodeFacts | None) -> None:
        old = replace(self._nodes, key, facts)
        if old == facts:
            return
        self._joined.put_node(key, facts)
        if old is None or facts is None or old.zone != facts.zone:
            self._moved.update(dict.fromkeys(self._pods_on.pods_of(key[1])))

    def _put_owner(self, kind: str, key: Key, facts: OwnerFacts | None) -> None:
        self._moved.update(dict.fromkeys(self._owners.put(kind, key, facts)))

    def _put_pod(self, key: Key, facts: PodFacts | None) -> None:
        known = self._joined.pods.get(key)
        old = known.facts if known is not None else None
        if old == facts:
            return
        is_moved = old is None or facts is None or _linked_to(old) != _linked_to(facts)
        if is_moved and old is not None:
            self._unlink(old)
        if facts is None:
            self._joined.remove_pod(key)
        else:
            if is_moved:
                self._link(facts)
            if known is None or is_moved or known.facts.owner != facts.owner:
                self._joined.put_pod(facts, self._owners.workload_of(facts), self._zone_of(facts.node))
            else:
                # If its owners or its node have changed, it is among those that moved.
                self._joined.put_pod(facts, known.workload, known.zone)
        self._note_moved_below(old, facts)

    def _note_moved_below(self, old: PodFacts | None, new: PodFacts | None) -> None:
        """Notes the pods that a pod controls if they may belong to another workload now."""
        before = (old.uid, old.owner) if old is not None else None
        after = (new.uid, new.owner) if new is not None else None
        if before != after:
            for uid in {one[0] for one in (before, after) if one is not None}:
                self._moved.update(dict.fromkeys(self._owners.below_pod(uid)))

    def _rejoin_slice(self) -> None:
        """Gives the next pods of those that moved the workload and zone that they have now."""
        for key in list(islice(self._moved, SLICE)):
            del self._moved[key]
            pod = self._joined.pods.get(key)
            if pod is None:
                continue
            workload, zone = self._owners.workload_of(pod.facts), self._zone_of(pod.facts.node)
            if (workload, zone) != (pod.workload, pod.zone):
                self._joined.put_pod(pod.facts, workload, zone)

    def _zone_of(self, node_name: str) -> str | None:
        node = self._nodes.get(("", node_name))
        return node.zone if node else None

    def _link(self, pod: PodFacts) -> None:
        if pod.node:
            self._pods_on.add(pod.node, pod.key)
        self._owners.add_pod(pod)

    def _unlink(self, pod: PodFacts) -> None:
        if pod.node:
            self._pods_on.remove(pod.node, pod.key)
        self._owners.remove_pod(pod)


def _linked_to(pod: PodFacts) -> tuple[str, str, str]:
    """What a pod's place in the indexes depends on."""
    return pod.node, pod.uid, pod.owner.uid


def _ignore(_source: Source, _old: Any, _new: Any) -> None:
    """Stands in until a subscriber is set."""
