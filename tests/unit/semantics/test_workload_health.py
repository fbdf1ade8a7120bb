"""The health of workloads."""

import pytest

from kubesum.semantics.facts import OwnerFacts, Replicas
from kubesum.semantics.workloads.health import health
from kubesum.semantics.workloads.owners import reference

REF = reference("apps/v1", "Deployment", "web", "u")


def owner(replicas: Replicas, *, suspended: bool = False, failed: bool = False, complete: bool = False) -> OwnerFacts:
    return OwnerFacts("shop", "web", "u", None, {}, REF, None, replicas, suspended, failed, complete)


def wanting(desired: int, ready: int, updated: int | None) -> OwnerFacts:
    return owner(Replicas(desired=desired, ready=ready, updated=updated))


ALL_THERE = Replicas(desired=3, ready=3, updated=3)
NONE_WANTED = Replicas(desired=0, ready=0, updated=0)


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (wanting(3, 3, 3), "Healthy"),
        (wanting(3, 4, 4), "Healthy"),
        (wanting(3, 2, 3), "Progressing"),
        (wanting(3, 3, 2), "Progressing"),
        (wanting(3, 3, None), "Healthy"),
        (wanting(0, 0, 0), "Idle"),
        (owner(Replicas()), "Healthy"),
        (owner(Replicas(), suspended=True), "Suspended"),
        (owner(Replicas(desired=1, ready=0), suspended=True), "Suspended"),
        (owner(NONE_WANTED, suspended=True), "Suspended"),
        (owner(ALL_THERE, failed=True), "Degraded"),
        (owner(NONE_WANTED, failed=True), "Idle"),
        (owner(Replicas(desired=1, current=0, ready=0), complete=True), "Completed"),
        (owner(Replicas(desired=1, ready=0), complete=True, suspended=True), "Completed"),
        (owner(Replicas(desired=1, ready=0), failed=True), "Degraded"),
    ],
)
def test_an_owner_says_how_it_is(of: OwnerFacts, expected: str) -> None:
    assert health(of, active=3, ready=3, unscheduled=0, bad=0) == expected


@pytest.mark.parametrize(
    ("of", "unscheduled", "bad", "expected"),
    [
        (wanting(3, 3, 3), 1, 0, "Progressing"),
        (wanting(3, 3, 3), 0, 1, "Degraded"),
        (wanting(3, 1, 1), 1, 1, "Degraded"),
        (wanting(0, 0, 0), 0, 1, "Idle"),
        (owner(Replicas()), 0, 1, "Degraded"),
        (owner(Replicas()), 1, 0, "Progressing"),
        (owner(ALL_THERE, complete=True), 0, 1, "Completed"),
        (owner(ALL_THERE, suspended=True), 0, 1, "Suspended"),
    ],
)
def test_pods_in_trouble_show_unless_nothing_is_wanted_any_more(
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
def test_an_owner_that_is_not_watched_is_as_its_pods_are(
    active: int, ready: int, unscheduled: int, bad: int, expected: str
) -> None:
    assert health(None, active, ready, unscheduled, bad) == expected
