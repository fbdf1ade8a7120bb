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
from kubesim.objects.workloads import PLURALS, owner_manifest, wanted_nodes
from kubesim.store.store import JsonObject, Store
from kubesim.world.eventqueue import Agenda
from kubesim.world.scheduler import Scheduler

# The alphabet of names that Kubernetes makes up: k8s.io/apimachinery/pkg/util/rand.
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(slots=True, eq=False, kw_only=True)
class NamespaceState:
    """One namespace; a terminating one has `deleted`."""

    name: str
    uid: str
    created: datetime
    labels: dict[str, str]
    deleted: datetime | None = None


@dataclass(slots=True, eq=False)
class _Changes:
    """What was touched since the last write, in the order of the first touch."""

    nodes: dict[str, NodeState] = field(default_factory=dict)
    namespaces: dict[str, NamespaceState] = field(default_factory=dict)
    owners: dict[str, Owner] = field(default_factory=dict)
    pods: dict[str, PodState] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.nodes or self.namespaces or self.owners or self.pods)


class Cluster:
    """One simulated cluster. `workloads` are the topmost owners; `litter` the failed pods that nobody owns up to."""

    def __init__(self, seed: int) -> None:
        self.rng: Final = Random(seed)  # noqa: S311 - a world has to be repeatable, not secret
        self.agenda: Final = Agenda()
        self.nodes: Final[dict[str, NodeState]] = {}
        self.namespaces: Final[dict[str, NamespaceState]] = {}
        self.workloads: Final[list[Owner]] = []
        self.litter: Final[deque[PodState]] = deque()
        self.pod_count = 0
        self.node_serial = 0
        self.scheduler: Final = Scheduler(self.nodes, self.rng)
        self._changes = _Changes()

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
        self.touch_owner(owner)
        return owner

    def remove_owner(self, owner: Owner) -> None:
        """Deletes a child of another owner; its pods have to be removed later."""
        owner.gone = True
        if owner.parent:
            owner.parent.children.remove(owner)
        self.touch_owner(owner)

    def add_pod(self, owner: Owner, name: str, now: datetime, stage: Stage = Stage.PENDING) -> PodState:
        """A new pod that no node has yet."""
        self.pod_count += 1
        number = self.pod_count
        address = f"10.{128 + (number >> 16) % 64}.{number >> 8 & 255}.{number & 255}"
        pod = PodState(
            name=name,
            uid=self.uid(),
            owner=owner,
            plan=owner.plan,
            created=now,
            moved=now,
            address=address,
            stage=Stage.GATED if owner.plan.gate and stage is Stage.PENDING else stage,
        )
        owner.pods[name] = pod
        self.touch(pod)
        return pod

    def bind(self, pod: PodState, node: NodeState, stage: Stage, now: datetime) -> None:
        """Puts an unscheduled pod on a node."""
        pod.node = node
        pod.message = pod.blocker = ""
        node.pods[pod.uid] = pod
        if pod.stage in UNBOUND:
            pod.stage = Stage.CREATING
        node.reserve(pod.plan.demand)
        self.move(pod, stage, now)

    def move(self, pod: PodState, stage: Stage, now: datetime) -> None:
        """Brings a pod into another stage; finished pods give their resources back."""
        reserved = pod.reserves
        pod.stage, pod.moved = stage, now
        if reserved and not pod.reserves and pod.node:
            pod.node.release(pod.plan.demand)
        self.touch(pod)

    def delete(self, pod: PodState, now: datetime) -> None:
        """Asks a pod to go: it is terminating from now on."""
        if pod.deleted is None:
            pod.deleted = now
        self.touch(pod)

    def remove(self, pod: PodState) -> None:
        """Takes a pod out of the cluster."""
        if pod.node:
            if pod.reserves:
                pod.node.release(pod.plan.demand)
            del pod.node.pods[pod.uid]
        pod.gone = True
        del pod.owner.pods[pod.name]
        self.touch(pod)

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
        self.scheduler.forget_nodes()
        self.touch_node(node)
        for owner in self.workloads:
            if owner.kind == "DaemonSet":
                self.touch_owner(owner)

    def touch(self, pod: PodState) -> None:
        """Notes that a pod changed, and with it the statuses above it."""
        self._changes.pods[pod.uid] = pod
        self.touch_owner(pod.owner)

    def touch_owner(self, owner: Owner) -> None:
        """Notes that an owner changed, and with it the statuses above it."""
        one: Owner | None = owner
        while one is not None:
            self._changes.owners[one.uid] = one
            one = one.parent

    def touch_node(self, node: NodeState) -> None:
        """Notes that a node changed."""
        self._changes.nodes[node.name] = node

    def touch_namespace(self, namespace: NamespaceState) -> None:
        """Notes that a namespace changed."""
        self._changes.namespaces[namespace.name] = namespace

    @property
    def changed(self) -> bool:
        """Whether something is left to be written."""
        return bool(self._changes)

    def touched_owners(self) -> list[Owner]:
        """The owners that changed since the last write, or whose pods did."""
        return list(self._changes.owners.values())

    def every_pod(self) -> Iterator[PodState]:
        """All pods, workload by workload."""
        for owner in self.workloads:
            yield from owner.every_pod()

    def every_owner(self) -> Iterator[Owner]:
        """All owners, parents first."""
        for owner in self.workloads:
            yield owner
            yield from owner.children

    def fill(self, store: Store) -> None:
        """Writes everything to an empty store at once."""
        store.seed("namespaces", map(namespace_manifest, self.namespaces.values()))
        store.seed("nodes", map(node_manifest, self.nodes.values()))
        for kind, plural in PLURALS.items():
            owners = (one for one in self.every_owner() if one.kind == kind)
            store.seed(plural, map(self._owner_manifest, owners))
        store.seed("pods", map(pod_manifest, self.every_pod()))
        self._changes = _Changes()

    def write(self, store: Store) -> None:
        """Writes what changed since the last time: nodes and namespaces, new owners, pods, statuses of owners."""
        changes, self._changes = self._changes, _Changes()
        for namespace in changes.namespaces.values():
            store.put("namespaces", namespace_manifest(namespace))
        for node in changes.nodes.values():
            self._write_node(store, node)
        # Pods name their owner, so it comes before them; its status counts them, so that comes after.
        stored = [owner for owner in changes.owners.values() if owner.kind in PLURALS]
        for owner in stored:
            if not owner.gone and store.get(PLURALS[owner.kind], owner.namespace, owner.name) is None:
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
        if owner.gone:
            store.delete(PLURALS[owner.kind], owner.namespace, owner.name)
        else:
            store.put(PLURALS[owner.kind], self._owner_manifest(owner))

    def _owner_manifest(self, owner: Owner) -> JsonObject:
        nodes = len(wanted_nodes(owner, self.nodes.values())) if owner.kind == "DaemonSet" else 0
        return owner_manifest(owner, nodes)


def _write_pod(store: Store, pod: PodState) -> None:
    if pod.gone:
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
    if namespace.deleted:
        metadata["deletionTimestamp"] = stamp(namespace.deleted)
        status = {"phase": "Terminating", "conditions": [_content_remains(namespace.deleted)]}
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
