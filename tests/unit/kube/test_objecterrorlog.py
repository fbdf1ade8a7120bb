"""Objects that cannot be read are in the log, each once."""

import pytest

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import Decoder
from kubesum.kube.objecterrorlog import ObjectErrorLog, Unread
from kubesum.kube.reflector import reflect
from tests.unit.kube.reflectorsteps import PODS, SHORT_TIMING, steps, take
from tests.unit.kube.scriptedserver import JsonObject, Script, bookmark, event, failure, page, pod, silent_watch

WHY = "spec.containers: a map instead of a list"


def odd(name: str, version: str = "1") -> JsonObject:
    """A pod without containers that could be counted."""
    return pod(name, version=version) | {"spec": {"containers": {}}}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged, with what it is about."""
    names = ("resource", "object", "reason", "count")
    return [
        " ".join([record.message, *(str(vars(record)[name]) for name in names if name in vars(record))])
        for record in caplog.records
        if record.name == "kubesum.kube.objecterrorlog"
    ]


async def test_objects_of_a_streamed_list_are_named_and_counted(
    script: Script, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """They were missing in all sums, and nothing said which and why."""
    script.answers = [
        silent_watch(
            event("ADDED", odd("x")),
            event("ADDED", pod("a")),
            event("ADDED", odd("y")),
            bookmark("100", initial_events_end=True),
        )
    ]

    await take(steps(reflect(upstream, PODS, SHORT_TIMING)), 5)

    assert lines(caplog) == [
        f"object cannot be read pods shop/x {WHY}",
        f"object cannot be read pods shop/y {WHY}",
        "objects left out pods 2",
    ]


async def test_objects_of_a_list_in_pages_are_named_and_counted(
    script: Script, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    script.answers = [
        failure(422, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch"),
        page(odd("x"), pod("a"), token="more"),
        page(odd("y")),
        silent_watch(),
    ]

    await take(steps(reflect(upstream, PODS, SHORT_TIMING)), 6)

    assert lines(caplog) == [
        f"object cannot be read pods shop/x {WHY}",
        f"object cannot be read pods shop/y {WHY}",
        "objects left out pods 2",
    ]


def test_an_object_that_is_sent_again_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    decoder = Decoder(PODS)

    decoder.events([event("ADDED", odd("x")), event("MODIFIED", odd("x", "2")), event("DELETED", odd("x", "3"))], "")

    assert lines(caplog) == [f"object cannot be read pods shop/x {WHY}"]


def test_an_object_with_another_fault_is_logged_again(caplog: pytest.LogCaptureFixture) -> None:
    Decoder(PODS).events([event("ADDED", odd("x")), event("MODIFIED", pod("x", "Impossible", "2"))], "")

    assert lines(caplog) == [
        f"object cannot be read pods shop/x {WHY}",
        "object cannot be read pods shop/x no such phase",
    ]


def test_an_object_that_is_read_in_part_is_named_with_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    labelled = pod("x")
    labelled["metadata"]["labels"] = {"a": ["b"]}

    assert Decoder(PODS).events([event("ADDED", labelled)], "").changes == [(("shop", "x"), "Running")]
    assert lines(caplog) == ["object read in part pods shop/x metadata.labels['a']: a list instead of text"]


def test_a_deleted_object_need_not_be_readable(caplog: pytest.LogCaptureFixture) -> None:
    Decoder(PODS).events([event("DELETED", odd("x"))], "")

    assert lines(caplog) == []


def test_a_thousand_objects_are_named_and_all_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    log = ObjectErrorLog("pods")
    for number in range(1500):
        log.report(Unread(("team", f"p{number}"), "r" * 1000))

    log.synced()

    assert len(lines(caplog)) == 1001
    assert lines(caplog)[0] == f"object cannot be read pods team/p0 {'r' * 200}"
    assert lines(caplog)[-1] == "objects left out pods 1500"


def test_each_list_counts_its_own_objects(caplog: pytest.LogCaptureFixture) -> None:
    log = ObjectErrorLog("pods")
    log.report(Unread(("team", "a"), "odd"))

    log.list_started()
    log.synced()

    assert lines(caplog) == ["object cannot be read pods team/a odd"]
