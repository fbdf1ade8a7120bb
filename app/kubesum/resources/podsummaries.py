"""PodSummary: one pod in about a tenth of its bytes, with the STATUS of `kubectl get pods` as a field.

It has no folds: its status depends on one Pod alone and is computed for each response.
"""

from datetime import datetime
from operator import attrgetter
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from kubesum.resources import columns
from kubesum.resources.imagesummaries import left_out
from kubesum.resources.shapes import (
    PercentOfRequests,
    ReasonCount,
    WorkloadReference,
    count,
    doc,
    used_by,
    used_percents,
)
from kubesum.semantics.facts import Pod
from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import Ago, Cell, Column, ComputedResource, FieldSelector, Key, RowView, Source
from kubesum.vocabulary.tally import Tally

NO_RESOURCES: Final = ResourceList()
SHOWN: Final = ("usage", "facts.node", "facts.state.reason", "facts.state.ready_containers", "facts.state.restarts")
"""What changes most often of a pod, and is shown as it is."""


class PodSummaryStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Computed status of one pod."""

    phase: Annotated[str, doc("Phase of the pod: Pending, Running, Succeeded, Failed or Unknown.")]
    reason: Annotated[str, doc("Status of the pod as `kubectl get pods` displays it.")]
    reason_class: Annotated[str, doc("The displayed status without its variable part, such as Init for Init:1/3.")]
    healthy: Annotated[
        bool, doc("Whether the pod is ready or has succeeded, and its status is no error such as CrashLoopBackOff.")
    ]
    ready: Annotated[bool, doc("Whether the pod's condition Ready is True.")]
    ready_containers: Annotated[int, count("Number of ready containers, sidecars included.")]
    total_containers: Annotated[int, count("Number of containers, sidecars included.")]
    restarts: Annotated[int, doc("Number of container restarts, as `kubectl get pods` counts them.")]
    last_restart_time: Annotated[
        datetime | UnsetType,
        doc("Time of the last termination that led to a restart; absent without restarts."),
    ] = UNSET
    last_termination_reason: Annotated[
        str, doc("Reason of the last termination that led to a restart, such as OOMKilled; empty without restarts.")
    ] = ""
    node_name: Annotated[str, doc("Name of the node that the pod is assigned to; empty if to none.")] = ""
    workload_ref: Annotated[
        WorkloadReference | UnsetType, doc("The topmost known owner of the pod; the pod itself if nothing owns it.")
    ] = UNSET
    qos_class: Annotated[str, doc("Quality-of-service class: Guaranteed, Burstable or BestEffort.")] = ""
    priority_class_name: Annotated[str, doc("Name of the pod's priority class; empty if it has none.")] = ""
    requests: Annotated[
        ResourceList,
        doc("Effective requests of the pod, as the scheduler counts them; empty once it has finished."),
    ] = NO_RESOURCES
    limits: Annotated[ResourceList, doc("Effective limits of the pod; empty once it has finished.")] = NO_RESOURCES
    pending_reasons: Annotated[
        tuple[ReasonCount, ...],
        doc("Reasons why the pod is not scheduled, such as Insufficient cpu or SchedulingGated, sorted by reason."),
    ] = ()
    resize_pending: Annotated[
        str | UnsetType,
        doc("Why a resize of the pod has not begun, such as Deferred or Infeasible; absent if none is pending."),
    ] = UNSET
    resize_in_progress: Annotated[
        bool | UnsetType,
        doc("Whether a resize is allocated that the containers of the pod do not have yet; absent if not."),
    ] = UNSET
    usage: Annotated[
        ResourceList | UnsetType,
        doc(
            "Cpu and memory in use, as `kubectl top pods` shows them: cpu rounded up to millicores, memory down to "
            "Mi; absent without a measurement in metrics.k8s.io, and once the pod has finished."
        ),
    ] = UNSET
    usage_percent: PercentOfRequests = UNSET
    images_left_out: Annotated[
        int | UnsetType,
        count("Number of different images of the pod beyond its first 1,000, which no image summary counts."),
    ] = UNSET
    resources_left_out: Annotated[
        int | UnsetType,
        count("Number of resource names beyond the first 32, which the pod's requests and limits leave out."),
    ] = UNSET


def status(_key: Key, pod: Pod, _tally: Tally) -> PodSummaryStatus:
    """The summary of one pod."""
    facts, state, workload = pod.facts, pod.state, pod.workload
    usage = used_by(pod.usage)
    return PodSummaryStatus(
        phase=state.phase,
        reason=state.reason,
        reason_class=state.reason_class,
        healthy=state.healthy,
        ready=state.ready,
        ready_containers=state.ready_containers,
        total_containers=state.total_containers,
        restarts=state.restarts,
        last_restart_time=facts.last_restart or UNSET,
        last_termination_reason=state.last_termination_reason,
        node_name=facts.node,
        workload_ref=WorkloadReference(workload.api_version, workload.kind, workload.name, workload.uid),
        qos_class=state.qos,
        priority_class_name=state.priority_class,
        # A finished pod holds no resources, so that sums over pods agree with those of nodes and namespaces.
        requests=state.requests if state.active else NO_RESOURCES,
        limits=state.limits if state.active else NO_RESOURCES,
        pending_reasons=tuple(ReasonCount(reason, nodes) for reason, nodes in state.pending),
        resize_pending=state.resize.pending or UNSET,
        resize_in_progress=state.resize.in_progress or UNSET,
        usage=usage,
        usage_percent=used_percents(usage, state.requests),
        images_left_out=left_out(pod) or UNSET,
        resources_left_out=(state.resources_left_out if state.active else 0) or UNSET,
    )


def restarts_cell(row: RowView) -> Cell:
    """RESTARTS as `kubectl get pods` shows it: the number, and how long ago the last one was."""
    since = row.status.last_restart_time
    if row.status.restarts == 0 or since is UNSET:
        return str(row.status.restarts)
    return Ago(since, f"{row.status.restarts} (", " ago)")


def workload_cell(row: RowView) -> str:
    """The workload as kind/name, which kubectl accepts as an argument."""
    return f"{row.status.workload_ref.kind.lower()}/{row.status.workload_ref.name}"


RESOURCE: Final = ComputedResource(
    kind="PodSummary",
    plural="podsummaries",
    short_names=("posum",),
    namespaced=True,
    help="One pod in a tenth of its bytes: displayed status, health, restarts, workload, effective requests.",
    status_type=PodSummaryStatus,
    status=status,
    subjects=Source.PODS,
    subject_key=lambda pod: pod.facts.key,
    columns=(
        columns.NAME,
        columns.share("READY", "ready_containers", "total_containers", "Ready containers of all, sidecars included."),
        Column("STATUS", "Status of the pod as `kubectl get pods` displays it.", lambda row: row.status.reason),
        Column("RESTARTS", "Container restarts, and how long ago the last one was.", restarts_cell),
        columns.CPU_REQUESTS,
        columns.MEMORY_REQUESTS,
        columns.CPU_USAGE,
        columns.MEMORY_USAGE,
        Column("WORKLOAD", "The topmost known owner of the pod.", workload_cell),
        columns.AGE,
        columns.cpu_limits(wide=True),
        columns.memory_limits(wide=True),
        columns.value("NODE", "node_name", "Node that the pod is assigned to.", wide=True),
        columns.value("QOS", "qos_class", "Quality-of-service class.", wide=True),
        columns.value("PRIORITY", "priority_class_name", "Priority class.", wide=True),
    ),
    field_selectors=(
        FieldSelector("status.phase", lambda _, status: status.phase),
        FieldSelector("status.reason", lambda _, status: status.reason),
        FieldSelector("status.reasonClass", lambda _, status: status.reason_class),
        FieldSelector("status.healthy", lambda _, status: str(status.healthy).lower()),
        FieldSelector("status.resizePending", lambda _, status: status.resize_pending or ""),
        FieldSelector("status.nodeName", lambda _, status: status.node_name),
        FieldSelector("status.workloadRef.kind", lambda _, status: status.workload_ref.kind),
        FieldSelector("status.workloadRef.name", lambda _, status: status.workload_ref.name),
        FieldSelector("status.qosClass", lambda _, status: status.qos_class),
    ),
    shown=attrgetter(*SHOWN),
)
