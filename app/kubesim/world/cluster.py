"""The state of a simulated cluster, and the elementary changes of it.

Holds compact records; the JSON of what changed is written to a store by `write`. Why something changes is
decided elsewhere. Invariants: what a node has reserved is the sum over its active pods; a pod, its owner and
its node name each other; after `write` every owner's status in the store agrees with its pods there.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final

from kubesim.model.state import UNBOUND, NodeState, Owner, PodState, Stage
from kubesim.objects.managedfields import managed, owned_fields
from kubesim.objects.nodes import node_manifest
from kubesim.objects.parts import stamp, uid_text
from kubesim.objects.pods import pod_manifest
from kubesim.objects.workloads import PLURALS, daemon_nodes, owner_manifest
from kubesim.store.store import JsonObject, Store
from kubesim.world.eventqueue import EventQueue
from kubesim.world.scheduler import Scheduler

# The alphabet of names that Kubernetes makes up: k8s.io/apimachinery/pkg/util/rand.
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(slots=True, eq=False, kw_only=True)
class NamespaceState:
    """One namespace; a terminating one has `deletion_timestamp`."""

    name: str
    uid: str
    created: datetime
    labels: dict[str, str]
    deletion_timestamp: datetime | None = None


@dataclass(slots=True, eq=False)
class _Dirty:
    """What was touched since the last write, in the order of the first touch."""

    nodes: dict[str, NodeState] = field(default_factory=dict)
    namespaces: dict[str, NamespaceState] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    pods: dict[str, PodState] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.nodes or self.namespaces or self.owners or self.pods)


class Cluster:
    """One simulated cluster; `workloads` are the owners without an owner, `evicted_pods` in order of eviction."""

    def __init__(self, seed: int) -> None:
        self.rng: Final = Random(seed)  # noqa: S311 - a world has to be repeatable, not secret
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
        """A new random ending of a name."""
        return "".join(self.rng.choices(_ALPHABET, k=length))

    def add_owner(self, owner: Owner) -> Owner:
        """Takes in an owner of pods, or of owners."""
        if owner.parent is None:
            self.workloads.append(owner)
        else:
            owner.parent.children.append(owner)
        self.mark_owner_dirty(owner)
        return owner

    def remove_owner(self, owner: Owner) -> None:
        """Deletes a child of another owner; its pods have to be removed later."""
        owner.removed = True
        if owner.parent:
            owner.parent.children.remove(owner)
        self.mark_owner_dirty(owner)

    def add_pod(self, owner: Owner, name: str, now: datetime, stage: Stage = Stage.PENDING) -> PodState:
        """A new pod that no node has yet."""
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
        """Puts an unscheduled pod on a node."""
        pod.node = node
        pod.message = pod.unschedulable_reason = ""
        node.pods[pod.uid] = pod
        if pod.stage in UNBOUND:
            pod.stage = Stage.CREATING
        node.reserve(pod.template.effective_requests)
        self.set_stage(pod, stage, now)

    def set_stage(self, pod: PodState, stage: Stage, now: datetime) -> None:
        """Brings a pod into another stage; finished pods give their resources back."""
        reserved = pod.holds_resources
        pod.stage, pod.transitioned_at = stage, now
        if reserved and not pod.holds_resources and pod.node:
            pod.node.release(pod.template.effective_requests)
        self.mark_pod_dirty(pod)

    def delete(self, pod: PodState, now: datetime) -> None:
        """Asks a pod to go: it is terminating from now on."""
        if pod.deletion_timestamp is None:
            pod.deletion_timestamp = now
        self.mark_pod_dirty(pod)

    def remove(self, pod: PodState) -> None:
        """Takes a pod out of the cluster."""
        if pod.node:
            if pod.holds_resources:
                pod.node.release(pod.template.effective_requests)
            del pod.node.pods[pod.uid]
        pod.removed = True
        del pod.owner.pods[pod.name]
        self.mark_pod_dirty(pod)

    def add_namespace(self, name: str, labels: Mapping[str, str], created: datetime) -> NamespaceState:
        """Creates a namespace."""
        namespace = NamespaceState(name=name, uid=self.uid(), created=created, labels=dict(labels))
        self.namespaces[name] = namespace
        return namespace

    def add_node(self, node: NodeState) -> None:
        """Takes in a node."""
        self.nodes[node.name] = node
        self._nodes_changed(node)

    def remove_node(self, node: NodeState) -> None:
        """Deletes a node; its pods are orphans from now on."""
        del self.nodes[node.name]
        self._nodes_changed(node)

    def _nodes_changed(self, node: NodeState) -> None:
        self.scheduler.invalidate_nodes()
        self.mark_node_dirty(node)
        for owner in self.workloads:
            if owner.kind == "DaemonSet":
                self.mark_owner_dirty(owner)

    def mark_pod_dirty(self, pod: PodState) -> None:
        """Notes that a pod changed, and with it the statuses above it."""
        self._dirty.pods[pod.uid] = pod
        self.mark_owner_dirty(pod.owner)

    def mark_owner_dirty(self, owner: Owner) -> None:
        """Notes that an owner changed, and with it the statuses above it."""
        one: Owner | None = owner
        while one is not None:
            self._dirty.owners[one.uid] = one
            one = one.parent

    def mark_node_dirty(self, node: NodeState) -> None:
        """Notes that a node changed."""
        self._dirty.nodes[node.name] = node

    def mark_namespace_dirty(self, namespace: NamespaceState) -> None:
        """Notes that a namespace changed."""
        self._dirty.namespaces[namespace.name] = namespace

    @property
    def is_dirty(self) -> bool:
        """Whether something is left to be written."""
        return bool(self._dirty)

    def dirty_owners(self) -> list[Owner]:
        """The owners that changed since the last write, or whose pods did."""
        return list(self._dirty.owners.values())

    def all_pods(self) -> Iterator[PodState]:
        """All pods, workload by workload."""
        for owner in self.workloads:
            yield from owner.all_pods()

    def all_owners(self) -> Iterator[Owner]:
        """All owners, parents first."""
        for owner in self.workloads:
            yield owner
            yield from owner.children

    def fill(self, store: Store) -> None:
        """Writes everything to an empty store at once."""
        store.seed("namespaces", map(namespace_manifest, self.namespaces.values()))
        store.seed("nodes", map(node_manifest, self.nodes.values()))
        for kind, plural in PLURALS.items():
            owners = (one for one in self.all_owners() if one.kind == kind)
            store.seed(plural, map(self._owner_manifest, owners))
        store.seed("pods", map(pod_manifest, self.all_pods()))
        self._dirty = _Dirty()

    def write(self, store: Store) -> None:
        """Writes what changed since the last time: nodes and namespaces, new owners, pods, statuses of owners."""
        changes, self._dirty = self._dirty, _Dirty()
        for namespace in changes.namespaces.values():
            store.put("namespaces", namespace_manifest(namespace))
        for node in changes.nodes.values():
            self._write_node(store, node)
        # Pods name their owner, so it comes before them; its status counts them, so that comes after.
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


def namespace_manifest(namespace: NamespaceState) -> JsonObject:
    """The namespace as the API server gives it."""
    labels = {"kubernetes.io/metadata.name": namespace.name, **namespace.labels}
    metadata: JsonObject = {
        "name": namespace.name,
        "uid": namespace.uid,
        "creationTimestamp": stamp(namespace.created),
        "labels": labels,
        "managedFields": [
            managed("kubectl", "v1", stamp(namespace.created), {"f:metadata": owned_fields({"labels": labels})})
        ],
    }
    status: JsonObject = {"phase": "Active"}
    if namespace.deletion_timestamp:
        metadata["deletionTimestamp"] = stamp(namespace.deletion_timestamp)
        status = {"phase": "Terminating", "conditions": [_content_remains(namespace.deletion_timestamp)]}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata,
        "spec": {"finalizers": ["kubernetes"]},
        "status": status,
    }


def _content_remains(since: datetime) -> JsonObject:
    return {
        "type": "NamespaceFinalizersRemaining",
        "status": "True",
        "lastTransitionTime": stamp(since),
        "reason": "SomeFinalizersRemain",
        "message": "Some content in the namespace has finalizers remaining",
    }
