"""NodeSummary: the allocatable resources of a node, the requests and state of its pods, and its problems."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from kubesum.resources import columns, gauges
from kubesum.resources.shapes import (
    POD_ENTRIES,
    Coverage,
    PodCounts,
    QosCounts,
    ReasonCount,
    ResourcesLeftOut,
    count,
    coverage,
    doc,
    limited,
    names_left_out,
    percents,
    pod_counts,
    pod_entries,
    qos_counts,
    reason_counts,
    requested,
    used_by,
    used_percents,
)
from kubesum.semantics.facts import MeasuredNode, Pod
from kubesum.vocabulary.quantity import CPU, EPHEMERAL_STORAGE, MEMORY, PODS, ResourceList
from kubesum.vocabulary.resource import Column, ComputedResource, Fold, Key, ReaderRole, RowView, Source
from kubesum.vocabulary.tally import Contribution, Tally


class ResizeCounts(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Numbers of active pods whose resources are being resized in place; a pod may be counted twice."""

    deferred: Annotated[
        int, count("Number of pods whose resize waits until the node has room for it, in part or as a whole.")
    ] = 0
    infeasible: Annotated[int, count("Number of pods whose resize the node can never have room for.")] = 0
    in_progress: Annotated[
        int, count("Number of pods with a resize that is allocated and that their containers do not have yet.")
    ] = 0


class NodeSummaryStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Computed status of one node."""

    ready: Annotated[str, doc("Status of the node's condition Ready: True, False or Unknown.")]
    reason: Annotated[
        str, doc("Status of the node as `kubectl get nodes` displays it, such as Ready,SchedulingDisabled.")
    ]
    unschedulable: Annotated[bool, doc("Whether the node is cordoned, so that no new pod is assigned to it.")]
    roles: Annotated[tuple[str, ...], doc("Roles of the node from its labels, sorted.")]
    problems: Annotated[
        tuple[str, ...],
        doc(
            "Types of the conditions other than Ready that report a problem, sorted: those named after something "
            "good, such as NetworkingReady, while they are False; all others, such as MemoryPressure, while True."
        ),
    ]
    taints: Annotated[int, count("Number of taints of the node.")]
    tainted: Annotated[bool, doc("Whether some taint keeps pods away (effect NoSchedule or NoExecute).")]
    kubelet_version: Annotated[str, doc("Version of the node's kubelet.")]
    capacity: Annotated[ResourceList, doc("All resources of the node, as quantities by resource name.")]
    allocatable: Annotated[
        ResourceList, doc("Resources that pods can ask for on the node, as quantities by resource name.")
    ]
    requests: Annotated[
        ResourceList,
        doc(
            "Sum of the effective requests of the active pods assigned to the node, as the scheduler counts them; "
            "without devices that ResourceClaims provide, unless they are allocatable as well."
        ),
    ]
    limits: Annotated[ResourceList, doc("Sum of the effective limits of the active pods assigned to the node.")]
    free: Annotated[ResourceList, doc("Allocatable minus requests; negative where more is requested than there is.")]
    requests_percent: Annotated[
        dict[str, int], doc("Requests in percent of what is allocatable, cut to an integer, by resource name.")
    ]
    limits_percent: Annotated[
        dict[str, int], doc("Limits in percent of what is allocatable, cut to an integer, by resource name.")
    ]
    pods: Annotated[PodCounts, doc("Numbers of pods assigned to the node.")]
    status_counts: Annotated[
        tuple[ReasonCount, ...],
        doc("Numbers of pods by displayed status without its variable part, sorted by reason."),
    ]
    restarts: Annotated[int, doc("Number of container restarts in the pods of the node, also in finished ones.")]
    qos: Annotated[QosCounts, doc("Numbers of active pods by quality-of-service class.")]
    pods_without_requests: Annotated[
        Coverage, doc("Numbers of active pods with a container that requests no cpu or no memory.")
    ]
    pods_without_limits: Annotated[
        Coverage, doc("Numbers of active pods with a container without a limit of cpu or of memory.")
    ]
    resizes: Annotated[ResizeCounts, doc("Numbers of active pods with a resize, by its state.")]
    usage: Annotated[
        ResourceList | UnsetType,
        doc(
            "Cpu and memory in use on the node, in its pods and outside of them, as `kubectl top nodes` shows them: "
            "cpu rounded up to millicores, memory down to Mi; absent without a measurement in metrics.k8s.io."
        ),
    ] = UNSET
    usage_percent: Annotated[
        dict[str, int] | UnsetType,
        doc("Usage in percent of what is allocatable on the node, cut to an integer, by resource name."),
    ] = UNSET
    resources_left_out: ResourcesLeftOut = UNSET


def by_node(pod: Pod) -> Iterable[tuple[Key, Contribution]]:
    """A pod belongs to the node that it is assigned to."""
    return pod_entries(pod, ("", pod.facts.node)) if pod.facts.node else ()


def taken(tally: Tally, field: str, allocatable: Mapping[str, int]) -> Mapping[str, int]:
    """The sums of `field` that are taken from the allocatable resources of a node.

    A ResourceClaim provides an extended resource that the node does not list (KEP-5004). Where it lists it, the
    scheduler takes it from there (kubernetes/pkg/scheduler/framework/plugins/noderesources/fit.go,
    shouldDelegateResourceToDRA), which a pod that was scheduled before does not change.
    """
    dynamic = {name: value for name, value in tally.sums("dynamic").items() if not allocatable.get(name)}
    if not dynamic:
        return tally.sums(field)
    rest = {name: amount - dynamic.get(name, 0) for name, amount in tally.sums(field).items()}
    return {name: amount for name, amount in rest.items() if amount > 0 or name not in dynamic}


def resize_counts(tally: Tally) -> ResizeCounts:
    """The pods of a node with a resize."""
    resizes = tally.sums("resizes")
    return ResizeCounts(resizes.get("deferred", 0), resizes.get("infeasible", 0), resizes.get("inProgress", 0))


def status(_key: Key, measured: MeasuredNode, tally: Tally) -> NodeSummaryStatus:
    """The summary of a node and the pods assigned to it."""
    node, usage = measured.facts, used_by(measured.usage)
    requests = requested(taken(tally, "requests", node.allocatable), always=node.allocatable)
    limits = limited(taken(tally, "limits", node.allocatable), first=node.allocatable)
    free = {name: node.allocatable.get(name, 0) - amount for name, amount in requests.items()}
    return NodeSummaryStatus(
        ready=node.ready,
        reason=node.reason,
        unschedulable=node.unschedulable,
        roles=node.roles,
        problems=node.problems,
        taints=node.taints,
        tainted=node.tainted,
        kubelet_version=node.kubelet_version,
        capacity=node.capacity,
        allocatable=node.allocatable,
        requests=requests,
        limits=limits,
        free=ResourceList(free),
        requests_percent=percents(requests, node.allocatable),
        limits_percent=percents(limits, node.allocatable),
        pods=pod_counts(tally),
        status_counts=reason_counts(tally, "statusCounts"),
        restarts=tally.total("restarts"),
        qos=qos_counts(tally),
        pods_without_requests=coverage(tally, "podsWithoutRequests"),
        pods_without_limits=coverage(tally, "podsWithoutLimits"),
        resizes=resize_counts(tally),
        usage=usage,
        usage_percent=used_percents(usage, node.allocatable),
        resources_left_out=names_left_out(tally, node.allocatable),
    )


def pods_cell(row: RowView) -> str:
    """Active pods and the allocatable number of pods, as 12/110."""
    return f"{row.status.pods.active}/{row.status.allocatable.get(PODS, 0)}"


RESOURCE: Final = ComputedResource(
    kind="NodeSummary",
    plural="nodesummaries",
    short_names=("nosum",),
    namespaced=False,
    help="Resources of a node, the requests and state of its pods, and its problems.",
    status_type=NodeSummaryStatus,
    status=status,
    subjects=Source.NODES,
    subject_key=lambda node: ("", node.facts.name),
    folds=(Fold(Source.PODS, by_node, ("facts.node", *POD_ENTRIES)),),
    reader_roles=(ReaderRole.CLUSTER,),
    gauge_label="node",
    gauges=(
        gauges.amounts("kubesum_node_allocatable", "allocatable", "Resources that pods can ask for on the node."),
        gauges.amounts("kubesum_node_requests", "requests", "Requests of the active pods of the node."),
        gauges.amounts("kubesum_node_limits", "limits", "Limits of the active pods of the node."),
        gauges.amounts("kubesum_node_usage", "usage", "Cpu and memory in use on the node."),
        gauges.amounts("kubesum_node_free", "free", "Allocatable resources of the node that are not requested."),
        gauges.states("kubesum_node_pods", "pods", "Pods of the node, by state; a pod is counted in several."),
    ),
    columns=(
        columns.NAME,
        columns.value("STATUS", "reason", "Status of the node as `kubectl get nodes` displays it."),
        Column("ROLES", "Roles of the node.", lambda row: ",".join(row.status.roles) or columns.NONE),
        Column("PODS", "Active pods assigned to the node, of the allocatable number of pods.", pods_cell),
        columns.CPU_REQUESTS,
        columns.CPU_PERCENT,
        columns.MEMORY_REQUESTS,
        columns.MEMORY_PERCENT,
        columns.CPU_USAGE,
        columns.MEMORY_USAGE,
        columns.gpu("requests", "allocatable"),
        columns.AGE,
        columns.cpu_limits(wide=True),
        columns.percentage("CPU-LIM%", "limits_percent", CPU, "Cpu limits in percent of allocatable.", wide=True),
        columns.memory_limits(wide=True),
        columns.percentage(
            "MEM-LIM%", "limits_percent", MEMORY, "Memory limits in percent of allocatable.", wide=True
        ),
        columns.amount("CPU-FREE", "free", CPU, "Allocatable cpu that is not requested.", wide=True),
        columns.amount("MEM-FREE", "free", MEMORY, "Allocatable memory that is not requested, in bytes.", wide=True),
        columns.amount(
            "EPHEMERAL-REQ", "requests", EPHEMERAL_STORAGE, "Ephemeral storage requested, in bytes.", wide=True
        ),
        columns.number("NOT-READY", "pods.not_ready", "Active pods on the node that are not ready.", wide=True),
        columns.number("RESTARTS", "restarts", "Container restarts in the pods of the node.", wide=True),
        columns.number("TAINTS", "taints", "Number of taints of the node.", wide=True),
        columns.value("VERSION", "kubelet_version", "Version of the node's kubelet.", wide=True),
    ),
)
