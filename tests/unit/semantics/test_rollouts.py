"""How far owners have come, as `kubectl rollout status` and Argo CD judge them."""

from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.apps import DaemonSet, Replicated
from kubesum.kube.objects.batch import CronJob, Job
from kubesum.semantics.facts import OwnerFacts
from kubesum.semantics.interner import Interner
from kubesum.semantics.workloads.health import PodsByState, health
from kubesum.semantics.workloads.transform import (
    cronjob_facts,
    daemonset_facts,
    deployment_facts,
    job_facts,
    replicaset_facts,
    statefulset_facts,
)

MAKERS: dict[str, Any] = {
    "Deployment": (Replicated, deployment_facts),
    "StatefulSet": (Replicated, statefulset_facts),
    "DaemonSet": (DaemonSet, daemonset_facts),
    "ReplicaSet": (Replicated, replicaset_facts),
    "Job": (Job, job_facts),
    "CronJob": (CronJob, cronjob_facts),
}


def facts(kind: str, spec: dict[str, Any], status: dict[str, Any], generation: int = 0) -> OwnerFacts:
    view, transform = MAKERS[kind]
    metadata = {"name": "web", "namespace": "shop", "generation": generation}
    found: OwnerFacts = transform(
        msgspec.convert({"metadata": metadata, "spec": spec, "status": status}, view), Interner()
    )
    return found


def judged(kind: str, spec: dict[str, Any], status: dict[str, Any], generation: int = 0) -> str:
    """The health of an owner whose pods are all fine."""
    return health(facts(kind, spec, status, generation), PodsByState())


def deployed(updated: int, replicas: int, available: int, observed: int = 1) -> dict[str, Any]:
    return {
        "observedGeneration": observed,
        "replicas": replicas,
        "readyReplicas": replicas,
        "updatedReplicas": updated,
        "availableReplicas": available,
    }


TIMED_OUT = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


@pytest.mark.parametrize(
    ("spec", "status", "generation", "expected"),
    [
        ({"replicas": 3}, deployed(3, 3, 3), 1, "Healthy"),
        ({"replicas": 3}, {}, 1, "Progressing"),
        ({"replicas": 3}, deployed(3, 3, 3), 2, "Progressing"),
        ({"replicas": 0}, deployed(0, 0, 0), 2, "Progressing"),
        ({"replicas": 0}, deployed(0, 0, 0), 1, "Idle"),
        ({"replicas": 0}, deployed(2, 2, 2), 1, "Idle"),
        ({"replicas": 0}, deployed(0, 2, 0), 1, "Progressing"),
        ({"replicas": 0}, deployed(2, 2, 1), 1, "Progressing"),
        ({"replicas": 3}, deployed(3, 4, 4), 1, "Progressing"),
        ({"replicas": 3}, deployed(2, 3, 3), 1, "Progressing"),
        ({"replicas": 3}, deployed(3, 3, 1), 1, "Progressing"),
        ({"replicas": 3}, deployed(5, 5, 5), 1, "Healthy"),
        ({}, deployed(1, 1, 1), 1, "Healthy"),
        ({"replicas": 3}, {**deployed(1, 4, 3), "conditions": [TIMED_OUT]}, 1, "Degraded"),
        ({"replicas": 3}, {**deployed(1, 4, 3), "conditions": [TIMED_OUT]}, 2, "Progressing"),
        ({"replicas": 0}, {**deployed(0, 0, 0), "conditions": [TIMED_OUT]}, 1, "Idle"),
        ({"replicas": 3, "paused": True}, deployed(1, 4, 3), 1, "Suspended"),
        ({"replicas": 3, "paused": True}, deployed(3, 3, 3), 2, "Suspended"),
        ({"replicas": 0, "paused": True}, deployed(0, 0, 0), 1, "Suspended"),
    ],
)
def test_a_deployment_is_healthy_once_its_spec_is_observed_and_rolled_out(
    spec: dict[str, Any], status: dict[str, Any], generation: int, expected: str
) -> None:
    """Right after an apply the status still tells of the old template: it was Healthy."""
    assert judged("Deployment", spec, status, generation) == expected


def stateful(ready: int = 3, updated: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "readyReplicas": ready,
        "updatedReplicas": updated,
        "currentRevision": "db-1",
        "updateRevision": "db-2",
        **more,
    }


def partitioned(partition: int | None) -> dict[str, Any]:
    rolling_update = {} if partition is None else {"partition": partition}
    return {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": rolling_update}}


ON_DELETE = {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}


@pytest.mark.parametrize(
    ("spec", "status", "generation", "expected"),
    [
        (ON_DELETE, stateful(), 1, "Healthy"),
        (ON_DELETE, stateful(ready=2), 1, "Progressing"),
        (ON_DELETE, stateful(), 2, "Progressing"),
        (partitioned(2), stateful(updated=1), 1, "Healthy"),
        (partitioned(2), stateful(updated=0), 1, "Progressing"),
        (partitioned(3), stateful(), 1, "Healthy"),
        (partitioned(5), stateful(), 1, "Healthy"),
        (partitioned(0), stateful(updated=2), 1, "Progressing"),
        (partitioned(0), stateful(updated=3), 1, "Healthy"),
        (partitioned(None), stateful(updated=2), 1, "Progressing"),
        ({"replicas": 3}, stateful(updated=3), 1, "Progressing"),
        ({"replicas": 3}, stateful(updated=3, currentRevision="db-2"), 1, "Healthy"),
        ({"replicas": 3}, stateful(updated=3, currentRevision="db-2", observedGeneration=0), 0, "Progressing"),
        ({**ON_DELETE, "minReadySeconds": 10}, stateful(), 1, "Progressing"),
        ({**ON_DELETE, "minReadySeconds": 10}, stateful(availableReplicas=3), 1, "Healthy"),
        ({**ON_DELETE, "replicas": 0}, stateful(ready=1), 1, "Idle"),
        ({**ON_DELETE, "replicas": 0}, stateful(ready=1), 2, "Progressing"),
    ],
)
def test_a_statefulset_is_healthy_as_far_as_its_update_strategy_reaches(
    spec: dict[str, Any], status: dict[str, Any], generation: int, expected: str
) -> None:
    """With OnDelete, or a partition, it stayed Progressing for ever."""
    assert judged("StatefulSet", spec, status, generation) == expected


def daemons(desired: int, updated: int, available: int) -> dict[str, Any]:
    return {
        "observedGeneration": 1,
        "desiredNumberScheduled": desired,
        "numberReady": desired,
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
    }


@pytest.mark.parametrize(
    ("strategy", "status", "generation", "expected"),
    [
        ("RollingUpdate", daemons(3, 3, 3), 1, "Healthy"),
        ("RollingUpdate", daemons(3, 3, 3), 2, "Progressing"),
        ("RollingUpdate", daemons(3, 2, 3), 1, "Progressing"),
        ("RollingUpdate", daemons(3, 3, 2), 1, "Progressing"),
        ("OnDelete", daemons(3, 0, 3), 1, "Healthy"),
        ("OnDelete", daemons(3, 0, 2), 1, "Progressing"),
        ("RollingUpdate", daemons(0, 0, 0), 1, "Idle"),
        ("RollingUpdate", {}, 1, "Progressing"),
    ],
)
def test_a_daemonset_is_healthy_once_its_pods_are_updated_and_available(
    strategy: str, status: dict[str, Any], generation: int, expected: str
) -> None:
    assert judged("DaemonSet", {"updateStrategy": {"type": strategy}}, status, generation) == expected


@pytest.mark.parametrize(
    ("status", "generation", "expected"),
    [
        ({"observedGeneration": 1, "readyReplicas": 2, "availableReplicas": 2}, 1, "Healthy"),
        ({"observedGeneration": 1, "readyReplicas": 2, "availableReplicas": 1}, 1, "Progressing"),
        ({"observedGeneration": 1, "readyReplicas": 2, "availableReplicas": 2}, 2, "Progressing"),
        ({"observedGeneration": 1, "conditions": [{"type": "ReplicaFailure", "status": "True"}]}, 1, "Degraded"),
    ],
)
def test_a_replicaset_is_healthy_once_its_pods_are_available(
    status: dict[str, Any], generation: int, expected: str
) -> None:
    assert judged("ReplicaSet", {"replicas": 2}, status, generation) == expected


def condition(type_: str) -> list[dict[str, str]]:
    return [{"type": type_, "status": "True"}]


@pytest.mark.parametrize(
    ("spec", "status", "desired", "expected"),
    [
        ({"parallelism": 4, "completions": 1}, {"active": 1, "ready": 1}, 1, "Healthy"),
        ({"parallelism": 5, "completions": 6}, {"active": 1, "ready": 1, "succeeded": 5}, 1, "Healthy"),
        ({"parallelism": 2, "completions": 6}, {"active": 2, "ready": 1, "succeeded": 3}, 2, "Progressing"),
        ({"parallelism": 3}, {"active": 2, "ready": 2, "succeeded": 1}, 2, "Healthy"),
        ({"parallelism": 3}, {"active": 2, "ready": 2}, 3, "Progressing"),
        ({"parallelism": 3}, {"succeeded": 1}, 0, "Progressing"),
        ({}, {}, 1, "Progressing"),
        ({}, {"active": 1}, 1, "Healthy"),
        ({}, {"failed": 2, "ready": 0}, 1, "Progressing"),
        ({"parallelism": 0, "completions": 3}, {}, 0, "Idle"),
        ({"parallelism": 1, "completions": 0}, {}, 0, "Idle"),
        ({"parallelism": 1, "completions": 5}, {"succeeded": 5, "ready": 0}, 0, "Progressing"),
        (
            {"parallelism": 1, "completions": 5},
            {"succeeded": 3, "active": 1, "ready": 1, "conditions": condition("SuccessCriteriaMet")},
            1,
            "Progressing",
        ),
        (
            {"parallelism": 2, "completions": 9},
            {"failedIndexes": "1,3-5", "succeeded": 4, "active": 1, "ready": 1},
            1,
            "Healthy",
        ),
        ({"parallelism": 2, "completions": 9}, {"failedIndexes": "1,3-5", "succeeded": 5}, 0, "Progressing"),
        ({"parallelism": 2, "completions": 9}, {"failedIndexes": "", "active": 1, "ready": 1}, 2, "Progressing"),
        ({}, {"conditions": condition("FailureTarget"), "ready": 0}, 1, "Degraded"),
        ({"suspend": True}, {"conditions": condition("Failed")}, 1, "Degraded"),
        ({"suspend": True}, {"conditions": condition("Complete"), "succeeded": 1}, 0, "Completed"),
        ({"parallelism": 2}, {"conditions": condition("Failed"), "succeeded": 1}, 0, "Degraded"),
        ({}, {"conditions": condition("Complete"), "succeeded": 1}, 0, "Completed"),
        ({"suspend": True}, {"conditions": condition("Suspended")}, 1, "Suspended"),
    ],
)
def test_a_job_wants_as_many_pods_as_are_left_to_run(
    spec: dict[str, Any], status: dict[str, Any], desired: int, expected: str
) -> None:
    """A parallelism beyond what is left counted as missing pods."""
    assert facts("Job", spec, status).replicas.desired == desired
    assert judged("Job", spec, status) == expected


@pytest.mark.parametrize("kind", MAKERS)
def test_an_owner_that_is_being_deleted_is_progressing(kind: str) -> None:
    """A Deployment whose foreground deletion waits for its pods was Healthy; Argo CD: Pending deletion."""
    view, transform = MAKERS[kind]
    metadata = {"name": "web", "namespace": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    owner = transform(msgspec.convert({"metadata": metadata, "spec": {"suspend": True}}, view), Interner())

    assert health(owner, PodsByState(active=3, ready=3, bad=1)) == "Progressing"


EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "Healthy"),
        ({"lastScheduleTime": LATE}, "Healthy"),
        ({"lastScheduleTime": EARLY, "lastSuccessfulTime": LATE}, "Healthy"),
        ({"lastScheduleTime": LATE, "lastSuccessfulTime": EARLY}, "Degraded"),
        ({"lastScheduleTime": LATE, "lastSuccessfulTime": EARLY, "active": [{"name": "a"}]}, "Healthy"),
    ],
)
def test_a_cronjob_without_jobs_is_judged_by_its_times(status: dict[str, Any], expected: str) -> None:
    assert judged("CronJob", {}, status) == expected
