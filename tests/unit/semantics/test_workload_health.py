"""The health of workloads."""

import pytest

from kubesum.semantics.facts import OwnerFacts, Replicas
from kubesum.semantics.workloads.health import health
from kubesum.semantics.workloads.owners import reference

REF = reference("apps/v1", "Deployment", "web", "u")


def owner(replicas: Replicas, *, suspended: bool = False, failed: bool = False, complete: bool = False) -> OwnerFacts:
    return OwnerFacts("shop", "web", "u", None, {}, REF, None, replicas, suspended, failed, complete)


def desiring(desired: int, ready: int, updated: int | None) -> OwnerFacts:
    return owner(Replicas(desired=desired, ready=ready, updated=updated))


ALL_READY = Replicas(desired=3, ready=3, updated=3)
NONE_DESIRED = Replicas(desired=0, ready=0, updated=0)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (desiring(3, 3, 3), "Healthy"),
        (desiring(3, 4, 4), "Healthy"),
        (desiring(3, 2, 3), "Progressing"),
        (desiring(3, 3, 2), "Progressing"),
        (desiring(3, 3, None), "Healthy"),
        (desiring(0, 0, 0), "Idle"),
        (owner(Replicas()), "Healthy"),
        (owner(Replicas(), suspended=True), "Suspended"),
        (owner(Replicas(desired=1, ready=0), suspended=True), "Suspended"),
        (owner(NONE_DESIRED, suspended=True), "Suspended"),
        (owner(ALL_READY, failed=True), "Degraded"),
        (owner(NONE_DESIRED, failed=True), "Idle"),
        (owner(Replicas(desired=1, current=0, ready=0), complete=True), "Completed"),
        (owner(Replicas(desired=1, ready=0), complete=True, suspended=True), "Completed"),
        (owner(Replicas(desired=1, ready=0), failed=True), "Degraded"),
    ],
)
def test_the_health_follows_from_the_owner(of: OwnerFacts, expected: str) -> None:
    assert health(of, active=3, ready=3, unscheduled=0, bad=0) == expected


@pytest.mark.parametrize(
    ("of", "unscheduled", "bad", "expected"),
    [
        (desiring(3, 3, 3), 1, 0, "Progressing"),
        (desiring(3, 3, 3), 0, 1, "Degraded"),
        (desiring(3, 1, 1), 1, 1, "Degraded"),
        (desiring(0, 0, 0), 0, 1, "Idle"),
        (owner(Replicas()), 0, 1, "Degraded"),
        (owner(Replicas()), 1, 0, "Progressing"),
        (owner(ALL_READY, complete=True), 0, 1, "Completed"),
        (owner(ALL_READY, suspended=True), 0, 1, "Suspended"),
    ],
)
def test_bad_and_unscheduled_pods_count_unless_no_pods_are_desired(
    of: OwnerFacts, unscheduled: int, bad: int, expected: str
) -> None:
    assert health(of, active=3, ready=3, unscheduled=unscheduled, bad=bad) == expected


@pytest.mark.parametrize(
    ("active", "ready", "unscheduled", "bad", "expected"),
    [
        (2, 2, 0, 0, "Healthy"),
        (2, 1, 0, 0, "Progressing"),
        (2, 1, 1, 0, "Progressing"),
        (2, 1, 0, 1, "Degraded"),
        (0, 0, 0, 0, "Idle"),
    ],
)
def test_the_health_of_an_unwatched_owner_follows_from_its_pods(
    active: int, ready: int, unscheduled: int, bad: int, expected: str
) -> None:
    assert health(None, active, ready, unscheduled, bad) == expected
