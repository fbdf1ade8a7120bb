"""A resource whose facts depend on the version of the server, against a scripted API server."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from kubesum.kube.client import Upstream
from kubesum.kube.deltas import WatchedResource, WatchError
from kubesum.kube.objects.core import Pod
from kubesum.kube.reflector import reflect
from kubesum.kube.serverversion import VersionedResource
from tests.unit.kube.reflectorsteps import PODS, SHORT_TIMING, Step, phase, steps, take
from tests.unit.kube.scriptedserver import (
    Answer,
    Script,
    body,
    bookmark,
    cut,
    event,
    failure,
    pod,
    silent_watch,
    watch,
)

INITIAL_END = bookmark("100", initial_events_end=True)


def upper_case_phase(pod: Pod) -> str:
    return phase(pod).upper()


NEWER: WatchedResource[str] = replace(PODS, transform=upper_case_phase)


def of_version(version: str) -> WatchedResource[str]:
    """Phases are in lower case up to 1.36."""
    return PODS if version in ("1.35", "1.36") else NEWER


def said(minor: str) -> Answer:
    return body(json.dumps({"major": "1", "minor": minor, "gitVersion": f"v1.{minor}.0"}).encode())


@pytest.fixture
def events(upstream: Upstream) -> AsyncIterator[Step]:
    """The steps of a reflector that reads the version before each attempt."""
    return steps(reflect(upstream, VersionedResource(upstream, of_version, min_interval_s=0), SHORT_TIMING))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (said("36"), "Running"),
        (said("37+"), "RUNNING"),
        (body(b'{"major": 1}'), "RUNNING"),
        (body(b"no JSON"), "RUNNING"),
        (failure(403, "Forbidden", "not for you"), "RUNNING"),
        (failure(404, "NotFound", "no such path"), "RUNNING"),
        (failure(400, "BadRequest", "what"), "RUNNING"),
    ],
)
async def test_the_version_is_read_before_the_first_list(
    script: Script, events: AsyncIterator[Step], answer: Answer, expected: str
) -> None:
    script.answers = [answer, silent_watch(event("ADDED", pod("a")), INITIAL_END)]

    assert await take(events, 3) == ["list started", ("a", expected), "synced"]
    assert [request.path for request in script.requests] == ["/version", "/api/v1/pods"]


@pytest.mark.parametrize(
    "answers",
    [
        [failure(503, "ServiceUnavailable", "busy")],
        [failure(429, "TooManyRequests", "slow down")],
        [cut(b"{", 100)],
        # The request is repeated with credentials that are read again.
        [failure(401, "Unauthorized"), failure(401, "Unauthorized")],
    ],
    ids=["503", "429", "broken off", "401"],
)
async def test_nothing_is_listed_until_a_version_can_be_read(
    script: Script, events: AsyncIterator[Step], answers: list[Answer]
) -> None:
    """Facts of the wrong version would stay until the watch ends."""
    script.answers = [*answers, said("36"), silent_watch(event("ADDED", pod("a")), INITIAL_END)]

    error, *others = await take(events, 4)

    assert isinstance(error, WatchError)
    assert others == ["list started", ("a", "Running"), "synced"]


async def test_an_upgrade_of_the_server_lists_anew_with_the_new_facts(
    script: Script, events: AsyncIterator[Step]
) -> None:
    script.answers = [
        said("36"),
        watch(event("ADDED", pod("a")), INITIAL_END),
        said("37"),
        watch(event("ADDED", pod("a")), INITIAL_END),
        said("38"),
        silent_watch(event("MODIFIED", pod("a", "Failed", "101"))),
    ]

    assert await take(events, 3) == ["list started", ("a", "Running"), "synced"]
    assert await take(events, 3) == ["list started", ("a", "RUNNING"), "synced"]
    assert await take(events, 1) == [("a", "FAILED")]
    lists = [request.query for request in script.requests if request.path == "/api/v1/pods"]
    assert [query.get("resourceVersion") for query in lists] == [None, None, "100"]


async def test_a_version_that_cannot_be_read_again_stays(script: Script, events: AsyncIterator[Step]) -> None:
    script.answers = [
        said("36"),
        watch(event("ADDED", pod("a")), INITIAL_END),
        failure(503, "ServiceUnavailable", "busy"),
        silent_watch(event("MODIFIED", pod("a", "Failed", "101"))),
    ]

    assert await take(events, 4) == ["list started", ("a", "Running"), "synced", ("a", "Failed")]


async def test_the_version_is_read_once_a_minute_at_most(script: Script, upstream: Upstream) -> None:
    events = steps(reflect(upstream, VersionedResource(upstream, of_version), SHORT_TIMING))
    script.answers = [
        said("36"),
        watch(event("ADDED", pod("a")), INITIAL_END),
        silent_watch(event("MODIFIED", pod("a", "Failed", "101"))),
    ]

    assert await take(events, 4) == ["list started", ("a", "Running"), "synced", ("a", "Failed")]
