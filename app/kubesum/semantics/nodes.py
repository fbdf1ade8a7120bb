"""The facts of nodes and namespaces."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from sys import intern
from typing import Final

from kubesum.kube.objects.core import Namespace, Node
from kubesum.kube.objects.meta import Condition
from kubesum.semantics.facts import NamespaceFacts, NodeFacts
from kubesum.semantics.identity import checked
from kubesum.semantics.interner import Interner, interned
from kubesum.vocabulary.quantity import ResourceList

_ZONE: Final = "topology.kubernetes.io/zone"
_ROLE_PREFIX: Final = "node-role.kubernetes.io/"
_ROLE: Final = "kubernetes.io/role"
_READY: Final = "Ready"
_UNKNOWN: Final = "Unknown"
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# "active", "running", "enabled" and "scheduled" are left out: VMEventScheduled and the like are problems while True.
_GOOD_STATES: Final = frozenset(
    {
        "ready",
        "healthy",
        "available",
        "reachable",
        "online",
        "ok",
        "okay",
        "good",
        "fine",
        "up",
        "alive",
        "operational",
        "functional",
        "functioning",
        "working",
        "valid",
        "compatible",
        "supported",
        "sufficient",
        "synced",
        "synchronized",
        "connected",
        "joined",
        "registered",
        "initialized",
        "established",
        "succeeded",
        "passed",
        "voter",
        "member",
        "configured",
        "installed",
        "provisioned",
        "loaded",
        "reconciled",
        "accessible",
        "resolvable",
        "schedulable",
        "usable",
        "stable",
        "optimal",
        "compliant",
        "trusted",
        "verified",
        "attested",
        "date",
    }
)
_NEGATIONS: Final = frozenset({"not", "no", "non", "never", "without", "out", "update", "upgrade"})
"""With those words of which UpdateAvailable and OutOfDate consist."""
_REPELLING: Final = frozenset({"NoSchedule", "NoExecute"})


def node_facts(node: Node, interner: Interner) -> NodeFacts:
    """The facts of a node; raises ObjectError.

    Resource lists keep amounts of zero, because they name resources that the node can have, such as hugepages.
    """
    metadata, spec, status = checked(node.metadata), node.spec, node.status
    ready = _ready(status.conditions)
    return NodeFacts(
        name=intern(metadata.name),
        uid=metadata.uid,
        created=metadata.creation_timestamp,
        # Not interned as a whole: the label kubernetes.io/hostname differs on every node.
        labels=interned(metadata.labels),
        zone=intern(metadata.labels.get(_ZONE, "")),
        ready=intern(ready or _UNKNOWN),
        reason=intern(_displayed(ready, spec.unschedulable)),
        unschedulable=spec.unschedulable,
        roles=interner.shared(roles(metadata.labels)),
        problems=_problems(status.conditions),
        taints=len(spec.taints),
        tainted=any(taint.effect in _REPELLING for taint in spec.taints),
        kubelet_version=intern(status.node_info.kubelet_version),
        capacity=interner.shared(ResourceList.parse(status.capacity)),
        allocatable=interner.shared(ResourceList.parse(status.allocatable or status.capacity)),
    )


def _ready(conditions: Sequence[Condition]) -> str | None:
    """The status of the condition Ready, None without one; of several, which only files have, the last."""
    return next((one.status for one in reversed(conditions) if one.type == _READY), None)


def _displayed(ready: str | None, unschedulable: bool) -> str:
    """STATUS of a node: printNode of kubernetes/pkg/printers/internalversion/printers.go (1.36)."""
    word = _UNKNOWN if ready is None else "Ready" if ready == "True" else "NotReady"
    return f"{word},SchedulingDisabled" if unschedulable else word


def _problems(conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Types of the conditions other than Ready that report a problem, sorted.

    Unknown is none: the node lifecycle controller writes it along with Ready=Unknown.
    """
    found = {
        one.type
        for one in conditions
        if one.type != _READY and one.status == ("False" if names_good_state(one.type) else "True")
    }
    return tuple(sorted(found))


@lru_cache(maxsize=1024)
def names_good_state(type_: str) -> bool:
    """Whether the name of a condition's type says something good, such as `NetworkingReady`.

    Kubernetes' own conditions and those of node-problem-detector report problems while True (MemoryPressure,
    KernelDeadlock, KubeletUnhealthy). The others end in a word for a good state: EKS' NetworkingReady and
    StorageReady, EtcdIsVoter of k3s, NodeHealthy of AKS.
    """
    words = [word.lower() for word in _WORDS.findall(type_.rpartition("/")[2])]
    return bool(words) and words[-1] in _GOOD_STATES and _NEGATIONS.isdisjoint(words)


def roles(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Roles of a node, sorted, as findNodeRoles of kubernetes/pkg/printers/internalversion reads them."""
    found = {name.removeprefix(_ROLE_PREFIX) for name in labels if name.startswith(_ROLE_PREFIX)}
    return tuple(sorted((found | {labels.get(_ROLE, "")}) - {""}))


def namespace_facts(namespace: Namespace, interner: Interner) -> NamespaceFacts:
    """The facts of a namespace; raises ObjectError."""
    metadata = checked(namespace.metadata)
    return NamespaceFacts(
        name=intern(metadata.name),
        uid=metadata.uid,
        created=metadata.creation_timestamp,
        labels=interner.labels(metadata.labels),
        phase=namespace.status.phase,
    )
