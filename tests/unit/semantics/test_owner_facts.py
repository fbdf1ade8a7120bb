"""The transforms of owners of pods."""

from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.apps import DaemonSet, Replicated
from kubesum.kube.objects.batch import CronJob, Job
from kubesum.semantics.facts import OwnerFacts, Replicas, WorkloadRef
from kubesum.semantics.interner import Interner
from kubesum.semantics.workloads.transform import (
    cronjob_facts,
    daemonset_facts,
    deployment_facts,
    job_facts,
    replicaset_facts,
    statefulset_facts,
)
from kubesum.vocabulary.errors import ObjectError

METADATA = {"name": "web", "namespace": "shop", "uid": "u", "labels": {"app": "web"}}
COUNTS = {"replicas": 4, "readyReplicas": 3, "updatedReplicas": 2, "availableReplicas": 1}


def deployment(conditions: list[dict[str, str]]) -> OwnerFacts:
    view = msgspec.convert(
        {"metadata": METADATA, "spec": {"replicas": 5}, "status": {**COUNTS, "conditions": conditions}}, Replicated
    )
    return deployment_facts(view, Interner())


def job(spec: dict[str, Any], status: dict[str, Any]) -> OwnerFacts:
    return job_facts(msgspec.convert({"metadata": METADATA, "spec": spec, "status": status}, Job), Interner())


def test_the_facts_of_a_deployment() -> None:
    assert deployment([]) == OwnerFacts(
        namespace="shop",
        name="web",
        uid="u",
        created=None,
        labels={"app": "web"},
        ref=WorkloadRef("apps/v1", "Deployment", "web", "u", "deployment.web"),
        controller=None,
        replicas=Replicas(desired=5, current=4, ready=3, updated=2, available=1),
        rolling=True,
    )


@pytest.mark.parametrize(
    ("condition", "failed"),
    [
        ({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}, True),
        ({"type": "Progressing", "status": "False", "reason": "Other"}, False),
        ({"type": "Progressing", "status": "True", "reason": "ProgressDeadlineExceeded"}, True),
        ({"type": "ReplicaFailure", "status": "False", "reason": "ProgressDeadlineExceeded"}, False),
    ],
)
def test_a_deployment_has_failed_when_its_rollout_missed_the_deadline(
    condition: dict[str, str], failed: bool
) -> None:
    assert deployment([condition]).failed is failed


def test_desired_replicas_default_to_one() -> None:
    view = msgspec.convert({"metadata": METADATA}, Replicated)

    assert statefulset_facts(view, Interner()).replicas == Replicas(1, 0, 0, 0, 0)


def test_a_replicaset_has_a_controller_and_no_updated_replicas() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d", "controller": True}
    view = msgspec.convert(
        {"metadata": {**METADATA, "ownerReferences": [owner]}, "spec": {"replicas": 5}, "status": COUNTS}, Replicated
    )

    found = replicaset_facts(view, Interner())

    assert found.ref.row == "replicaset.web"
    assert found.controller == WorkloadRef("apps/v1", "Deployment", "web", "d", "deployment.web")
    assert found.replicas == Replicas(desired=5, current=4, ready=3, updated=None, available=1)


def test_a_daemonset_desires_a_pod_per_eligible_node() -> None:
    view = msgspec.json.decode(
        b"""{"metadata": {"name": "web", "namespace": "shop"}, "status": {
          "desiredNumberScheduled": 5, "currentNumberScheduled": 4, "numberReady": 3,
          "updatedNumberScheduled": 2, "numberAvailable": 1}}""",
        type=DaemonSet,
    )

    assert daemonset_facts(view, Interner()).replicas == Replicas(5, 4, 3, 2, 1)


@pytest.mark.parametrize("suspend", [True, False])
def test_a_cronjob_has_no_desired_number_of_pods(suspend: bool) -> None:
    view = msgspec.convert({"metadata": METADATA, "spec": {"suspend": suspend}}, CronJob)

    found = cronjob_facts(view, Interner())

    assert found.ref == WorkloadRef("batch/v1", "CronJob", "web", "u", "cronjob.web")
    assert found.replicas == Replicas()
    assert found.suspended is suspend


def test_the_desired_number_of_pods_of_a_job_is_how_many_are_to_run_now() -> None:
    found = job({"parallelism": 3, "completions": 9, "suspend": True}, {"active": 2, "ready": 1})

    assert found.replicas == Replicas(desired=3, current=2, ready=1)
    assert (found.suspended, found.failed, found.complete) == (True, False, False)


@pytest.mark.parametrize(
    ("condition", "failed", "complete"),
    [
        ({"type": "Failed", "status": "True"}, True, False),
        ({"type": "Complete", "status": "True"}, False, True),
        ({"type": "Failed", "status": "False"}, False, False),
        ({"type": "FailureTarget", "status": "True"}, True, False),
    ],
)
def test_a_job_ends_by_its_conditions(condition: dict[str, str], failed: bool, complete: bool) -> None:
    found = job({}, {"conditions": [condition]})

    assert (found.failed, found.complete) == (failed, complete)


@pytest.mark.parametrize("metadata", [{"namespace": "shop"}, {"name": "web"}])
def test_an_owner_without_name_or_namespace_is_invalid(metadata: dict[str, str]) -> None:
    with pytest.raises(ObjectError):
        deployment_facts(msgspec.convert({"metadata": metadata}, Replicated), Interner())
