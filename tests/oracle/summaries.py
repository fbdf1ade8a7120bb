"""Requests and limits from NodeSummaries and PodSummaries, in the form of `kubectl describe node`."""

from collections.abc import Mapping
from dataclasses import dataclass

from kubesum.vocabulary.quantity import amount
from kubesum.vocabulary.resource import Key
from tests.computation import JsonObject
from tests.oracle.describenode import Row

SIDES = ("requests", "limits")


@dataclass(frozen=True)
class Summaries:
    """The statuses of NodeSummaries by name, and of PodSummaries by namespace and name."""

    nodes: Mapping[str, JsonObject]
    pods: Mapping[Key, JsonObject]

    def row(self, key: Key) -> Row:
        """Requests and limits of a pod as `kubectl describe node` has them in a row."""
        requests, limits = ({name: self._asked(key, side, name) for name in ("cpu", "memory")} for side in SIDES)
        return requests, limits

    def _asked(self, key: Key, side: str, name: str) -> int:
        return amount(name, self.pods[key][side].get(name, 0))

    def total(self, node: str, name: str) -> tuple[int, ...]:
        """Requests and limits of one resource on a node."""
        return tuple(amount(name, self.nodes[node][side].get(name, 0)) for side in SIDES)

    def percents(self, node: str, name: str) -> tuple[int, ...]:
        """Requests and limits of one resource on a node in percent of what is allocatable."""
        return tuple(self.nodes[node][f"{side}Percent"].get(name, 0) for side in SIDES)
