"""The facts of nodes and namespaces."""

from collections.abc import Mapping
from sys import intern
from typing import Final

from kubesum.kube.objects import Namespace, Node
from kubesum.semantics.facts import NamespaceFacts, NodeFacts
from kubesum.semantics.identity import checked
from kubesum.semantics.interner import Interner, interned
from kubesum.vocabulary.quantity import ResourceList

_ZONE: Final = "topology.kubernetes.io/zone"
_ROLE_PREFIX: Final = "node-role.kubernetes.io/"
_ROLE: Final = "kubernetes.io/role"
_READY: Final = "Ready"
_REPELLING: Final = frozenset({"NoSchedule", "NoExecute"})


def node_facts(node: Node, interner: Interner) -> NodeFacts:
    """The facts of a node; raises ObjectError.

    Resource lists keep amounts of zero, because they name resources that the node can have, such as hugepages.
    """
    metadata, spec, status = checked(node.metadata), node.spec, node.status
    conditions = {condition.type: condition.status for condition in status.conditions}
    return NodeFacts(
        name=intern(metadata.name),
        uid=metadata.uid,
        created=metadata.creation_timestamp,
        # Not interned as a whole: the label kubernetes.io/hostname differs on every node.
        labels=interned(metadata.labels),
        zone=intern(metadata.labels.get(_ZONE, "")),
        ready=intern(conditions.get(_READY, "Unknown")),
        unschedulable=spec.unschedulable,
        roles=interner.shared(roles(metadata.labels)),
        problems=tuple(sorted(t for t, value in conditions.items() if t != _READY and value == "True")),
        taints=len(spec.taints),
        tainted=any(taint.effect in _REPELLING for taint in spec.taints),
        kubelet_version=intern(status.node_info.kubelet_version),
        capacity=interner.shared(ResourceList.parse(status.capacity)),
        allocatable=interner.shared(ResourceList.parse(status.allocatable or status.capacity)),
    )


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
