"""The transform of pods: facts and contributions."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.core import Pod
from kubesum.semantics.facts import PodFacts
from kubesum.semantics.interner import Interner
from kubesum.semantics.pods.resizes import ResizeRule
from kubesum.semantics.pods.transform import pod_facts
from kubesum.semantics.watchedresources import watched_resources
from kubesum.vocabulary.errors import ObjectError
from kubesum.vocabulary.quantity import ResourceList

RUNNING: dict[str, Any] = {
    "metadata": {
        "name": "web-1-abcde",
        "namespace": "shop",
        "uid": "pod-uid",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": {"app": "web", "pod-template-hash": "1"},
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "rs-uid", "controller": True}
        ],
    },
    "spec": {
        "nodeName": "node-a",
        "priorityClassName": "high",
        "containers": [
            {
                "name": "app",
                "image": "ghcr.io/shop/web:1.2",
                "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            },
            {"name": "proxy", "image": "envoy", "resources": {"requests": {"cpu": "100m"}}},
        ],
    },
    "status": {
        "phase": "Running",
        "qosClass": "Burstable",
        "conditions": [
            {"type": "Initialized", "status": "True"},
            {"type": "Ready", "status": "True"},
            {"type": "PodScheduled", "status": "True"},
        ],
        "containerStatuses": [
            {
                "name": "app",
                "ready": True,
                "started": True,
                "restartCount": 2,
                "state": {"running": {"startedAt": "2026-01-02T04:00:00Z"}},
                "lastState": {
                    "terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-02T03:59:00Z"}
                },
            },
            {"name": "proxy", "ready": True, "restartCount": 0, "state": {"running": {}}},
        ],
    },
}


def facts(pod: dict[str, Any], interner: Interner | None = None, rule: ResizeRule = ResizeRule.PER_POD) -> PodFacts:
    view = msgspec.json.decode(json.dumps(pod), type=Pod)
    return pod_facts(view, interner or Interner(), rule)


def changed(**parts: dict[str, Any]) -> dict[str, Any]:
    """The running pod with other fields in some of its parts."""
    return {name: {**part, **parts.get(name, {})} for name, part in RUNNING.items()}


def contributed(pod: PodFacts) -> set[tuple[str, str, int]]:
    """All entries that a pod contributes to its groups."""
    return {*pod.state.counts, *pod.state.amounts}


def test_the_facts_of_a_running_pod() -> None:
    found = facts(RUNNING)

    assert (found.key, found.namespace, found.uid) == (("shop", "web-1-abcde"), "shop", "pod-uid")
    assert found.created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.labels == {"app": "web", "pod-template-hash": "1"}
    assert (found.node, found.state.active, found.state.phase) == ("node-a", True, "Running")
    assert (found.state.reason, found.state.reason_class) == ("Running", "Running")
    assert (found.state.healthy, found.state.bad, found.state.ready) == (True, False, True)
    assert (found.state.ready_containers, found.state.total_containers, found.state.restarts) == (2, 2, 2)
    assert found.last_restart == datetime(2026, 1, 2, 3, 59, tzinfo=UTC)
    assert found.state.last_termination_reason == "OOMKilled"
    assert (found.state.qos, found.state.priority_class, found.state.pending) == ("Burstable", "high", ())
    assert found.state.requests.quantities() == {"cpu": "350m", "memory": "64Mi", "pods": "1"}
    assert found.state.limits.quantities() == {"memory": "128Mi"}
    assert found.owner.row == "replicaset.web-1"
    assert [image.image for image in found.images] == ["ghcr.io/shop/web:1.2", "docker.io/library/envoy:latest"]


def test_the_contribution_of_a_running_pod() -> None:
    assert contributed(facts(RUNNING)) == {
        ("pods", "total", 1),
        ("pods", "active", 1),
        ("pods", "ready", 1),
        ("statusCounts", "Running", 1),
        ("restarts", "", 2),
        ("qos", "burstable", 1),
        ("requests", "cpu", 350),
        ("requests", "memory", 67108864),
        ("requests", "pods", 1),
        ("limits", "memory", 134217728),
        ("podsWithoutRequests", "memory", 1),
        ("podsWithoutLimits", "cpu", 1),
        ("podsWithoutLimits", "memory", 1),
    }


def test_a_pod_that_is_not_ready_and_terminating_is_counted_as_both() -> None:
    found = facts(
        changed(
            metadata={"deletionTimestamp": "2026-01-03T00:00:00Z"},
            spec={"containers": []},
            status={"conditions": [], "containerStatuses": []},
        )
    )

    assert contributed(found) == {
        ("pods", "total", 1),
        ("pods", "active", 1),
        ("pods", "notReady", 1),
        ("pods", "terminating", 1),
        ("statusCounts", "Terminating", 1),
        ("unhealthy", "", 1),
        ("qos", "burstable", 1),
        ("requests", "pods", 1),
    }


def test_an_unscheduled_pod_has_pending_reasons_and_requests_no_pods() -> None:
    message = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint {a: b}."
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    found = facts(
        changed(
            spec={"nodeName": ""},
            status={"phase": "Pending", "conditions": [unscheduled], "containerStatuses": []},
        )
    )

    assert found.state.pending == (("Insufficient cpu", 1), ("node(s) had untolerated taint", 2))
    assert found.state.requests.quantities() == {"cpu": "350m", "memory": "64Mi"}
    assert contributed(found) >= {
        ("pods", "unscheduled", 1),
        ("pendingReasons", "Insufficient cpu", 1),
        ("pendingReasons", "node(s) had untolerated taint", 1),
        ("requests", "cpu", 350),
        ("unhealthy", "", 1),
    }
    assert not {key for field, key, _ in contributed(found) if field == "pods"} & {"notReady", "ready"}


@pytest.mark.parametrize(
    ("phase", "key", "unhealthy"), [("Succeeded", "succeeded", set()), ("Failed", "failed", {("unhealthy", "", 1)})]
)
def test_a_finished_pod_contributes_counts_status_and_restarts(
    phase: str, key: str, unhealthy: set[tuple[str, str, int]]
) -> None:
    found = facts(changed(status={"phase": phase, "containerStatuses": [{"name": "app", "restartCount": 3}]}))

    assert (found.state.active, found.state.ready, found.images) == (False, False, ())
    assert found.state.requests.quantities() == {"cpu": "350m", "memory": "64Mi"}
    assert contributed(found) == unhealthy | {
        ("pods", "total", 1),
        ("pods", key, 1),
        ("statusCounts", phase, 1),
        ("restarts", "", 3),
    }


def test_a_pod_of_unknown_phase_is_active_bad_and_counted_as_unknown() -> None:
    found = facts(changed(status={"phase": "Unknown"}))

    assert (found.state.active, found.state.bad, found.state.healthy) == (True, True, False)
    assert {("pods", "unknown", 1), ("pods", "active", 1), ("unhealthy", "", 1)} <= contributed(found)


def test_reasons_are_counted_without_their_numbers() -> None:
    init = {"name": "i", "state": {"terminated": {"exitCode": 7}}}
    found = facts(
        changed(status={"conditions": [], "initContainerStatuses": [init]}, spec={"initContainers": [init]})
    )

    assert (found.state.reason, found.state.reason_class, found.state.bad) == (
        "Init:ExitCode:7",
        "Init:ExitCode",
        True,
    )
    assert ("statusCounts", "Init:ExitCode", 1) in contributed(found)


@pytest.mark.parametrize(
    ("resources", "qos", "key"),
    [
        ({}, "BestEffort", "bestEffort"),
        ({"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}, "BestEffort", "bestEffort"),
        ({"requests": {"cpu": "0"}}, "BestEffort", "bestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable", "burstable"),
        ({"limits": {"cpu": "1"}}, "Burstable", "burstable"),
        (
            {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
            "Burstable",
            "burstable",
        ),
        (
            {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}},
            "Guaranteed",
            "guaranteed",
        ),
    ],
)
def test_the_qos_class_is_computed_if_the_status_has_none(resources: dict[str, Any], qos: str, key: str) -> None:
    containers = [{"name": "app", "resources": resources}]

    by_container = facts(changed(spec={"containers": containers}, status={"qosClass": ""}))
    by_pod = facts(changed(spec={"containers": [{"name": "app"}], "resources": resources}, status={"qosClass": ""}))

    assert by_container.state.qos == by_pod.state.qos == qos
    assert ("qos", key, 1) in contributed(by_container)


def test_one_container_without_limits_keeps_a_pod_from_being_guaranteed() -> None:
    capped = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    containers = [{"name": "a", "resources": capped}, {"name": "b"}]

    assert facts(changed(spec={"containers": containers}, status={"qosClass": ""})).state.qos == "Burstable"


@pytest.mark.parametrize("field", ["name", "namespace"])
def test_a_pod_without_name_or_namespace_is_invalid(field: str) -> None:
    with pytest.raises(ObjectError, match=f"metadata.{field}"):
        facts(changed(metadata={field: ""}))


def test_a_time_without_a_zone_is_invalid() -> None:
    with pytest.raises(msgspec.ValidationError):
        facts(changed(metadata={"creationTimestamp": "2026-01-02T03:04:05"}))


def test_replicas_share_interned_values() -> None:
    interner = Interner()

    first = facts(RUNNING, interner)
    second = facts(changed(metadata={"name": "web-1-fghij", "uid": "other"}), interner)

    for field in ("namespace", "labels", "node", "state", "owner", "images"):
        assert getattr(first, field) is getattr(second, field)


def test_a_replica_that_is_being_resized_does_not_share_its_requests() -> None:
    interner = Interner()
    facts(RUNNING, interner)
    resized = {"name": "app", "resources": {"requests": {"cpu": "500m"}}, "allocatedResources": {"cpu": "500m"}}

    found = facts(changed(status={"containerStatuses": [resized]}), interner)

    assert found.state.requests.quantities() == {"cpu": "600m", "memory": "64Mi", "pods": "1"}


def test_an_unchanged_pod_has_equal_facts() -> None:
    heartbeat = {"annotations": {"seen": "again"}, "resourceVersion": "2"}

    assert facts(RUNNING) == facts(changed(metadata=heartbeat))


def test_a_full_interner_drops_its_values_and_continues() -> None:
    interner = Interner(capacity=2)

    made = [interner.labels({"n": str(i)}) for i in range(5)]

    assert made == [{"n": "0"}, {"n": "1"}, {"n": "2"}, {"n": "3"}, {"n": "4"}]
    assert interner.labels({"n": "4"}) is made[4]
    assert interner.labels({"n": "0"}) is not made[0]


def test_every_watched_resource_is_decoded_and_transformed() -> None:
    metadata = {"name": "x", "namespace": "n"}

    found = {
        watched.path: type(watched.transform(msgspec.convert({"metadata": metadata}, watched.view))).__name__
        for watched in watched_resources(Interner())
    }

    assert found == {
        "/api/v1/pods": "PodFacts",
        "/api/v1/nodes": "NodeFacts",
        "/api/v1/namespaces": "NamespaceFacts",
        "/apis/apps/v1/deployments": "OwnerFacts",
        "/apis/apps/v1/statefulsets": "OwnerFacts",
        "/apis/apps/v1/daemonsets": "OwnerFacts",
        "/apis/apps/v1/replicasets": "OwnerFacts",
        "/apis/batch/v1/cronjobs": "OwnerFacts",
        "/apis/batch/v1/jobs": "OwnerFacts",
    }


def test_the_reference_to_an_owner_has_its_own_kind() -> None:
    metadata = {"name": "x", "namespace": "n"}

    for watched in watched_resources(Interner())[3:]:
        owner = watched.transform(msgspec.convert({"metadata": metadata}, watched.view))
        assert (owner.ref.api_version, owner.ref.kind) == (watched.api_version, watched.kind)


def test_a_pod_with_only_a_name_requests_nothing() -> None:
    found = facts({"metadata": {"name": "p", "namespace": "n"}})

    assert found.state.requests == ResourceList()
    assert found.state.qos == "BestEffort"
    assert found.owner.row == "pod.p"


def test_pods_that_share_an_interner_count_each_by_its_own_rule() -> None:
    interner = Interner()
    resizing = changed(
        spec={"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]},
        status={"containerStatuses": [{"name": "a", "allocatedResources": {"cpu": "2"}}]},
    )

    per_container = facts(resizing, interner, ResizeRule.PER_CONTAINER)
    per_pod = facts(resizing, interner, ResizeRule.PER_POD)

    assert per_container.state.requests["cpu"] == 1000
    assert per_pod.state.requests["cpu"] == 2000
