"""The parts of a status that several resources share, and the functions that read them from a Tally.

`kubectl explain` prints the descriptions of fields, each a full sentence with the unit.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from kubesum.resources.bounds import left_out, listed, most_frequent
from kubesum.semantics.facts import Pod, Usage
from kubesum.vocabulary.quantity import CPU, MEMORY, PODS, ResourceList, percent
from kubesum.vocabulary.resource import Key
from kubesum.vocabulary.tally import Contribution, Tally

_MEASURED: Final = "measured"
"""The key of field `usage` under which measured members are counted, beside cpu and memory."""

POD_ENTRIES: Final = ("facts.state.counts", "facts.state.amounts")
"""What `pod_entries` reads of a pod."""


def doc(description: str) -> msgspec.Meta:
    """The metadata of a field; an int has the format int64."""
    return msgspec.Meta(description=description)


def count(description: str) -> msgspec.Meta:
    """The metadata of an integer field with the format int32."""
    return msgspec.Meta(description=description, extra_json_schema={"format": "int32"})


def list_key(description: str) -> msgspec.Meta:
    """The metadata of a string field that is the key of a list of type map (x-kubernetes-list-map-keys)."""
    return msgspec.Meta(description=description, extra={"key": True})


class PodCounts(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Numbers of pods by state."""

    total: Annotated[int, count("Number of pods: active, succeeded and failed ones.")] = 0
    active: Annotated[int, count("Number of pods whose phase is neither Succeeded nor Failed.")] = 0
    ready: Annotated[int, count("Number of active pods whose condition Ready is True.")] = 0
    not_ready: Annotated[
        int, count("Number of active pods that are assigned to a node and whose condition Ready is not True.")
    ] = 0
    unscheduled: Annotated[int, count("Number of active pods that are assigned to no node yet.")] = 0
    terminating: Annotated[int, count("Number of active pods that are being deleted.")] = 0
    succeeded: Annotated[int, count("Number of pods in phase Succeeded.")] = 0
    failed: Annotated[int, count("Number of pods in phase Failed.")] = 0
    unknown: Annotated[int, count("Number of active pods in phase Unknown, because their node is lost.")] = 0


PodsOrNodes: TypeAlias = Annotated[
    int, count("Number of pods with the reason; in a PodSummary, number of nodes that it applies to, or 0.")
]


class ReasonCount(msgspec.Struct, frozen=True, gc=False):
    """A reason and how often it occurs."""

    reason: Annotated[
        str, list_key("Reason without its variable parts, such as CrashLoopBackOff or Insufficient cpu.")
    ]
    count: PodsOrNodes


class QosCounts(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Numbers of active pods by quality-of-service class."""

    guaranteed: Annotated[int, count("Number of active pods of class Guaranteed.")] = 0
    burstable: Annotated[int, count("Number of active pods of class Burstable.")] = 0
    best_effort: Annotated[int, count("Number of active pods of class BestEffort.")] = 0


class Coverage(msgspec.Struct, frozen=True, gc=False):
    """Numbers of active pods with a container that does not set a resource."""

    cpu: Annotated[int, count("Number of active pods with a container that does not set cpu.")] = 0
    memory: Annotated[int, count("Number of active pods with a container that does not set memory.")] = 0


class WorkloadCounts(msgspec.Struct, frozen=True, gc=False):
    """Numbers of workloads by health."""

    total: Annotated[int, count("Number of workloads.")] = 0
    healthy: Annotated[
        int, count("Number of workloads that have all pods of the newest spec, and none in error.")
    ] = 0
    progressing: Annotated[
        int, count("Number of workloads whose rollout is not complete, or with a pod that is not scheduled.")
    ] = 0
    degraded: Annotated[
        int,
        count("Number of workloads that failed, or with a pod whose status is an error, such as CrashLoopBackOff."),
    ] = 0
    suspended: Annotated[int, count("Number of Jobs and CronJobs that are suspended, and of paused Deployments.")] = 0
    idle: Annotated[int, count("Number of workloads that are to have no pods, and have none.")] = 0
    completed: Annotated[int, count("Number of workloads that have ended successfully, such as complete Jobs.")] = 0


class WorkloadReference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A reference to the topmost owner of pods."""

    api_version: Annotated[str, doc("Group and version of the workload, such as apps/v1.")]
    kind: Annotated[str, doc("Kind of the workload, such as Deployment.")]
    name: Annotated[str, doc("Name of the workload.")]
    uid: Annotated[str, doc("Uid of the workload; empty for static pods.")]


ResourcesLeftOut: TypeAlias = Annotated[
    int | UnsetType,
    count("Number of resource names beyond the first 256 that `requests` leaves out; absent if there are none."),
]
UsageOfPods: TypeAlias = Annotated[
    ResourceList | UnsetType,
    doc("Cpu and memory in use: the sum over the active pods that are measured; absent while none of them is."),
]
PercentOfRequests: TypeAlias = Annotated[
    dict[str, int] | UnsetType,
    doc("Usage in percent of requests, cut to an integer, by resource name; without those not requested."),
]
PodsWithoutUsage: TypeAlias = Annotated[
    int | UnsetType, count("Number of active pods that are not measured; absent without usage.")
]


def pod_entries(pod: Pod, key: Key) -> tuple[tuple[Key, Contribution], ...]:
    """What every pod contributes to a group: counts, statuses and restarts; if active, also requests and limits."""
    state = pod.facts.state
    return (key, state.counts), (key, state.amounts)


def pod_counts(tally: Tally) -> PodCounts:
    """The numbers of pods of a group."""
    pods = tally.sums("pods")
    return PodCounts(
        total=pods.get("total", 0),
        active=pods.get("active", 0),
        ready=pods.get("ready", 0),
        not_ready=pods.get("notReady", 0),
        unscheduled=pods.get("unscheduled", 0),
        terminating=pods.get("terminating", 0),
        succeeded=pods.get("succeeded", 0),
        failed=pods.get("failed", 0),
        unknown=pods.get("unknown", 0),
    )


def reason_counts(tally: Tally, field: str) -> tuple[ReasonCount, ...]:
    """The reasons counted in `field`, by name; the least frequent of more than a hundred as `Other`."""
    return tuple(ReasonCount(reason, n) for reason, n in sorted(most_frequent(tally.sums(field)).items()))


def qos_counts(tally: Tally) -> QosCounts:
    """The active pods of a group by class."""
    qos = tally.sums("qos")
    return QosCounts(qos.get("guaranteed", 0), qos.get("burstable", 0), qos.get("bestEffort", 0))


def coverage(tally: Tally, field: str) -> Coverage:
    """The pods counted in `field`, by the resource that a container does not set."""
    return Coverage(tally.total(field, CPU), tally.total(field, MEMORY))


def workload_counts(tally: Tally) -> WorkloadCounts:
    """The workloads of a group by health."""
    health = tally.sums("workloads")
    return WorkloadCounts(
        total=sum(health.values()),
        healthy=health.get("Healthy", 0),
        progressing=health.get("Progressing", 0),
        degraded=health.get("Degraded", 0),
        suspended=health.get("Suspended", 0),
        idle=health.get("Idle", 0),
        completed=health.get("Completed", 0),
    )


def requested(
    amounts: Mapping[str, int], always: Iterable[str] = (CPU, MEMORY), first: Iterable[str] = ()
) -> ResourceList:
    """A ResourceList of requested amounts, with 0 for those in `always` that are not requested.

    Of more names than a summary lists, those in `always` and in `first` are kept.
    """
    return ResourceList({**dict.fromkeys(always, 0), **listed(amounts, (*always, *first))})


def limited(amounts: Mapping[str, int], first: Iterable[str] = (CPU, MEMORY)) -> ResourceList:
    """A ResourceList of other amounts; of more names than a summary lists, those in `first` are kept."""
    return ResourceList(listed(amounts, first))


def names_left_out(tally: Tally, first: Iterable[str] = (CPU, MEMORY)) -> int | UnsetType:
    """How many names the list of requests leaves out, or that of pending ones if these are more; absent if none."""
    fields = (tally.sums("requests"), tally.sums("pendingRequests"))
    return max(left_out(amounts, first) for amounts in fields) or UNSET


def without_pods(amounts: Mapping[str, int]) -> dict[str, int]:
    """The amounts without the resource `pods`, which only assigned pods have."""
    return {name: value for name, value in amounts.items() if name != PODS}


def percents(parts: Mapping[str, int], wholes: Mapping[str, int]) -> dict[str, int]:
    """Each part in percent of its whole, rounded down; resources without a whole are left out."""
    shares = {name: percent(value, wholes.get(name, 0)) for name, value in parts.items()}
    return {name: share for name, share in shares.items() if share is not None}


def used_by(usage: Usage | None) -> ResourceList | UnsetType:
    """The usage of one pod or node; absent if it is not measured."""
    return UNSET if usage is None else ResourceList({CPU: usage.cpu, MEMORY: usage.memory})


def used_entries(usage: Usage) -> Contribution:
    """The contribution of a measured pod or node."""
    return (("usage", _MEASURED, 1), ("usage", CPU, usage.cpu), ("usage", MEMORY, usage.memory))


def used(tally: Tally) -> ResourceList | UnsetType:
    """The usage of the measured members of a group; absent if there are none."""
    usage = tally.sums("usage")
    if _MEASURED not in usage:
        return UNSET
    return ResourceList({name: usage.get(name, 0) for name in (CPU, MEMORY)})


def not_measured(tally: Tally, members: int) -> int | UnsetType:
    """How many of a group's members are not measured; absent if none is measured."""
    measured = tally.total("usage", _MEASURED)
    return members - measured if measured else UNSET


def used_percents(usage: ResourceList | UnsetType, wholes: Mapping[str, int]) -> dict[str, int] | UnsetType:
    """Usage in percent of requests or allocatable; absent without a measurement or a whole."""
    if usage is UNSET:
        return UNSET
    return _shared_percents(tuple(percents(usage, wholes).items())) or UNSET


@lru_cache(maxsize=4096)
def _shared_percents(shares: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """One map for all equal ones, which thousands of workloads have."""
    return dict(shares)
