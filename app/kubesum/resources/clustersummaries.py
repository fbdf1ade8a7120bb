"""ClusterSummary: the whole cluster in one object named `cluster`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from kubesum.resources import columns, gauges
from kubesum.resources.imagesummaries import names
from kubesum.resources.shapes import (
    POD_ENTRIES,
    PodCounts,
    ReasonCount,
    ResourcesLeftOut,
    WorkloadCounts,
    count,
    doc,
    limited,
    list_key,
    names_left_out,
    not_measured,
    percents,
    pod_counts,
    reason_counts,
    requested,
    used,
    used_entries,
    used_percents,
    workload_counts,
)
from kubesum.semantics.facts import MeasuredNode, NamespaceFacts, Pod, SourceFacts
from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import ComputedResource, Fold, Key, ReaderRole, Source
from kubesum.vocabulary.tally import Contribution, Tally

CLUSTER: Final[Key] = ("", "cluster")
OF_PODS: Final = (*POD_ENTRIES, "facts.node", "facts.state.active", "zone")
OF_NODES: Final = (
    *("ready", "unschedulable", "tainted", "kubelet_version"),
    *("capacity", "allocatable", "requests", "limits", "free"),
)


class NodeCounts(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Numbers of nodes by state."""

    total: Annotated[int, count("Number of nodes.")] = 0
    ready: Annotated[int, count("Number of nodes whose condition Ready is True.")] = 0
    not_ready: Annotated[int, count("Number of nodes whose condition Ready is not True.")] = 0
    unschedulable: Annotated[int, count("Number of nodes that are cordoned.")] = 0
    tainted: Annotated[int, count("Number of nodes with a taint that keeps pods away.")] = 0


class ClusterPodCounts(PodCounts, frozen=True, gc=False, rename="camel"):
    """Numbers of pods by state, in the whole cluster."""

    orphaned: Annotated[int, count("Number of active pods assigned to a node that does not exist.")] = 0


class VersionCount(msgspec.Struct, frozen=True, gc=False):
    """A kubelet version and the nodes that run it."""

    version: Annotated[str, list_key("Version of the kubelet.")]
    nodes: Annotated[int, count("Number of nodes that run it.")]


class SourceState(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """State of one watched or polled resource."""

    resource: Annotated[
        str, list_key("Plural of the resource, with its group if it is polled, such as pods.metrics.k8s.io.")
    ]
    synced: Annotated[
        bool,
        doc("Whether the resource is listed and its watch works; for a polled one, whether its last list is in use."),
    ]
    last_transition_time: Annotated[
        datetime | UnsetType,
        doc("Time at which the resource stopped being synced; absent while it is synced, and if it never was."),
    ] = UNSET


class SummaryCondition(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A condition, as `kubectl wait --for=condition` reads it."""

    type: Annotated[str, list_key("Type of the condition: Synced.")]
    status: Annotated[str, doc("Status of the condition: True or False.")]
    reason: Annotated[str, doc("Reason of the status: Watching or Stale.")]
    message: Annotated[str, doc("Message that names the watched resources that are not synced.")]
    last_transition_time: Annotated[
        datetime | UnsetType,
        doc(
            "Time at which a watched resource last stopped being synced; absent while all are, and if none ever was."
        ),
    ] = UNSET


class ClusterSummaryStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Computed status of the cluster."""

    nodes: Annotated[NodeCounts, doc("Numbers of nodes by state.")]
    capacity: Annotated[ResourceList, doc("Sum of the capacity of all nodes, by resource name.")]
    allocatable: Annotated[ResourceList, doc("Sum of what is allocatable on all nodes, by resource name.")]
    requests: Annotated[
        ResourceList,
        doc("Sum of the nodes' requests, and of the effective requests of active pods on nodes that do not exist."),
    ]
    limits: Annotated[
        ResourceList,
        doc("Sum of the nodes' limits, and of the effective limits of active pods on nodes that do not exist."),
    ]
    requests_percent: Annotated[
        dict[str, int], doc("Requests in percent of what is allocatable, cut to an integer, by resource name.")
    ]
    limits_percent: Annotated[
        dict[str, int], doc("Limits in percent of what is allocatable, cut to an integer, by resource name.")
    ]
    pending_requests: Annotated[
        ResourceList, doc("Sum of the effective requests of the active pods assigned to no node.")
    ]
    free: Annotated[
        ResourceList,
        doc(
            "Sum of allocatable minus requests over the nodes that are ready and not cordoned; a node with more "
            "requests than allocatable counts as 0."
        ),
    ]
    free_untainted: Annotated[
        ResourceList, doc("The part of free that is on nodes without a taint that keeps pods away.")
    ]
    largest_node_free: Annotated[
        ResourceList,
        doc("Largest free amount of each resource on one ready, uncordoned node: a larger request fits on no node."),
    ]
    pods: Annotated[ClusterPodCounts, doc("Numbers of pods in the cluster.")]
    status_counts: Annotated[
        tuple[ReasonCount, ...],
        doc("Numbers of pods by displayed status without its variable part, sorted by reason."),
    ]
    unhealthy: Annotated[int, count("Number of pods that are not healthy.")]
    pending_reasons: Annotated[
        tuple[ReasonCount, ...],
        doc("Numbers of unscheduled pods by the reason why they are not scheduled, sorted by reason."),
    ]
    workloads: Annotated[WorkloadCounts, doc("Numbers of workloads by health.")]
    namespaces: Annotated[int, count("Number of namespaces.")]
    images: Annotated[int, count("Number of different images that active pods use.")]
    restarts: Annotated[int, doc("Number of container restarts in all pods, also in finished ones.")]
    kubelet_versions: Annotated[tuple[VersionCount, ...], doc("Kubelet versions in use, sorted.")]
    sources: Annotated[tuple[SourceState, ...], doc("State of each watched or polled resource, sorted by name.")]
    conditions: Annotated[
        tuple[SummaryCondition, ...],
        doc("Conditions: Synced is True while all watched resources are listed and their watches work."),
    ]
    usage: Annotated[
        ResourceList | UnsetType,
        doc("Cpu and memory in use: the sum over the nodes that are measured; absent while none of them is."),
    ] = UNSET
    usage_percent: Annotated[
        dict[str, int] | UnsetType,
        doc("Usage in percent of what is allocatable on all nodes, cut to an integer, by resource name."),
    ] = UNSET
    nodes_without_usage: Annotated[
        int | UnsetType, count("Number of nodes that are not measured; absent without usage.")
    ] = UNSET
    resources_left_out: ResourcesLeftOut = UNSET


def pods(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """Every pod; nodes say what is taken from them, and the requests of unscheduled pods are summed separately."""
    yield CLUSTER, pod.state.counts
    if pod.orphaned:
        yield CLUSTER, (*pod.state.amounts, ("orphaned", "", 1))
    elif not pod.facts.node:
        yield CLUSTER, tuple([("pendingRequests", name, n) for of, name, n in pod.state.amounts if of == "requests"])


def nodes(member: tuple[Key, Any]) -> Iterator[tuple[Key, Contribution]]:
    """Every node; its free resources only if it is schedulable."""
    status = member[1]
    yield CLUSTER, (*node_entries(status), *(free_entries(status) if schedulable(status) else ()))


def schedulable(node: Any) -> bool:
    """Ready and not cordoned."""
    return node.ready == "True" and not node.unschedulable


def node_entries(node: Any) -> Iterator[tuple[str, Any, int]]:
    """The entries of every node."""
    yield "nodes", "total", 1
    yield "nodes", "ready" if node.ready == "True" else "notReady", 1
    yield "nodes", "unschedulable", int(node.unschedulable)
    yield "nodes", "tainted", int(node.tainted)
    yield "versions", node.kubelet_version, 1
    for field in ("capacity", "allocatable", "requests", "limits"):
        yield from amounts(field, getattr(node, field))


def free_entries(node: Any) -> Iterator[tuple[str, Any, int]]:
    """The entries of a schedulable node."""
    free = {name: max(0, value) for name, value in node.free.items()}
    yield from amounts("free", free)
    if not node.tainted:
        yield from amounts("freeUntainted", free)
    for name, value in free.items():
        yield "resources", name, 1
        yield f"largest {name}", -value, 1


def amounts(field: str, values: Mapping[str, int]) -> Iterator[tuple[str, Any, int]]:
    """One entry per resource."""
    return ((field, name, value) for name, value in values.items())


def workloads(member: tuple[Key, Any]) -> Iterator[tuple[Key, Contribution]]:
    """Every workload, by health."""
    yield CLUSTER, (("workloads", member[1].health, 1),)


def namespaces(_namespace: NamespaceFacts) -> Iterator[tuple[Key, Contribution]]:
    """Every namespace."""
    yield CLUSTER, (("namespaces", "", 1),)


def images(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """Every image of an active pod that has a ClusterImageSummary."""
    yield CLUSTER, tuple([("images", row, 1) for row in names(pod)])


def used_by_nodes(node: MeasuredNode) -> Iterator[tuple[Key, Contribution]]:
    """The usage of every measured node."""
    if node.usage is not None:
        yield CLUSTER, used_entries(node.usage)


def sources(source: SourceFacts) -> Iterator[tuple[Key, Contribution]]:
    """Every watched or polled resource; optional ones in a field of their own."""
    field = "optionalSources" if source.optional else "sources"
    yield CLUSTER, ((field, (source.resource, source.synced, source.lost or UNSET), 1),)


def source_states(tally: Tally, *fields: str) -> tuple[SourceState, ...]:
    """The states of the resources in these fields, by name."""
    return tuple(SourceState(*source) for source in sorted(s for field in fields for s in tally.sums(field)))


def synced(watched: Sequence[SourceState]) -> tuple[SummaryCondition, ...]:
    """The condition Synced; empty if nothing is watched."""
    behind = [source.resource for source in watched if not source.synced]
    if not watched:
        return ()
    if not behind:
        return (SummaryCondition("Synced", "True", "Watching", "all kinds are listed and watched"),)
    lost = [source.last_transition_time for source in watched if source.last_transition_time is not UNSET]
    message = f"not synced: {', '.join(behind)}"
    return (SummaryCondition("Synced", "False", "Stale", message, max(lost, default=UNSET)),)


def node_counts(tally: Tally) -> NodeCounts:
    """The numbers of nodes by state."""
    of = tally.sums("nodes")
    names = ("total", "ready", "notReady", "unschedulable", "tainted")
    return NodeCounts(*(of.get(name, 0) for name in names))


def largest_free(tally: Tally) -> ResourceList:
    """The largest free amount of each resource on one node."""
    return ResourceList({name: -(tally.smallest(f"largest {name}") or 0) for name in tally.sums("resources")})


def status(_key: Key, _subject: NamespaceFacts | None, tally: Tally) -> ClusterSummaryStatus:
    """The summary of the cluster."""
    allocatable = ResourceList(tally.sums("allocatable"))
    # What nodes have comes first, so that names which a user makes up displace none of them.
    requests = requested(tally.sums("requests"), first=allocatable)
    limits = limited(tally.sums("limits"), first=allocatable)
    counts, usage = node_counts(tally), used(tally)
    versions = tuple(VersionCount(version, n) for version, n in sorted(tally.sums("versions").items()))
    return ClusterSummaryStatus(
        nodes=counts,
        capacity=ResourceList(tally.sums("capacity")),
        allocatable=allocatable,
        requests=requests,
        limits=limits,
        requests_percent=percents(requests, allocatable),
        limits_percent=percents(limits, allocatable),
        pending_requests=limited(tally.sums("pendingRequests"), first=allocatable),
        free=ResourceList(tally.sums("free")),
        free_untainted=ResourceList(tally.sums("freeUntainted")),
        largest_node_free=largest_free(tally),
        pods=ClusterPodCounts(**msgspec.structs.asdict(pod_counts(tally)), orphaned=tally.total("orphaned")),
        status_counts=reason_counts(tally, "statusCounts"),
        unhealthy=tally.total("unhealthy"),
        pending_reasons=reason_counts(tally, "pendingReasons"),
        workloads=workload_counts(tally),
        namespaces=tally.total("namespaces"),
        images=tally.distinct("images"),
        restarts=tally.total("restarts"),
        kubelet_versions=versions,
        sources=source_states(tally, "sources", "optionalSources"),
        conditions=synced(source_states(tally, "sources")),
        usage=usage,
        usage_percent=used_percents(usage, allocatable),
        nodes_without_usage=not_measured(tally, counts.total),
        resources_left_out=names_left_out(tally, allocatable),
    )


RESOURCE: Final = ComputedResource(
    kind="ClusterSummary",
    plural="clustersummaries",
    short_names=("clsum",),
    namespaced=False,
    help="The whole cluster in one object: its capacity, requests, free resources and problems.",
    status_type=ClusterSummaryStatus,
    status=status,
    # kube-system is as old as the cluster, and its uid is commonly used as the id of the cluster.
    subjects=Source.NAMESPACES,
    subject_key=lambda namespace: CLUSTER if namespace.name == "kube-system" else None,
    folds=(
        Fold(Source.PODS, pods, OF_PODS),
        Fold(Source.PODS, images, ("facts.state.active", "facts.images")),
        Fold(Source.NAMESPACES, namespaces),
        Fold(Source.INFORMERS, sources),
        Fold(Source.NODES, used_by_nodes, ("usage",)),
        Fold("nodesummaries", nodes, OF_NODES),
        Fold("workloadsummaries", workloads, ("health",)),
    ),
    fallback_subject=lambda _key, _tally: None,
    reader_roles=(ReaderRole.CLUSTER,),
    gauges=(
        gauges.amounts("kubesum_cluster_capacity", "capacity", "Capacity of all nodes."),
        gauges.amounts("kubesum_cluster_allocatable", "allocatable", "Resources that pods can ask for on all nodes."),
        gauges.amounts("kubesum_cluster_requests", "requests", "Requests of the active pods that have a node."),
        gauges.amounts("kubesum_cluster_limits", "limits", "Limits of the active pods that have a node."),
        gauges.amounts("kubesum_cluster_usage", "usage", "Cpu and memory in use on all nodes."),
        gauges.amounts("kubesum_cluster_free", "free", "Resources not requested, on nodes that take pods."),
        gauges.amounts(
            "kubesum_cluster_largest_node_free", "largest_node_free", "Resources not requested, on the emptiest node."
        ),
        gauges.amounts("kubesum_cluster_pending_requests", "pending_requests", "Requests of unscheduled pods."),
        gauges.states("kubesum_cluster_nodes", "nodes", "Nodes, by state; a node is counted in several."),
        gauges.states("kubesum_cluster_pods", "pods", "Pods, by state; a pod is counted in several."),
        gauges.states("kubesum_cluster_workloads", "workloads", "Workloads, by health."),
        gauges.reasons("kubesum_cluster_pending_pods", "pending_reasons", "Unscheduled pods, by reason."),
        gauges.number("kubesum_cluster_unhealthy_pods", "unhealthy", "Pods that are not healthy."),
        gauges.number("kubesum_cluster_container_restarts", "restarts", "Container restarts in all pods there are."),
        gauges.number("kubesum_cluster_images", "images", "Different images that active pods use."),
    ),
    columns=(
        columns.NAME,
        columns.share("NODES", "nodes.ready", "nodes.total", "Ready nodes of all."),
        columns.number("PODS", "pods.active", "Active pods."),
        columns.CPU_REQUESTS,
        columns.CPU_PERCENT,
        columns.MEMORY_REQUESTS,
        columns.MEMORY_PERCENT,
        columns.CPU_USAGE,
        columns.MEMORY_USAGE,
        columns.gpu("requests", "allocatable"),
        columns.number("PENDING", "pods.unscheduled", "Active pods that are assigned to no node yet."),
        columns.number("UNHEALTHY", "unhealthy", "Pods that are not healthy."),
    ),
)
