"""NamespaceSummary: the requests of a namespace and the state of its pods and workloads.

There is one per namespace, in the namespace and with its name, so that a RoleBinding there lets users read it. A
namespace has a row as soon as a pod or workload in it is in the cache, even before its Namespace object.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET

from kubesum.resources import columns, gauges
from kubesum.resources.shapes import (
    POD_ENTRIES,
    Coverage,
    PercentOfRequests,
    PodCounts,
    PodsWithoutUsage,
    QosCounts,
    ReasonCount,
    ResourcesLeftOut,
    UsageOfPods,
    WorkloadCounts,
    count,
    coverage,
    doc,
    limited,
    names_left_out,
    not_measured,
    pod_counts,
    pod_entries,
    qos_counts,
    reason_counts,
    requested,
    used,
    used_entries,
    used_percents,
    workload_counts,
)
from kubesum.semantics.facts import NamespaceFacts, Pod
from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import Column, ComputedResource, Fold, Key, ReaderRole, Source
from kubesum.vocabulary.tally import Contribution, Tally


class NamespaceSummaryStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Computed status of one namespace."""

    phase: Annotated[str, doc("Phase of the namespace: Active or Terminating; empty without a Namespace object.")]
    pods: Annotated[PodCounts, doc("Numbers of pods in the namespace.")]
    status_counts: Annotated[
        tuple[ReasonCount, ...],
        doc("Numbers of pods by displayed status without its variable part, sorted by reason."),
    ]
    requests: Annotated[
        ResourceList,
        doc(
            "Sum of the effective requests of the active pods, assigned or not, by resource name; `pods` counts the "
            "assigned ones."
        ),
    ]
    limits: Annotated[ResourceList, doc("Sum of the effective limits of the active pods, by resource name.")]
    workloads: Annotated[WorkloadCounts, doc("Numbers of workloads in the namespace by health.")]
    restarts: Annotated[int, doc("Number of container restarts in the pods, also in finished ones.")]
    qos: Annotated[QosCounts, doc("Numbers of active pods by quality-of-service class.")]
    pods_without_requests: Annotated[
        Coverage, doc("Numbers of active pods with a container that requests no cpu or no memory.")
    ]
    pods_without_limits: Annotated[
        Coverage, doc("Numbers of active pods with a container without a limit of cpu or of memory.")
    ]
    nodes: Annotated[int, count("Number of different nodes that active pods are assigned to.")]
    images: Annotated[int, count("Number of different images that active pods use.")]
    pending_reasons: Annotated[
        tuple[ReasonCount, ...],
        doc("Numbers of unscheduled pods by the reason why they are not scheduled, sorted by reason."),
    ]
    usage: UsageOfPods = UNSET
    usage_percent: PercentOfRequests = UNSET
    pods_without_usage: PodsWithoutUsage = UNSET
    resources_left_out: ResourcesLeftOut = UNSET


def used_by_namespace(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """The usage of a measured pod belongs to its namespace."""
    if pod.usage is not None:
        yield (pod.facts.namespace, pod.facts.namespace), used_entries(pod.usage)


def by_namespace(pod: Pod) -> Iterable[tuple[Key, Contribution]]:
    """A pod belongs to its namespace."""
    return pod_entries(pod, (pod.facts.namespace, pod.facts.namespace))


def places_by_namespace(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """An active pod contributes its node and images to its namespace."""
    facts = pod.facts
    if pod.state.active:
        nodes = (("nodes", facts.node, 1),) if facts.node else ()
        images = tuple([("images", image.row, 1) for image in facts.images])
        yield (facts.namespace, facts.namespace), nodes + images


def by_namespace_of_workload(member: tuple[Key, Any]) -> Iterator[tuple[Key, Contribution]]:
    """A workload belongs to its namespace, counted by health."""
    (namespace, _), status = member
    yield (namespace, namespace), (("workloads", status.health, 1),)


def status(_key: Key, namespace: NamespaceFacts | None, tally: Tally) -> NamespaceSummaryStatus:
    """The status of a namespace from its pods and workloads."""
    pods, requests, usage = pod_counts(tally), requested(tally.sums("requests")), used(tally)
    return NamespaceSummaryStatus(
        phase=namespace.phase if namespace else "",
        pods=pods,
        status_counts=reason_counts(tally, "statusCounts"),
        requests=requests,
        limits=limited(tally.sums("limits")),
        workloads=workload_counts(tally),
        restarts=tally.total("restarts"),
        qos=qos_counts(tally),
        pods_without_requests=coverage(tally, "podsWithoutRequests"),
        pods_without_limits=coverage(tally, "podsWithoutLimits"),
        nodes=tally.distinct("nodes"),
        images=tally.distinct("images"),
        pending_reasons=reason_counts(tally, "pendingReasons"),
        usage=usage,
        usage_percent=used_percents(usage, requests),
        pods_without_usage=not_measured(tally, pods.active),
        resources_left_out=names_left_out(tally),
    )


def larger(unset: Coverage) -> int:
    """The larger of the two numbers; a pod without both resources is counted in each, so they are not added."""
    return max(unset.cpu, unset.memory)


RESOURCE: Final = ComputedResource(
    kind="NamespaceSummary",
    plural="namespacesummaries",
    short_names=("nssum",),
    namespaced=True,
    help="Requests of a namespace and the state of its pods and workloads; one per namespace, with its name.",
    status_type=NamespaceSummaryStatus,
    status=status,
    subjects=Source.NAMESPACES,
    subject_key=lambda namespace: (namespace.name, namespace.name),
    folds=(
        Fold(Source.PODS, by_namespace, POD_ENTRIES),
        Fold(Source.PODS, places_by_namespace, ("facts.state.active", "facts.node", "facts.images")),
        Fold(Source.PODS, used_by_namespace, ("usage",)),
        Fold("workloadsummaries", by_namespace_of_workload, ("health",)),
    ),
    fallback_subject=lambda _key, _tally: None,
    reader_roles=(ReaderRole.METRICS,),
    gauge_label="namespace",
    gauges=(
        gauges.amounts("kubesum_namespace_requests", "requests", "Requests of the active pods of the namespace."),
        gauges.amounts("kubesum_namespace_limits", "limits", "Limits of the active pods of the namespace."),
        gauges.amounts("kubesum_namespace_usage", "usage", "Cpu and memory in use by the pods of the namespace."),
        gauges.states(
            "kubesum_namespace_pods", "pods", "Pods of the namespace, by state; a pod is counted in several."
        ),
        gauges.reasons(
            "kubesum_namespace_pending_pods", "pending_reasons", "Unscheduled pods of the namespace, by reason."
        ),
        gauges.states("kubesum_namespace_workloads", "workloads", "Workloads of the namespace, by health."),
    ),
    columns=(
        columns.NAME,
        columns.share("PODS", "pods.ready", "pods.active", "Ready pods of the active ones."),
        columns.share("WORKLOADS", "workloads.healthy", "workloads.total", "Healthy workloads of all."),
        columns.CPU_REQUESTS,
        columns.MEMORY_REQUESTS,
        columns.CPU_USAGE,
        columns.MEMORY_USAGE,
        columns.cpu_limits(wide=False),
        columns.memory_limits(wide=False),
        columns.number("RESTARTS", "restarts", "Container restarts in the pods."),
        columns.AGE,
        columns.gpu(wide=True),
        columns.number("UNSCHEDULED", "pods.unscheduled", "Active pods without a node.", wide=True),
        columns.number("DEGRADED", "workloads.degraded", "Workloads whose health is Degraded.", wide=True),
        Column(
            "NO-REQ",
            "Active pods that request no cpu or no memory, whichever are more.",
            lambda row: larger(row.status.pods_without_requests),
            type="integer",
            wide=True,
        ),
        Column(
            "NO-LIM",
            "Active pods without a limit of cpu or of memory, whichever are more.",
            lambda row: larger(row.status.pods_without_limits),
            type="integer",
            wide=True,
        ),
        columns.number("NODES", "nodes", "Different nodes in use.", wide=True),
        columns.number("IMAGES", "images", "Different images in use.", wide=True),
    ),
)
