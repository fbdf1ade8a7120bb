"""The health of workloads."""

from typing import Any

import pytest

from kubesum.semantics.facts import OwnerFacts, Replicas
from kubesum.semantics.workloads.health import PodsByState, health
from kubesum.semantics.workloads.owners import reference

REF = reference("apps/v1", "Deployment", "web", "u")
THREE_READY = PodsByState(active=3, ready=3)


def owner(ready: int | None = 3, **state: Any) -> OwnerFacts:
    return OwnerFacts("shop", "web", "u", None, {}, REF, None, Replicas(ready=ready), **state)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, "Healthy"),
        ({"rolling": True}, "Progressing"),
        ({"idle": True}, "Idle"),
        ({"failed": True}, "Degraded"),
        ({"failed": True, "rolling": True}, "Degraded"),
        ({"failed": True, "idle": True}, "Idle"),
        ({"paused": True}, "Suspended"),
        ({"paused": True, "idle": True}, "Suspended"),
        ({"paused": True, "rolling": True, "failed": True}, "Suspended"),
        ({"suspended": True, "rolling": True}, "Suspended"),
        ({"suspended": True, "idle": True}, "Suspended"),
        ({"complete": True, "suspended": True, "failed": True, "idle": True}, "Completed"),
    ],
)
def test_the_health_follows_from_the_owner(state: dict[str, bool], expected: str) -> None:
    assert health(owner(**state), THREE_READY) == expected


@pytest.mark.parametrize(
    ("state", "unscheduled", "bad", "expected"),
    [
        ({}, 1, 0, "Progressing"),
        ({}, 0, 1, "Degraded"),
        ({}, 1, 1, "Degraded"),
        ({"rolling": True}, 0, 1, "Degraded"),
        ({"paused": True}, 0, 1, "Degraded"),
        ({"paused": True}, 1, 0, "Suspended"),
        ({"idle": True}, 0, 1, "Idle"),
        ({"complete": True}, 0, 1, "Completed"),
        ({"suspended": True}, 0, 1, "Suspended"),
    ],
)
def test_bad_and_unscheduled_pods_count_unless_no_pods_are_desired(
    state: dict[str, bool], unscheduled: int, bad: int, expected: str
) -> None:
    pods = PodsByState(active=3, ready=3, unscheduled=unscheduled, bad=bad)

    assert health(owner(**state), pods) == expected


@pytest.mark.parametrize(
    ("active", "ready", "expected"), [(2, 2, "Healthy"), (2, 1, "Progressing"), (0, 0, "Healthy")]
)
def test_an_owner_without_a_number_of_ready_pods_is_judged_by_its_active_ones(
    active: int, ready: int, expected: str
) -> None:
    assert health(owner(ready=None), PodsByState(active=active, ready=ready)) == expected


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ({"active": 2, "ready": 2}, "Healthy"),
        ({"active": 2, "ready": 1}, "Progressing"),
        ({"active": 2, "ready": 2, "unscheduled": 1}, "Progressing"),
        ({"active": 2, "ready": 1, "bad": 1}, "Degraded"),
        ({"active": 1, "ready": 1, "failed": 3}, "Healthy"),
        ({"active": 1, "ready": 1, "terminating": 1}, "Progressing"),
        ({"active": 1, "bad": 1, "terminating": 1, "failed": 1}, "Progressing"),
        ({"active": 2, "ready": 2, "terminating": 1}, "Healthy"),
        ({}, "Idle"),
        ({"failed": 1}, "Degraded"),
        ({"succeeded": 1}, "Completed"),
        ({"succeeded": 4, "failed": 1}, "Degraded"),
    ],
)
def test_the_health_of_an_unwatched_owner_follows_from_its_pods(pods: dict[str, Any], expected: str) -> None:
    """Pods that ended without an owner were Idle, whether they had failed or succeeded."""
    assert health(None, PodsByState(**pods)) == expected
