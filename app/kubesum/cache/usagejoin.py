"""Pods and nodes joined with what they use.

Usage is polled from metrics.k8s.io, where pods and nodes are known by name alone. So a measurement counts only for a
pod or node that is older than it, and usage stays with its pod or node: what is created later under the same name has
none until the next poll. A poll replaces the one before; what it leaves out has no usage any more.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from kubesum.cache.changes import OnChange, replace
from kubesum.semantics.facts import MeasuredNode, Measurement, NodeFacts, Pod, PodFacts, Usage, WorkloadRef
from kubesum.semantics.usage import usage_since
from kubesum.vocabulary.resource import Key, Source

SLICE: Final = 100
"""Measurements that are taken in before others on the event loop have their turn."""

Measurements = Iterable[tuple[Key, Measurement | None]]
"""What a poll found; None for what cannot be understood, which does not count as found."""


class UsageJoin:
    """All pods and nodes, each with its usage."""

    def __init__(self, on_change: OnChange) -> None:
        """Each change of a pod or node is passed to `on_change`."""
        self.pods: Final[dict[Key, Pod]] = {}
        self.nodes: Final[dict[Key, MeasuredNode]] = {}
        self._on_change: Final = on_change

    def put_pod(self, facts: PodFacts, workload: WorkloadRef, zone: str | None) -> None:
        """A pod was created or changed."""
        # The fact's own key: one tuple for the store, the indexes and the rows.
        key = facts.key
        old = self.pods.get(key)
        usage = old.usage if old is not None and old.uid == facts.uid and facts.state.active else None
        new = self.pods[key] = Pod(facts, workload, zone, usage)
        self._on_change(Source.PODS, old, new)

    def remove_pod(self, key: Key) -> None:
        """A pod was deleted."""
        old = self.pods.pop(key)
        self._on_change(Source.PODS, old, None)

    def put_node(self, key: Key, facts: NodeFacts | None) -> None:
        """A node was created, changed, or deleted (None)."""
        old = self.nodes.get(key)
        usage = old.usage if old is not None and facts is not None and old.uid == facts.uid else None
        self._replace_node(key, None if facts is None else MeasuredNode(facts, usage))

    async def replace_pod_usage(self, found: Measurements) -> None:
        """Gives each pod the usage that a poll found; pauses between slices, in which pods may change."""
        await _measure(self._measure_pod, self.pods, found)

    async def replace_node_usage(self, found: Measurements) -> None:
        """The same for nodes."""
        await _measure(self._measure_node, self.nodes, found)

    def _measure_pod(self, key: Key, measurement: Measurement | None) -> None:
        old = self.pods.get(key)
        if old is None:
            return
        facts = old.facts
        usage: Usage | None = usage_since(facts.created, measurement) if facts.state.active else None
        if usage != old.usage:
            new = self.pods[old.facts.key] = Pod(old.facts, old.workload, old.zone, usage)
            self._on_change(Source.PODS, old, new)

    def _measure_node(self, key: Key, measurement: Measurement | None) -> None:
        node = self.nodes.get(key)
        if node is not None:
            self._replace_node(key, MeasuredNode(node.facts, usage_since(node.created, measurement)))

    def _replace_node(self, key: Key, node: MeasuredNode | None) -> None:
        old = replace(self.nodes, key, node)
        if old != node:
            self._on_change(Source.NODES, old, node)


async def _measure(
    measure: Callable[[Key, Measurement | None], None], known: Iterable[Key], found: Measurements
) -> None:
    """Measures what was found, and then all else that was known at the beginning with None."""
    before, measured = list(known), set[Key]()
    for number, (key, measurement) in enumerate(found):
        if number % SLICE == 0:
            await asyncio.sleep(0)
        if measurement is not None:
            measured.add(key)
            measure(key, measurement)
    for number, key in enumerate(before):
        if number % SLICE == 0:
            await asyncio.sleep(0)
        if key not in measured:
            measure(key, None)
