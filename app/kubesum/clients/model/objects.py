"""The objects that kubesum serves: the fields that are shown.

Every field has a default, because the server may be older than this client, and usage needs a metrics server.
Quantities are parsed once when an object is decoded, so that showing it cannot fail.
"""

from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

import msgspec

from kubesum.kube.objects.core import Quantities
from kubesum.kube.objects.meta import Annotations, Time
from kubesum.vocabulary.quantity import amount
from kubesum.vocabulary.resource import Key

QUANTITIES: Final = ("allocatable", "requests", "limits", "usage")
"""The fields of a status that are quantities."""


class Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.ObjectMeta."""

    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    creation_timestamp: Time | None = None
    annotations: Annotations = Annotations()


class Percents(msgspec.Struct, frozen=True, gc=False):
    """Percentages of what is allocatable; None if nothing is."""

    cpu: int | None = None
    memory: int | None = None


class PodCounts(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Numbers of pods by state."""

    total: int = 0
    active: int = 0
    ready: int = 0
    not_ready: int = 0
    unscheduled: int = 0


class WorkloadCounts(msgspec.Struct, frozen=True, gc=False):
    """Numbers of workloads by health."""

    total: int = 0
    healthy: int = 0
    degraded: int = 0


class ReasonCount(msgspec.Struct, frozen=True, gc=False):
    """A reason and how often it occurs."""

    reason: str = ""
    count: int = 0


class WorkloadReference(msgspec.Struct, frozen=True, gc=False):
    """The workload that pods belong to."""

    kind: str = ""
    name: str = ""


class NodeStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The status of a NodeSummary."""

    ready: str = ""
    reason: str = ""
    unschedulable: bool = False
    roles: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    kubelet_version: str = ""
    allocatable: Quantities = {}
    requests: Quantities = {}
    requests_percent: Percents = Percents()
    limits_percent: Percents = Percents()
    usage_percent: Percents = Percents()
    pods: PodCounts = PodCounts()
    restarts: int = 0


class NamespaceStatus(msgspec.Struct, frozen=True, gc=False):
    """The status of a NamespaceSummary."""

    phase: str = ""
    pods: PodCounts = PodCounts()
    workloads: WorkloadCounts = WorkloadCounts()
    requests: Quantities = {}
    limits: Quantities = {}
    usage: Quantities = {}
    restarts: int = 0


class Replicas(msgspec.Struct, frozen=True, gc=False):
    """The replicas of an owner; None if it does not report them."""

    desired: int | None = None
    ready: int | None = None
    updated: int | None = None


class WorkloadStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The status of a WorkloadSummary."""

    workload_ref: WorkloadReference = WorkloadReference()
    health: str = ""
    replicas: Replicas = Replicas()
    pods: PodCounts = PodCounts()
    status_counts: tuple[ReasonCount, ...] = ()
    requests: Quantities = {}
    usage: Quantities = {}
    restarts: int = 0
    nodes: int = 0


class PodStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The status of a PodSummary."""

    phase: str = ""
    reason: str = ""
    reason_class: str = ""
    healthy: bool = True
    ready_containers: int = 0
    total_containers: int = 0
    restarts: int = 0
    last_restart_time: Time | None = None
    last_termination_reason: str = ""
    node_name: str = ""
    workload_ref: WorkloadReference = WorkloadReference()
    requests: Quantities = {}
    usage: Quantities = {}


class ImageStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The status of an ImageSummary."""

    repository: str = ""
    tag: str = ""
    floating_tag: bool = False
    pods: int = 0
    workloads: int = 0
    namespaces: int = 0
    nodes: int = 0
    pull_failures: int = 0


class NodeCounts(msgspec.Struct, frozen=True, gc=False):
    """Numbers of nodes by state."""

    total: int = 0
    ready: int = 0
    unschedulable: int = 0


class Condition(msgspec.Struct, frozen=True, gc=False):
    """A condition of a ClusterSummary."""

    type: str = ""
    status: str = ""
    message: str = ""


class ClusterStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The status of a ClusterSummary."""

    nodes: NodeCounts = NodeCounts()
    allocatable: Quantities = {}
    requests: Quantities = {}
    requests_percent: Percents = Percents()
    limits_percent: Percents = Percents()
    usage_percent: Percents = Percents()
    pods: PodCounts = PodCounts()
    unhealthy: int = 0
    workloads: WorkloadCounts = WorkloadCounts()
    conditions: tuple[Condition, ...] = ()


Status = TypeVar("Status")


class Summary(msgspec.Struct, Generic[Status], frozen=True, gc=False):
    """An object that kubesum serves."""

    metadata: Metadata
    status: Status


Node = Summary[NodeStatus]
Namespace = Summary[NamespaceStatus]
Workload = Summary[WorkloadStatus]
Pod = Summary[PodStatus]
Image = Summary[ImageStatus]
Cluster = Summary[ClusterStatus]


def key(summary: Summary[Any]) -> Key:
    """The key of an object: its namespace and name."""
    return summary.metadata.namespace, summary.metadata.name


def readable(summary: Summary[Status]) -> Summary[Status]:
    """The object itself; raises QuantityError for one with an invalid quantity."""
    for name, quantity in _quantities(summary.status):
        amount(name, quantity)
    return summary


def _quantities(status: object) -> Iterator[tuple[str, str | int | float]]:
    for field in QUANTITIES:
        yield from getattr(status, field, {}).items()
