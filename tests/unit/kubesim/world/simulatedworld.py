"""Simulated worlds for tests, and what a client sees of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kubesim.store.store import Store, StoredObject
from kubesim.world.world import World
from kubesum.commands.demo.simulation import INSTALLATION
from kubesum.kube.objects.core import Node, Pod
from kubesum.kube.objects.meta import Metadata
from kubesum.semantics.pods.podresources import pod_resources
from kubesum.semantics.pods.requests import effective_resources
from kubesum.semantics.pods.resizes import ResizeRule
from kubesum.semantics.pods.status import displayed, is_active
from kubesum.vocabulary.quantity import ResourceList

NOW = datetime(2026, 1, 20, 12, 0, tzinfo=UTC)
WATCHED = (
    "nodes",
    "namespaces",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "pods",
)


class _Described(msgspec.Struct):
    """Any object."""

    metadata: Metadata


@dataclass
class SimulatedWorld:
    """A world and its store; each step takes half a second."""

    world: World
    store: Store
    now: datetime = NOW

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.now += timedelta(milliseconds=500)
            self.world.step(self.store, self.now)

    def objects(self, resource: str) -> list[Any]:
        return [stored.decoded() for stored in self.store.list(resource)]

    def pods(self) -> Iterator[Pod]:
        for stored in self.store.list("pods"):
            yield msgspec.json.decode(stored.body, type=Pod)

    def metadata(self, *resources: str) -> Iterator[Metadata]:
        for resource in resources:
            for stored in self.store.list(resource):
                yield msgspec.json.decode(stored.body, type=_Described).metadata

    def orphans(self) -> set[str]:
        """The names of the pods that are bound to a node that does not exist."""
        nodes = {"", *(one.name for one in self.store.list("nodes"))}
        return {one.name for one in self.store.list("pods") if one.fields["spec.nodeName"] not in nodes}

    def reserved(self) -> dict[str, tuple[ResourceList, dict[str, int]]]:
        """By node: what is allocatable, and the requests of the unfinished pods that the scheduler bound to it."""
        nodes = [msgspec.json.decode(one.body, type=Node) for one in self.store.list("nodes")]
        found: dict[str, tuple[ResourceList, dict[str, int]]] = {
            node.metadata.name: (ResourceList.parse(node.status.allocatable), {}) for node in nodes
        }
        for stored in self.store.list("pods"):
            by_hand = b'"schedulerName":"by-hand"' in stored.body
            pod = msgspec.json.decode(stored.body, type=Pod)
            if pod.spec.node_name in found and is_active(pod.status.phase) and not by_hand:
                used = found[pod.spec.node_name][1]
                for name, value in effective_resources(pod_resources(pod, 1, ResizeRule.PER_POD)).requests.items():
                    used[name] = used.get(name, 0) + value
        return found


def simulated(seed: int = 1, nodes: int = 30, pods: int = 600, steps: int = 0) -> SimulatedWorld:
    world, store = World(seed, nodes, pods, NOW, INSTALLATION), Store()
    world.fill(store)
    result = SimulatedWorld(world, store)
    result.run(steps)
    return result


def status_of(pod: StoredObject) -> str:
    """The column STATUS of `kubectl get pods`."""
    return displayed(msgspec.json.decode(pod.body, type=Pod)).reason


def is_live(pod: Any) -> bool:
    finished = pod["status"]["phase"] in ("Succeeded", "Failed")
    return not finished and "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Any) -> bool:
    conditions = pod["status"]["conditions"]
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def owner_uid(obj: Any) -> str | None:
    references = obj["metadata"].get("ownerReferences", [])
    return next((one["uid"] for one in references if one.get("controller")), None)
