"""The records of the sources: what keys, measures and expressions can read of a pod, a node or a workload.

A record is projected from the facts of the cache, never from the object. Each field has a name, by which
definitions refer to it, a type, and a function from the joined member to its value. Expressions see the fields of a
pod as `pod.phase`, those of its node as `node.labels`, those of its namespace as `ns.labels`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from kubesum.semantics.facts import JoinedMember, NodeFacts
from kubesum.semantics.workloads.owners import group_of
from kubesum.vocabulary.quantity import CPU, MEMORY
from kubesum.vocabulary.resource import Source

MOST_LISTED: Final = 50
"""Images and labels beyond so many are not seen by expressions: kube-apiserver takes thousands."""

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NO_LABELS: Final[Mapping[str, str]] = {}


class FieldType(Enum):
    """The type of a field; the value is how messages name it."""

    STRING = "a string"
    BOOL = "a bool"
    INT = "an integer"
    TIME = "a time"
    STRINGS = "a list of strings"
    LABELS = "a map of strings"
    AMOUNTS = "a map of numbers"


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field of a record; `read` takes a JoinedMember."""

    name: str
    type: FieldType
    read: Callable[[Any], Any]
    help: str


@dataclass(frozen=True, slots=True)
class RecordType:
    """The record of one source.

    `variable` is the name that expressions have for it; `over` the source of the members. `amounts` are the resource
    lists that a measure can read of one member: functions from a JoinedMember to amounts by resource name, None where
    there are none. `of_pods` are lists that are the sum over the pods of a node.
    """

    variable: str
    over: Source | str
    fields: Mapping[str, RecordField]
    amounts: Mapping[str, Callable[[JoinedMember], Mapping[str, int] | None]]
    labels: Callable[[JoinedMember], Mapping[str, str]]
    annotations: Callable[[JoinedMember], Mapping[str, str]] | None
    node_labels: Callable[[JoinedMember], Mapping[str, str]] | None
    workload: Callable[[JoinedMember], tuple[str, str, str]] | None
    """Kind, name and group of its workload."""
    reads: tuple[str, ...]
    """The attributes of a JoinedMember that anything but its usage depends on; empty means all."""
    of_pods: frozenset[str] = frozenset()

    def field_names(self, *types: FieldType) -> tuple[str, ...]:
        """The names of the fields of these types, sorted."""
        return tuple(sorted(name for name, one in self.fields.items() if one.type in types))


def _fields(*declared: tuple[str, FieldType, Callable[[Any], Any], str]) -> Mapping[str, RecordField]:
    return {one[0]: RecordField(*one) for one in declared}


def namespace_labels(joined: JoinedMember) -> Mapping[str, str]:
    """The labels of a member's namespace."""
    return joined.namespace.labels if joined.namespace is not None else _NO_LABELS


def _usage(joined: JoinedMember) -> Mapping[str, int] | None:
    usage = joined.member.usage
    return None if usage is None else {CPU: usage.cpu, MEMORY: usage.memory}


def _labels_of_node(joined: JoinedMember) -> Mapping[str, str]:
    return joined.node.labels if joined.node is not None else _NO_LABELS


def _workload_of_pod(joined: JoinedMember) -> tuple[str, str, str]:
    ref = joined.member.workload
    return ref.kind, ref.name, group_of(ref.api_version)


def _registry(joined: JoinedMember) -> str:
    images = joined.member.facts.images
    return images[0].registry if images else ""


S, B, INT, TIME = FieldType.STRING, FieldType.BOOL, FieldType.INT, FieldType.TIME

PODS: Final = RecordType(
    variable="pod",
    over=Source.PODS,
    fields=_fields(
        ("name", S, lambda one: one.key[1], "Name of the pod."),
        ("namespace", S, lambda one: one.key[0], "Namespace of the pod."),
        ("phase", S, lambda one: one.member.state.phase, "Phase: Pending, Running, Succeeded, Failed or Unknown."),
        ("reason", S, lambda one: one.member.state.reason, "Status as `kubectl get pods` displays it."),
        ("reasonClass", S, lambda one: one.member.state.reason_class, "The reason without its variable part."),
        ("active", B, lambda one: one.member.state.active, "The phase is neither Succeeded nor Failed."),
        ("ready", B, lambda one: one.member.state.ready, "The condition Ready is True."),
        (
            "healthy",
            B,
            lambda one: one.member.state.healthy,
            "Ready or succeeded, and its status needs no attention.",
        ),
        (
            "unscheduled",
            B,
            lambda one: one.member.state.active and not one.member.facts.node,
            "Active, and assigned to no node.",
        ),
        (
            "terminating",
            B,
            lambda one: one.member.state.active and one.member.state.terminating,
            "Active, and being deleted.",
        ),
        ("restarts", INT, lambda one: one.member.state.restarts, "Container restarts."),
        ("nodeName", S, lambda one: one.member.facts.node, "Node that it is assigned to; empty if to none."),
        ("qosClass", S, lambda one: one.member.state.qos, "Guaranteed, Burstable or BestEffort."),
        ("priority", INT, lambda one: one.member.state.priority, "Priority."),
        ("priorityClassName", S, lambda one: one.member.state.priority_class, "Priority class; empty without one."),
        ("schedulerName", S, lambda one: one.member.state.scheduler, "Scheduler."),
        ("runtimeClassName", S, lambda one: one.member.state.runtime_class, "Runtime class; empty without one."),
        ("serviceAccountName", S, lambda one: one.member.state.service_account, "Service account."),
        ("registry", S, _registry, "Registry of the first container's image; empty once the pod has finished."),
        (
            "images",
            FieldType.STRINGS,
            lambda one: [image.image for image in one.member.facts.images[:MOST_LISTED]],
            "Image references of the containers, while the pod is active; the first 50.",
        ),
        ("createdAt", TIME, lambda one: one.member.created or _NO_TIME, "creationTimestamp."),
        (
            "lastTerminationReason",
            S,
            lambda one: one.member.state.last_termination_reason,
            "Reason of the last termination that led to a restart.",
        ),
    ),
    amounts={
        "requests": lambda one: one.member.state.requests,
        "limits": lambda one: one.member.state.limits,
        "usage": _usage,
    },
    labels=lambda one: one.member.labels,
    annotations=lambda one: one.member.facts.annotations,
    node_labels=_labels_of_node,
    workload=_workload_of_pod,
    reads=("member.facts", "member.workload", "namespace", "node"),
)


def _node(joined: JoinedMember) -> NodeFacts:
    facts: NodeFacts = joined.member.facts
    return facts


NODES: Final = RecordType(
    variable="node",
    over=Source.NODES,
    fields=_fields(
        ("name", S, lambda one: _node(one).name, "Name of the node."),
        ("reason", S, lambda one: _node(one).reason, "Status as `kubectl get nodes` displays it."),
        ("ready", B, lambda one: _node(one).ready == "True", "The condition Ready is True."),
        ("schedulable", B, lambda one: not _node(one).unschedulable, "Not cordoned."),
        ("tainted", B, lambda one: _node(one).tainted, "Some taint keeps pods away."),
        ("taints", INT, lambda one: _node(one).taints, "Number of taints."),
        ("zone", S, lambda one: _node(one).zone, "Zone; empty if the node has none."),
        ("kubeletVersion", S, lambda one: _node(one).kubelet_version, "Version of the kubelet."),
        (
            "problems",
            FieldType.STRINGS,
            lambda one: list(_node(one).problems[:MOST_LISTED]),
            "Conditions that tell of a problem.",
        ),
        ("roles", FieldType.STRINGS, lambda one: list(_node(one).roles[:MOST_LISTED]), "Roles of the node."),
        ("createdAt", TIME, lambda one: _node(one).created or _NO_TIME, "creationTimestamp."),
    ),
    amounts={
        "allocatable": lambda one: _node(one).allocatable,
        "capacity": lambda one: _node(one).capacity,
        "usage": _usage,
    },
    labels=lambda one: _node(one).labels,
    annotations=None,
    node_labels=lambda one: _node(one).labels,
    workload=None,
    reads=("member.facts",),
    of_pods=frozenset({"requests", "limits", "free"}),
)


def _status(joined: JoinedMember) -> Any:
    return joined.member.status


def _labels_of_subject(joined: JoinedMember) -> Mapping[str, str]:
    subject = joined.member.subject
    return subject.labels if subject is not None else _NO_LABELS


def _created_of_subject(joined: JoinedMember) -> datetime:
    subject = joined.member.subject
    created: datetime | None = subject.created if subject is not None else None
    return created or _NO_TIME


def _workload_of_row(joined: JoinedMember) -> tuple[str, str, str]:
    ref = _status(joined).workload_ref
    return ref.kind, ref.name, group_of(ref.api_version)


def _replicas(name: str) -> Callable[[JoinedMember], int]:
    def read(joined: JoinedMember) -> int:
        number = getattr(_status(joined).replicas, name)
        return number if isinstance(number, int) else 0

    return read


WORKLOADS: Final = RecordType(
    variable="workload",
    over="workloadsummaries",
    fields=_fields(
        ("name", S, lambda one: _status(one).workload_ref.name, "Name of the workload."),
        ("namespace", S, lambda one: one.key[0], "Namespace of the workload."),
        ("kind", S, lambda one: _status(one).workload_ref.kind, "Kind, such as Deployment."),
        ("group", S, lambda one: group_of(_status(one).workload_ref.api_version), "API group; empty for core."),
        (
            "health",
            S,
            lambda one: _status(one).health,
            "Healthy, Progressing, Degraded, Suspended, Idle or Completed.",
        ),
        ("desired", INT, _replicas("desired"), "Desired pods; 0 where the kind has no such number."),
        ("pods", INT, lambda one: _status(one).pods.total, "Pods."),
        ("activePods", INT, lambda one: _status(one).pods.active, "Active pods."),
        ("readyPods", INT, lambda one: _status(one).pods.ready, "Ready pods."),
        ("nodes", INT, lambda one: _status(one).nodes, "Different nodes of its active pods."),
        ("zones", INT, lambda one: _status(one).zones, "Different zones of its active pods."),
        ("restarts", INT, lambda one: _status(one).restarts, "Container restarts of its pods."),
        ("qosClass", S, lambda one: _status(one).qos_class, "Class of its active pods; empty where they differ."),
        (
            "priorityClassName",
            S,
            lambda one: _status(one).priority_class_name,
            "Priority class of its active pods; empty where they differ or have none.",
        ),
        (
            "images",
            FieldType.STRINGS,
            lambda one: list(_status(one).images),
            "Image references of its active pods; the first 20.",
        ),
        ("createdAt", TIME, _created_of_subject, "creationTimestamp."),
    ),
    amounts={
        "requests": lambda one: _status(one).requests,
        "limits": lambda one: _status(one).limits,
        "usage": lambda one: _status(one).usage or None,
    },
    labels=_labels_of_subject,
    annotations=None,
    node_labels=None,
    workload=_workload_of_row,
    reads=(),
)

RECORDS: Final[Mapping[str, RecordType]] = {"Pods": PODS, "Nodes": NODES, "Workloads": WORKLOADS}
"""The record types by the name of the source in a definition."""
