"""The state of a simulated cluster and its elementary changes.

Changes mark objects dirty; `write` stores the JSON of dirty objects. The callers decide what changes. Invariants:
`requested` of a node is the sum over its unfinished pods; a pod, its owner and its node refer to each other; after
`write` the status of each stored owner agrees with its stored pods.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from kubesim.model.state import UNBOUND, NamespaceState, NodeState, Owner, PodState, Stage
from kubesim.objects.namespaces import namespace_manifest
from kubesim.objects.nodes import node_manifest
from kubesim.objects.parts import uid_text
from kubesim.objects.pods import pod_manifest
from kubesim.objects.workloads import PLURALS, daemon_nodes, owner_manifest
from kubesim.store.store import JsonObject, Store
from kubesim.world.eventqueue import EventQueue
from kubesim.world.scheduler import Scheduler

# The characters of generated names: k8s.io/apimachinery/pkg/util/rand.
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(slots=True, eq=False)
class _Dirty:
    """The objects that changed since the last write, in the order of their first change."""

    nodes: dict[str, NodeState] = field(default_factory=dict)
    namespaces: dict[str, NamespaceState] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    pods: dict[str, PodState] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.nodes or self.namespaces or self.owners or self.pods)


class Cluster:
    """One simulated cluster; `workloads` are the owners without an owner, `evicted_pods` in order of eviction."""

    def __init__(self, seed: int) -> None:
        self.rng: Final = Random(seed)  # noqa: S311 - the simulation has to be repeatable, not secret
        self.queue: Final = EventQueue()
        self.nodes: Final[dict[str, NodeState]] = {}
        self.namespaces: Final[dict[str, NamespaceState]] = {}
        self.workloads: Final[list[Owner]] = []
        self.evicted_pods: Final[deque[PodState]] = deque()
        self.pod_count = 0
        self.node_serial = 0
        self.scheduler: Final = Scheduler(self.nodes, self.rng)
        self._dirty = _Dirty()

    def uid(self) -> str:
        """A new uid."""
        return uid_text(self.rng.getrandbits(128))

    def suffix(self, length: int = 5) -> str:
        """A random suffix of a generated name."""
        return "".join(self.rng.choices(_ALPHABET, k=length))

    def add_owner(self, owner: Owner) -> Owner:
        """Adds an owner of pods or of other owners."""
        if owner.parent is None:
            self.workloads.append(owner)
        else:
            owner.parent.children.append(owner)
        self.mark_owner_dirty(owner)
        return owner

    def remove_owner(self, owner: Owner) -> None:
        """Removes an owner that has a parent; its pods are to be removed separately."""
        owner.removed = True
        if owner.parent:
            owner.parent.children.remove(owner)
        self.mark_owner_dirty(owner)

    def add_pod(self, owner: Owner, name: str, now: datetime, stage: Stage = Stage.PENDING) -> PodState:
        """Adds a pod that is not bound to a node."""
        self.pod_count += 1
        number = self.pod_count
        address = f"10.{128 + (number >> 16) % 64}.{number >> 8 & 255}.{number & 255}"
        pod = PodState(
            name=name,
            uid=self.uid(),
            owner=owner,
            template=owner.template,
            created=now,
            transitioned_at=now,
            address=address,
            stage=Stage.GATED if owner.template.scheduling_gate and stage is Stage.PENDING else stage,
        )
        owner.pods[name] = pod
        self.mark_pod_dirty(pod)
        return pod

    def bind(self, pod: PodState, node: NodeState, stage: Stage, now: datetime) -> None:
        """Binds a pod to a node."""
        pod.node = node
        pod.message = pod.unschedulable_reason = ""
        node.pods[pod.uid] = pod
        if pod.stage in UNBOUND:
            pod.stage = Stage.CREATING
        node.reserve(pod.template.effective_requests)
        self.set_stage(pod, stage, now)

    def set_stage(self, pod: PodState, stage: Stage, now: datetime) -> None:
        """Sets the stage of a pod; the requests of a finished pod are released."""
        reserved = pod.holds_resources
        pod.stage, pod.transitioned_at = stage, now
        if reserved and not pod.holds_resources and pod.node:
            pod.node.release(pod.template.effective_requests)
        self.mark_pod_dirty(pod)

    def delete(self, pod: PodState, now: datetime) -> None:
        """Sets the deletion timestamp of a pod, which is terminating from then on."""
        if pod.deletion_timestamp is None:
            pod.deletion_timestamp = now
        self.mark_pod_dirty(pod)

    def remove(self, pod: PodState) -> None:
        """Removes a pod."""
        if pod.node:
            if pod.holds_resources:
                pod.node.release(pod.template.effective_requests)
            del pod.node.pods[pod.uid]
        pod.removed = True
        del pod.owner.pods[pod.name]
        self.mark_pod_dirty(pod)

    def add_namespace(self, name: str, labels: Mapping[str, str], created: datetime) -> NamespaceState:
        """Adds a namespace."""
        namespace = NamespaceState(name=name, uid=self.uid(), created=created, labels=dict(labels))
        self.namespaces[name] = namespace
        return namespace

    def add_node(self, node: NodeState) -> None:
        """Adds a node."""
        self.nodes[node.name] = node
        self._nodes_changed(node)

    def remove_node(self, node: NodeState) -> None:
        """Removes a node; its pods are orphans from then on."""
        del self.nodes[node.name]
        self._nodes_changed(node)

    def _nodes_changed(self, node: NodeState) -> None:
        self.scheduler.invalidate_nodes()
        self.mark_node_dirty(node)
        for owner in self.workloads:
            if owner.kind == "DaemonSet":
                self.mark_owner_dirty(owner)

    def mark_pod_dirty(self, pod: PodState) -> None:
        """Marks a pod and its owners, whose statuses depend on it."""
        self._dirty.pods[pod.uid] = pod
        self.mark_owner_dirty(pod.owner)

    def mark_owner_dirty(self, owner: Owner) -> None:
        """Marks an owner and the owners above it, whose statuses depend on it."""
        one: Owner | None = owner
        while one is not None:
            self._dirty.owners[one.uid] = one
            one = one.parent

    def mark_node_dirty(self, node: NodeState) -> None:
        """Marks a node."""
        self._dirty.nodes[node.name] = node

    def mark_namespace_dirty(self, namespace: NamespaceState) -> None:
        """Marks a namespace."""
        self._dirty.namespaces[namespace.name] = namespace

    @property
    def is_dirty(self) -> bool:
        """Whether an object has changed since the last write."""
        return bool(self._dirty)

    def dirty_owners(self) -> list[Owner]:
        """The owners that changed, or whose pods changed, since the last write."""
        return list(self._dirty.owners.values())

    def all_pods(self) -> Iterator[PodState]:
        """All pods in order of workloads."""
        for owner in self.workloads:
            yield from owner.all_pods()

    def all_owners(self) -> Iterator[Owner]:
        """All owners; parents come first."""
        for owner in self.workloads:
            yield owner
            yield from owner.children

    def fill(self, store: Store) -> None:
        """Writes all objects to an empty store."""
        store.seed("namespaces", map(namespace_manifest, self.namespaces.values()))
        store.seed("nodes", map(node_manifest, self.nodes.values()))
        for kind, plural in PLURALS.items():
            owners = (one for one in self.all_owners() if one.kind == kind)
            store.seed(plural, map(self._owner_manifest, owners))
        store.seed("pods", map(pod_manifest, self.all_pods()))
        self._dirty = _Dirty()

    def write(self, store: Store) -> None:
        """Writes the dirty objects: namespaces, nodes, new owners, pods, and then the statuses of owners."""
        changes, self._dirty = self._dirty, _Dirty()
        for namespace in changes.namespaces.values():
            store.put("namespaces", namespace_manifest(namespace))
        for node in changes.nodes.values():
            self._write_node(store, node)
        # Pods refer to their owner, so it is created first; its status counts them, so it is updated last.
        stored = [owner for owner in changes.owners.values() if owner.kind in PLURALS]
        for owner in stored:
            if not owner.removed and store.get(PLURALS[owner.kind], owner.namespace, owner.name) is None:
                store.put(PLURALS[owner.kind], self._owner_manifest(owner))
        for pod in changes.pods.values():
            _write_pod(store, pod)
        for owner in stored:
            self._write_owner(store, owner)

    def _write_node(self, store: Store, node: NodeState) -> None:
        if node.name in self.nodes:
            store.put("nodes", node_manifest(node))
        else:
            store.delete("nodes", "", node.name)

    def _write_owner(self, store: Store, owner: Owner) -> None:
        if owner.removed:
            store.delete(PLURALS[owner.kind], owner.namespace, owner.name)
        else:
            store.put(PLURALS[owner.kind], self._owner_manifest(owner))

    def _owner_manifest(self, owner: Owner) -> JsonObject:
        nodes = len(daemon_nodes(owner, self.nodes.values())) if owner.kind == "DaemonSet" else 0
        return owner_manifest(owner, nodes)


def _write_pod(store: Store, pod: PodState) -> None:
    if pod.removed:
        store.delete("pods", pod.owner.namespace, pod.name)
    else:
        store.put("pods", pod_manifest(pod))
