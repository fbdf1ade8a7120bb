"""The records of the sources: what keys, measures and expressions can read of a pod, a node or a workload.

A record is projected from the facts of the cache, never from the object. Each field has a name, by which
definitions refer to it, a type, and a function from the joined member to its value. Expressions see the fields of a
pod as `pod.phase`, those of its node as `node.labels`, those of its namespace as `ns.labels`.

Each value names the attributes of the member that it depends on, so that the groups of a definition are computed
again only when something that it reads has changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from operator import attrgetter
from typing import Any, Final

from kubesum.semantics.facts import JoinedMember, NodeFacts, PodFacts, PodState
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
class Reading:
    """A value that is read of a JoinedMember: `of` gives it, and it depends on the attributes `paths` alone."""

    of: Callable[[Any], Any]
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field of a record."""

    name: str
    type: FieldType
    value: Reading
    help: str


@dataclass(frozen=True, slots=True)
class RecordType:
    """The record of one source.

    `variable` is the name that expressions have for it; `over` the source of the members. `amounts` are the resource
    lists that a measure can read of one member, by resource name, None where there are none. `of_pods` are lists that
    are the sum over the pods of a node. `annotations`, `node_labels` and `workload` (kind, name and group of the
    workload) are None for a source whose members have none.
    """

    variable: str
    over: Source | str
    fields: Mapping[str, RecordField]
    amounts: Mapping[str, Reading]
    labels: Reading
    annotations: Reading | None
    node_labels: Reading | None
    workload: Reading | None
    of_pods: frozenset[str] = frozenset()
    varying: frozenset[str] = frozenset()
    """The attributes that change again and again while a member exists."""

    def field_names(self, *types: FieldType) -> tuple[str, ...]:
        """The names of the fields of these types, sorted."""
        return tuple(sorted(name for name, one in self.fields.items() if one.type in types))


def _fields(*declared: tuple[str, FieldType, Reading, str]) -> Mapping[str, RecordField]:
    return {one[0]: RecordField(*one) for one in declared}


def _at(path: str) -> Reading:
    return Reading(attrgetter(path), (path,))


def _labels_of_namespace(joined: JoinedMember) -> Mapping[str, str]:
    return joined.namespace.labels if joined.namespace is not None else _NO_LABELS


NAMESPACE_LABELS: Final = Reading(_labels_of_namespace, ("namespace",))


def _usage(joined: JoinedMember) -> Mapping[str, int] | None:
    usage = joined.member.usage
    return None if usage is None else {CPU: usage.cpu, MEMORY: usage.memory}


_NAME: Final = Reading(lambda one: one.key[1], ("key",))
_NAMESPACE: Final = Reading(lambda one: one.key[0], ("key",))
_USAGE: Final = Reading(_usage, ("member.usage",))


def _created(path: str) -> Reading:
    read = attrgetter(path)
    return Reading(lambda one: read(one) or _NO_TIME, (path,))


def _listed(path: str) -> Reading:
    read = attrgetter(path)
    return Reading(lambda one: list(read(one)[:MOST_LISTED]), (path,))


def _of_state(name: str) -> Reading:
    return _at(f"member.facts.state.{name}")


def _terminating(joined: JoinedMember) -> bool:
    state: PodState = joined.member.facts.state
    return state.active and state.terminating


def _unscheduled(joined: JoinedMember) -> bool:
    facts: PodFacts = joined.member.facts
    return facts.state.active and not facts.node


def _images(joined: JoinedMember) -> list[str]:
    return [image.image for image in joined.member.facts.images[:MOST_LISTED]]


def _registry(joined: JoinedMember) -> str:
    images = joined.member.facts.images
    return images[0].registry if images else ""


def _labels_of_node(joined: JoinedMember) -> Mapping[str, str]:
    return joined.node.labels if joined.node is not None else _NO_LABELS


def _workload_of_pod(joined: JoinedMember) -> tuple[str, str, str]:
    ref = joined.member.workload
    return ref.kind, ref.name, group_of(ref.api_version)


S, B, INT, TIME = FieldType.STRING, FieldType.BOOL, FieldType.INT, FieldType.TIME
_ACTIVE: Final = "member.facts.state.active"
_NODE: Final = "member.facts.node"

PODS: Final = RecordType(
    variable="pod",
    over=Source.PODS,
    fields=_fields(
        ("name", S, _NAME, "Name of the pod."),
        ("namespace", S, _NAMESPACE, "Namespace of the pod."),
        ("phase", S, _of_state("phase"), "Phase: Pending, Running, Succeeded, Failed or Unknown."),
        ("reason", S, _of_state("reason"), "Status as `kubectl get pods` displays it."),
        ("reasonClass", S, _of_state("reason_class"), "The reason without its variable part."),
        ("active", B, _at(_ACTIVE), "The phase is neither Succeeded nor Failed."),
        ("ready", B, _of_state("ready"), "The condition Ready is True."),
        ("healthy", B, _of_state("healthy"), "Ready or succeeded, and its status needs no attention."),
        ("unscheduled", B, Reading(_unscheduled, (_ACTIVE, _NODE)), "Active, and assigned to no node."),
        (
            "terminating",
            B,
            Reading(_terminating, (_ACTIVE, "member.facts.state.terminating")),
            "Active, and being deleted.",
        ),
        ("restarts", INT, _of_state("restarts"), "Container restarts."),
        ("nodeName", S, _at(_NODE), "Node that it is assigned to; empty if to none."),
        ("qosClass", S, _of_state("qos"), "Guaranteed, Burstable or BestEffort."),
        ("priority", INT, _of_state("priority"), "Priority."),
        ("priorityClassName", S, _of_state("priority_class"), "Priority class; empty without one."),
        ("schedulerName", S, _of_state("scheduler"), "Scheduler."),
        ("runtimeClassName", S, _of_state("runtime_class"), "Runtime class; empty without one."),
        ("serviceAccountName", S, _of_state("service_account"), "Service account."),
        (
            "registry",
            S,
            Reading(_registry, ("member.facts.images",)),
            "Registry of the first container's image; empty once the pod has finished.",
        ),
        (
            "images",
            FieldType.STRINGS,
            Reading(_images, ("member.facts.images",)),
            "Image references of the containers, while the pod is active; the first 50.",
        ),
        ("createdAt", TIME, _created("member.facts.created"), "creationTimestamp."),
        (
            "lastTerminationReason",
            S,
            _of_state("last_termination_reason"),
            "Reason of the last termination that led to a restart.",
        ),
    ),
    amounts={"requests": _of_state("requests"), "limits": _of_state("limits"), "usage": _USAGE},
    labels=_at("member.facts.labels"),
    annotations=_at("member.facts.annotations"),
    node_labels=Reading(_labels_of_node, ("node",)),
    workload=Reading(_workload_of_pod, ("member.workload",)),
    varying=frozenset(
        (
            *_USAGE.paths,
            *(
                f"member.facts.state.{name}"
                for name in (
                    "phase",
                    "reason",
                    "reason_class",
                    "ready",
                    "healthy",
                    "restarts",
                    "last_termination_reason",
                )
            ),
        )
    ),
)


def _of_node(name: str) -> Reading:
    return _at(f"member.facts.{name}")


def _is_ready(joined: JoinedMember) -> bool:
    facts: NodeFacts = joined.member.facts
    return facts.ready == "True"


def _is_schedulable(joined: JoinedMember) -> bool:
    facts: NodeFacts = joined.member.facts
    return not facts.unschedulable


NODES: Final = RecordType(
    variable="node",
    over=Source.NODES,
    fields=_fields(
        ("name", S, _of_node("name"), "Name of the node."),
        ("reason", S, _of_node("reason"), "Status as `kubectl get nodes` displays it."),
        ("ready", B, Reading(_is_ready, ("member.facts.ready",)), "The condition Ready is True."),
        ("schedulable", B, Reading(_is_schedulable, ("member.facts.unschedulable",)), "Not cordoned."),
        ("tainted", B, _of_node("tainted"), "Some taint keeps pods away."),
        ("taints", INT, _of_node("taints"), "Number of taints."),
        ("zone", S, _of_node("zone"), "Zone; empty if the node has none."),
        ("kubeletVersion", S, _of_node("kubelet_version"), "Version of the kubelet."),
        ("problems", FieldType.STRINGS, _listed("member.facts.problems"), "Conditions that tell of a problem."),
        ("roles", FieldType.STRINGS, _listed("member.facts.roles"), "Roles of the node."),
        ("createdAt", TIME, _created("member.facts.created"), "creationTimestamp."),
    ),
    amounts={"allocatable": _of_node("allocatable"), "capacity": _of_node("capacity"), "usage": _USAGE},
    labels=_of_node("labels"),
    annotations=None,
    node_labels=_of_node("labels"),
    workload=None,
    of_pods=frozenset({"requests", "limits", "free"}),
)


def _of_status(name: str) -> Reading:
    return _at(f"member.status.{name}")


def _labels_of_subject(joined: JoinedMember) -> Mapping[str, str]:
    subject = joined.member.subject
    return subject.labels if subject is not None else _NO_LABELS


def _created_of_subject(joined: JoinedMember) -> datetime:
    subject = joined.member.subject
    created: datetime | None = subject.created if subject is not None else None
    return created or _NO_TIME


def _workload_of_row(joined: JoinedMember) -> tuple[str, str, str]:
    ref = joined.member.status.workload_ref
    return ref.kind, ref.name, group_of(ref.api_version)


def _part_of_workload(part: int) -> Reading:
    return Reading(lambda one: _workload_of_row(one)[part], ("member.status.workload_ref",))


def _desired(joined: JoinedMember) -> int:
    number = joined.member.status.replicas.desired
    return number if isinstance(number, int) else 0


def _usage_of_row(joined: JoinedMember) -> Mapping[str, int] | None:
    return joined.member.status.usage or None


_SUBJECT: Final = ("member.subject",)

WORKLOADS: Final = RecordType(
    variable="workload",
    over="workloadsummaries",
    fields=_fields(
        ("name", S, _part_of_workload(1), "Name of the workload."),
        ("namespace", S, _NAMESPACE, "Namespace of the workload."),
        ("kind", S, _part_of_workload(0), "Kind, such as Deployment."),
        ("group", S, _part_of_workload(2), "API group; empty for core."),
        ("health", S, _of_status("health"), "Healthy, Progressing, Degraded, Suspended, Idle or Completed."),
        (
            "desired",
            INT,
            Reading(_desired, ("member.status.replicas",)),
            "Desired pods; 0 where the kind has no such number.",
        ),
        ("pods", INT, _of_status("pods.total"), "Pods."),
        ("activePods", INT, _of_status("pods.active"), "Active pods."),
        ("readyPods", INT, _of_status("pods.ready"), "Ready pods."),
        ("nodes", INT, _of_status("nodes"), "Different nodes of its active pods."),
        ("zones", INT, _of_status("zones"), "Different zones of its active pods."),
        ("restarts", INT, _of_status("restarts"), "Container restarts of its pods."),
        ("qosClass", S, _of_status("qos_class"), "Class of its active pods; empty where they differ."),
        (
            "priorityClassName",
            S,
            _of_status("priority_class_name"),
            "Priority class of its active pods; empty where they differ or have none.",
        ),
        (
            "images",
            FieldType.STRINGS,
            _listed("member.status.images"),
            "Image references of its active pods; the first 20.",
        ),
        ("createdAt", TIME, Reading(_created_of_subject, _SUBJECT), "creationTimestamp."),
    ),
    amounts={
        "requests": _of_status("requests"),
        "limits": _of_status("limits"),
        "usage": Reading(_usage_of_row, ("member.status.usage",)),
    },
    labels=Reading(_labels_of_subject, _SUBJECT),
    annotations=None,
    node_labels=None,
    workload=Reading(_workload_of_row, ("member.status.workload_ref",)),
)

RECORDS: Final[Mapping[str, RecordType]] = {"Pods": PODS, "Nodes": NODES, "Workloads": WORKLOADS}
"""The record types by the name of the source in a definition."""
