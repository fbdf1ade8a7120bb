"""Answers of kube-apiserver, or of something in its place, that are no lists or events."""

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from kubesim.apiserver.apiserver import ServerOptions
from kubesim.store.store import StoredObject
from kubesum.kube.pages import PAGE_OBJECTS
from kubesum.vocabulary.resource import Key
from tests.computation import JsonObject
from tests.faults.faults import MIB, answered, event, failure, grown, preceded_by, status, written
from tests.faults.relay import Fault, Request
from tests.faults.scenes import WITHIN_S, changes_through, lists_pods, lists_through, reads_pods, watches_pods
from tests.faults.stage import Stage, on_stage, without_server_sets, witnessed
from tests.serving.runningserver import eventually

HTML = b"<html><body>Please log in</body></html>"
GZIP = "Content-Encoding: gzip\r\n"
RETRY = "Retry-After: 7\r\n"
OVERLOADED = {
    "429": failure(429, "TooManyRequests"),
    "429 with Retry-After": failure(429, "TooManyRequests", headers=RETRY),
    "500": failure(500, "InternalError"),
    "503": failure(503, "ServiceUnavailable"),
    "503 with Retry-After": failure(503, "ServiceUnavailable", headers=RETRY),
    "503 of a load balancer": answered(503, HTML, "text/html"),
    "504 of a load balancer": answered(504, b"", "text/plain"),
}
SOMETHING_ELSE = {
    "redirect": answered(302, b"", headers="Location: https://127.0.0.1:1/\r\n"),
    "HTML": answered(200, HTML, "text/html"),
    "HTML that says it is JSON": answered(200, HTML),
    "HTML in gzip": answered(200, gzip.compress(HTML), headers=GZIP),
    "a list of another kind": answered(200, b'{"kind":"NodeList","metadata":{"resourceVersion":"9"},"items":[]}'),
    "no HTTP": written(b"SSH-2.0-OpenSSH_9.6\r\n"),
}
NOTHING = {
    "empty": answered(200, b""),
    "204": written(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
    "garbage in gzip": answered(200, b"\x1f\x8b\x08\x00garbage", headers=GZIP),
    "Status in a 200": answered(200, status(500, "InternalError")),
    "null": answered(200, b"null"),
}
EXPIRED = {
    "410": failure(410, "Expired"),
    "410 as an event": answered(200, event("ERROR", json.loads(status(410, "Expired")))),
    "504 of a version that is too large": failure(504, "Timeout", "Too large resource version: 9, current: 1"),
}


@pytest.mark.parametrize("answers", [OVERLOADED, SOMETHING_ELSE, NOTHING], ids=["busy", "something else", "nothing"])
def test_an_answer_that_is_none_changes_nothing(tmp_path: Path, answers: Mapping[str, Fault]) -> None:
    """In place of a list and of a watch: it is asked again. A redirect is not followed."""

    async def test(stage: Stage) -> None:
        for name, fault in answers.items():
            with during(name):
                await lists_through(stage, fault)
                await changes_through(stage, fault)

    on_stage(tmp_path, test)


def test_a_version_that_is_gone_is_listed_anew(tmp_path: Path) -> None:
    """Compaction, as a status and as an event in the stream."""

    async def test(stage: Stage) -> None:
        for name, fault in EXPIRED.items():
            with during(name):
                await changes_through(stage, fault, times=1)

    on_stage(tmp_path, test)


def test_a_continue_token_that_is_gone_begins_the_list_again(tmp_path: Path) -> None:
    """Compaction between two pages: those of before it are not mixed with those after it."""

    async def test(stage: Stage) -> None:
        pod = stage.store.list("pods")[0].decoded()
        for number in range(PAGE_OBJECTS):
            stage.store.put("pods", pod | {"metadata": without_server_sets(pod) | {"name": f"more-{number}"}})
        await stage.follows()
        async with witnessed(stage):
            with (
                stage.relay.fault(failure(410, "Expired"), watches_pods, most=1),
                stage.relay.fault(failure(410, "Expired"), lambda it: "continue" in it.query, most=2) as rule,
            ):
                stage.relay.cut(reads_pods)
                await stage.change()
                await rule.has_struck(2)
                await stage.follows(WITHIN_S)

    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=True))


def test_events_that_are_strange_change_nothing(tmp_path: Path) -> None:
    """Of an unknown type, older than what is known, once more, without a version, empty lines."""

    async def test(stage: Stage) -> None:
        async with witnessed(stage):
            old = stage.store.list("pods")[1]
            await stage.change()
            await stage.follows()
            pods = {stored.name: watched(stored) for stored in stage.store.list("pods")}
            strange = (
                event("RENAMED", pods[old.name]),
                *(event("MODIFIED", pod) for pod in pods.values()),
                event("MODIFIED", watched(old)),
                event("ADDED", watched(old)),
                event("BOOKMARK", {"kind": "Pod", "metadata": {}}),
                event("DELETED", {"kind": "Pod", "metadata": {"name": "nobody", "namespace": "nowhere"}}),
                b"\n\n",
            )
            with stage.relay.fault(preceded_by(*strange), watches_pods, most=1) as rule:
                stage.relay.cut(reads_pods)
                await rule.has_struck()
                await stage.change()
                await stage.follows()

    on_stage(tmp_path, test)


@pytest.mark.parametrize("strikes", [watches_pods, lists_pods], ids=["event", "list"])
def test_an_object_of_200_mb_is_absent_and_named_once(
    tmp_path: Path, strikes: Callable[[Request], bool], caplog: pytest.LogCaptureFixture
) -> None:
    """All others are served, and it is too once it is smaller."""

    async def test(stage: Stage) -> None:
        large = watched(stage.store.list("pods")[0])
        metadata = large["metadata"] | {"name": "large"}
        begin, end = event("ADDED", large | {"metadata": metadata | {"annotations": {"a": "SPLIT"}}}).split(b"SPLIT")
        with (
            stage.relay.fault(failure(410, "Expired"), watches_pods, most=int(strikes is lists_pods)),
            stage.relay.fault(preceded_by(begin, *[b"x" * MIB] * 200, end), strikes, most=1),
        ):
            stage.relay.cut(reads_pods)
            await stage.change()
            await stage.follows(WITHIN_S)
            assert await stage.code("/readyz") == 200
        stage.store.put("pods", large | {"metadata": metadata})
        await stage.follows()

    on_stage(tmp_path, test)
    named = [record for record in caplog.records if record.message == "object cannot be read"]
    assert [vars(record)["reason"] for record in named] == ["it has more than 67108864 bytes"]


def test_an_object_of_200_mb_among_pages_is_absent_and_named_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The page is read up to 64 MiB, then with fewer objects, and the list goes on after the large one."""

    async def test(stage: Stage) -> None:
        pod = stage.store.list("pods")[20].decoded()
        name = (pod["metadata"]["namespace"], pod["metadata"]["name"])
        stage.store.put("pods", pod | {"metadata": pod["metadata"] | {"annotations": {"a": "GROWS"}}})
        with (
            stage.relay.fault(failure(410, "Expired"), watches_pods, most=1),
            stage.relay.fault(grown(b"GROWS", 200), lists_pods) as rule,
        ):
            stage.relay.cut(reads_pods)
            expected = (await stage.expected())["podsummaries"]
            async with stage.session() as session:
                await eventually(lambda: stage_has_not(stage, session, name), WITHIN_S)
                served = await stage.listed(session, "podsummaries")
            assert served == {key: row for key, row in expected.items() if key != name}
            assert {page.query["limit"] for page in rule.requests} == {"500", "125", "31", "7", "1"}
            assert await stage.code("/readyz") == 200
        stage.store.put("pods", pod)
        await stage.follows()

    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=True))
    named = [record for record in caplog.records if record.message == "object cannot be read"]
    assert [vars(record)["reason"] for record in named] == ["it has more than 67108864 bytes"]


async def stage_has_not(stage: Stage, session: aiohttp.ClientSession, name: Key) -> bool:
    """Whether a pod is not served."""
    return name not in await stage.listed(session, "podsummaries")


def watched(stored: StoredObject) -> JsonObject:
    """A pod as events have it."""
    return {"kind": "Pod", "apiVersion": "v1", **stored.decoded()}


@contextmanager
def during(name: str) -> Iterator[None]:
    """Names what a failure happened in."""
    try:
        yield
    except BaseException as error:
        error.add_note(f"during {name}")
        raise
