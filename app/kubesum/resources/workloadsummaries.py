"""WorkloadSummary: one per topmost owner of pods, with its health and the state of its pods.

There is a row for each watched owner that has no watched owner itself, and for each topmost owner that only the
references of pods name: custom resources, static pods, bare pods.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from kubesum.resources import columns
from kubesum.resources.shapes import (
    POD_ENTRIES,
    PercentOfRequests,
    PodCounts,
    PodsWithoutUsage,
    ReasonCount,
    ResourcesLeftOut,
    UsageOfPods,
    WorkloadReference,
    count,
    doc,
    limited,
    names_left_out,
    not_measured,
    pod_counts,
    pod_entries,
    reason_counts,
    requested,
    used,
    used_entries,
    used_percents,
    without_pods,
)
from kubesum.semantics.facts import Labels, OwnerFacts, Pod, Replicas, WorkloadRef
from kubesum.semantics.workloads.health import PodsByState, health
from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import Column, ComputedResource, FieldSelector, Fold, Key, RowView, Source, Subject
from kubesum.vocabulary.tally import Contribution, Tally

MOST_IMAGES: Final = 20
"""Largest number of image references in a summary."""
DETAILS: Final = (
    "workload",
    "zone",
    "facts.node",
    "facts.images",
    *(f"facts.state.{name}" for name in ("active", "requests", "priority_class", "qos", "bad")),
)
"""What `details_by_workload` reads."""


class ReplicaCounts(msgspec.Struct, frozen=True, gc=False):
    """Numbers of pods in the owner's spec and status; absent if its kind has no such field."""

    desired: Annotated[int | UnsetType, count("Number of desired pods; of a Job, of those to run now.")] = UNSET
    current: Annotated[int | UnsetType, count("Number of existing pods that the owner reports.")] = UNSET
    ready: Annotated[int | UnsetType, count("Number of ready pods that the owner reports.")] = UNSET
    updated: Annotated[int | UnsetType, count("Number of pods of the owner's newest template.")] = UNSET
    available: Annotated[int | UnsetType, count("Number of pods that have been ready for minReadySeconds.")] = UNSET


class LastJobStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """How the last Job of a CronJob ended."""

    name: Annotated[str, doc("Name of the Job.")]
    result: Annotated[str, doc("Complete or Failed, the condition of the Job that is True.")]
    completion_time: Annotated[datetime | UnsetType, doc("Time at which the Job completed; absent if it failed.")] = (
        UNSET
    )


class WorkloadSummaryStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Computed status of one workload."""

    workload_ref: Annotated[WorkloadReference, doc("The topmost known owner of the pods.")]
    health: Annotated[
        str,
        doc(
            "Health of the workload: Completed (ended successfully), Suspended (suspended or paused), Idle (to have "
            "no pods), Degraded (failed, or a pod whose status is an error), Progressing (the rollout is not "
            "complete, or a pod is not scheduled) or else Healthy."
        ),
    ]
    replicas: Annotated[ReplicaCounts, doc("Numbers of pods in the owner's spec and status.")]
    pods: Annotated[PodCounts, doc("Numbers of pods of the workload.")]
    status_counts: Annotated[
        tuple[ReasonCount, ...],
        doc("Numbers of pods by displayed status without its variable part, sorted by reason."),
    ]
    restarts: Annotated[int, doc("Number of container restarts in the pods, also in finished ones.")]
    requests: Annotated[
        ResourceList,
        doc(
            "Sum of the effective requests of the active pods, assigned or not, by resource name; `pods` counts the "
            "assigned ones."
        ),
    ]
    limits: Annotated[ResourceList, doc("Sum of the effective limits of the active pods, by resource name.")]
    images: Annotated[
        tuple[str, ...], doc("Different image references of the active pods, sorted; the first 20 of them.")
    ]
    nodes: Annotated[int, count("Number of different nodes that active pods are assigned to.")]
    zones: Annotated[int, count("Number of different zones that active pods are in.")]
    last_restart_time: Annotated[
        datetime | UnsetType,
        doc("Time of the last termination that led to a restart; absent without restarts."),
    ] = UNSET
    requests_per_pod: Annotated[
        ResourceList | UnsetType, doc("Effective requests of one active pod; absent where they differ between pods.")
    ] = UNSET
    priority_class_name: Annotated[
        str, doc("Priority class of the active pods; empty where they differ or have none.")
    ] = ""
    qos_class: Annotated[str, doc("Quality-of-service class of the active pods; empty where they differ.")] = ""
    usage: UsageOfPods = UNSET
    usage_percent: PercentOfRequests = UNSET
    pods_without_usage: PodsWithoutUsage = UNSET
    last_job: Annotated[
        LastJobStatus | UnsetType,
        doc("The newest existing Job of a CronJob that has ended; absent if there is none, and for other kinds."),
    ] = UNSET
    resources_left_out: ResourcesLeftOut = UNSET


class ReferencedOwner(msgspec.Struct, frozen=True, gc=False):
    """The subject of a row whose owner is not watched; pods refer to it by uid."""

    uid: str
    created: datetime | None = None
    labels: Labels = {}


def by_workload(pod: Pod) -> Iterable[tuple[Key, Contribution]]:
    """A pod belongs to its topmost known owner."""
    return pod_entries(pod, (pod.facts.namespace, pod.workload.row))


def details_by_workload(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """What else a pod contributes to its topmost known owner, and which owner that is."""
    entries: list[tuple[str, Any, int]] = [("owner", (pod.workload.uid, pod.workload), 1)]
    if pod.state.active:
        entries += active_entries(pod)
    yield (pod.facts.namespace, pod.workload.row), tuple(entries)


def restarts_by_workload(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """The last restart of a pod belongs to its topmost known owner."""
    restarted = pod.facts.last_restart
    if restarted is not None:
        yield (pod.facts.namespace, pod.workload.row), (("restarted", -int(restarted.timestamp()), 1),)


def used_by_workload(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
    """The usage of a measured pod belongs to its topmost known owner."""
    if pod.usage is not None:
        yield (pod.facts.namespace, pod.workload.row), used_entries(pod.usage)


def active_entries(pod: Pod) -> Iterator[tuple[str, Any, int]]:
    """The entries of an active pod: its node, zone and images, and the values that may be equal in all pods."""
    facts, state = pod.facts, pod.state
    yield "each", tuple(without_pods(state.requests).items()), 1
    yield "priority", state.priority_class, 1
    yield "qosClass", state.qos, 1
    if facts.node:
        yield "nodes", facts.node, 1
    if pod.zone:
        yield "zones", pod.zone, 1
    if state.bad:
        yield "bad", "", 1
    for image in facts.images:
        yield "images", image.image, 1


def owner_of(tally: Tally) -> WorkloadRef:
    """The owner that the pods refer to; if they refer to several of one name, all replicas choose the same."""
    _uid, ref = max(
        tally.sums("owner"), key=lambda owner: (owner[0], owner[1].api_version, owner[1].kind, owner[1].name)
    )
    found: WorkloadRef = ref
    return found


def referenced_owner(_key: Key, tally: Tally) -> Subject:
    """The substitute for an owner that is not watched: the uid in its pods' references."""
    return ReferencedOwner(owner_of(tally).uid)


def uniform(tally: Tally, field: str) -> Any | None:
    """The one key of `field`, None where it has several or none."""
    keys = tally.sums(field)
    return next(iter(keys)) if len(keys) == 1 else None


def replica_counts(replicas: Replicas) -> ReplicaCounts:
    """The numbers that the owner's kind has."""
    stated = (replicas.desired, replicas.current, replicas.ready, replicas.updated, replicas.available)
    return ReplicaCounts(*(UNSET if n is None else n for n in stated))


def pods_by_state(pods: PodCounts, tally: Tally) -> PodsByState:
    """The numbers that the health depends on."""
    return PodsByState(
        active=pods.active,
        ready=pods.ready,
        unscheduled=pods.unscheduled,
        bad=tally.total("bad"),
        succeeded=pods.succeeded,
        failed=pods.failed,
        terminating=pods.terminating,
    )


def last_job(owner: OwnerFacts | None) -> LastJobStatus | UnsetType:
    """How the last Job of a CronJob ended."""
    ended = owner.ended if owner and owner.ref.kind == "CronJob" else None
    return UNSET if ended is None else LastJobStatus(ended.name, ended.result, ended.completed or UNSET)


def status(_key: Key, subject: OwnerFacts | ReferencedOwner, tally: Tally) -> WorkloadSummaryStatus:
    """The status of an owner, or of a reference to an owner that is not watched, from its pods."""
    owner = subject if isinstance(subject, OwnerFacts) else None
    ref = owner.ref if owner else owner_of(tally)
    each = uniform(tally, "each")
    restarted = tally.smallest("restarted")
    pods = pod_counts(tally)
    requests, usage = requested(tally.sums("requests")), used(tally)
    return WorkloadSummaryStatus(
        workload_ref=WorkloadReference(ref.api_version, ref.kind, ref.name, ref.uid),
        health=health(owner, pods_by_state(pods, tally)),
        replicas=replica_counts(owner.replicas) if owner else ReplicaCounts(),
        pods=pods,
        status_counts=reason_counts(tally, "statusCounts"),
        restarts=tally.total("restarts"),
        requests=requests,
        limits=limited(tally.sums("limits")),
        images=tuple(sorted(tally.sums("images"))[:MOST_IMAGES]),
        nodes=tally.distinct("nodes"),
        zones=tally.distinct("zones"),
        last_restart_time=UNSET if restarted is None else datetime.fromtimestamp(-restarted, UTC),
        requests_per_pod=UNSET if each is None else requested(dict(each)),
        priority_class_name=uniform(tally, "priority") or "",
        qos_class=uniform(tally, "qosClass") or "",
        usage=usage,
        usage_percent=used_percents(usage, requests),
        pods_without_usage=not_measured(tally, pods.active),
        last_job=last_job(owner),
        resources_left_out=names_left_out(tally),
    )


def ready_cell(row: RowView) -> str:
    """Ready pods of the desired ones, or of the active ones if the owner has no desired number."""
    replicas, pods = row.status.replicas, row.status.pods
    ready = pods.ready if replicas.ready is UNSET else replicas.ready
    return f"{ready}/{pods.active if replicas.desired is UNSET else replicas.desired}"


def status_cell(row: RowView) -> str:
    """The most frequent status that is not Running or Completed, with its number."""
    odd = [entry for entry in row.status.status_counts if entry.reason not in ("Running", "Completed")]
    if not odd:
        return columns.NONE
    worst = max(odd, key=lambda entry: entry.count)
    return f"{worst.reason} x{worst.count}"


def updated_cell(row: RowView) -> str:
    """Pods of the newest template, `<none>` if the owner's kind has no such number."""
    updated = row.status.replicas.updated
    return columns.NONE if updated is UNSET else str(updated)


RESOURCE: Final = ComputedResource(
    kind="WorkloadSummary",
    plural="workloadsummaries",
    short_names=("wlsum",),
    namespaced=True,
    help="The topmost owner of pods, of any kind: its health, its pods and their requests.",
    status_type=WorkloadSummaryStatus,
    status=status,
    subjects=Source.WORKLOADS,
    subject_key=lambda owner: (owner.namespace, owner.ref.row),
    folds=(
        Fold(Source.PODS, by_workload, ("workload", *POD_ENTRIES)),
        Fold(Source.PODS, details_by_workload, DETAILS),
        Fold(Source.PODS, restarts_by_workload, ("workload", "facts.last_restart")),
        Fold(Source.PODS, used_by_workload, ("workload", "usage")),
    ),
    fallback_subject=referenced_owner,
    columns=(
        columns.NAME,
        columns.value("KIND", "workload_ref.kind", "Kind of the workload."),
        Column("READY", "Ready pods of the desired ones.", ready_cell),
        columns.value("HEALTH", "health", "Health of the workload."),
        columns.number("RESTARTS", "restarts", "Container restarts in the pods."),
        columns.CPU_REQUESTS,
        columns.MEMORY_REQUESTS,
        columns.CPU_USAGE,
        columns.MEMORY_USAGE,
        columns.age(
            "Time since the workload was created, `<unknown>` for kinds that are not watched and for bare pods."
        ),
        columns.cpu_limits(wide=True),
        columns.memory_limits(wide=True),
        columns.gpu(wide=True),
        Column("UP-TO-DATE", "Pods of the newest template.", updated_cell, wide=True),
        Column("STATUS", "The most frequent pod status other than Running and Completed.", status_cell, wide=True),
        columns.number("NODES", "nodes", "Different nodes in use.", wide=True),
        Column("IMAGES", "Images in use.", lambda row: ",".join(row.status.images) or columns.NONE, wide=True),
    ),
    field_selectors=(
        FieldSelector("status.health", lambda _, status: status.health),
        FieldSelector("status.workloadRef.kind", lambda _, status: status.workload_ref.kind),
        FieldSelector("status.workloadRef.name", lambda _, status: status.workload_ref.name),
    ),
)
