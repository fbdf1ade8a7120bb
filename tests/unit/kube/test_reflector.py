"""The reflector against a scripted API server."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.deltas import Deltas, ListStarted, Synced, WatchError
from kubesum.kube.reflector import Reflector, Timing, reflect
from tests.hanging import HANGS_AFTER_S
from tests.leaping import leaping
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.reflectorsteps import PODS, SHORT_TIMING, Step, steps, take
from tests.unit.kube.scriptedserver import (
    Answer,
    Script,
    body,
    bookmark,
    cut,
    event,
    failure,
    page,
    playing,
    pod,
    reset_watch,
    silence,
    silent_watch,
    status,
    watch,
)

INITIAL_END = bookmark("100", initial_events_end=True)
NO_WATCH_LIST = failure(422, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch")


@pytest.fixture
def events(upstream: Upstream) -> AsyncIterator[Step]:
    """The steps of a reflector of pods with short timeouts."""
    return steps(reflect(upstream, PODS, SHORT_TIMING))


async def test_a_streamed_list_is_synced_at_its_bookmark_and_continues_as_a_watch(
    script: Script, events: AsyncIterator[Step]
) -> None:
    script.answers = [
        silent_watch(
            event("ADDED", pod("a")),
            event("ADDED", pod("b", "Pending")),
            INITIAL_END,
            event("MODIFIED", pod("b", "Running", "101")),
            event("DELETED", pod("a", "Running", "102")),
        )
    ]

    assert await take(events, 4) == ["list started", ("a", "Running"), ("b", "Pending"), ("b", "Running")]
    assert await take(events, 2) == [("a", None), "synced"]
    assert len(script.requests) == 1
    query = script.requests[0].query
    lifetime = int(query.pop("timeoutSeconds"))
    assert script.requests[0].path == "/api/v1/pods"
    assert query == {
        "watch": "true",
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    assert 300 <= lifetime <= 600


@pytest.mark.parametrize(
    "answer",
    [
        NO_WATCH_LIST,
        failure(400, "BadRequest", "sendInitialEvents is unknown"),
        watch(event("ERROR", status(500, "InternalError", "feature RequestWatchProgress is disabled"))),
        watch(event("ADDED", pod("half"))),
    ],
    ids=["422", "400", "error event", "ends early"],
)
async def test_a_server_that_does_not_stream_lists_is_read_in_pages(
    script: Script, events: AsyncIterator[Step], answer: Answer
) -> None:
    script.answers = [answer, page(pod("a"), token="next"), page(pod("b"), version="100"), silent_watch()]

    seen = await take(events, 2)
    while seen[-1] != "synced":
        seen += await take(events, 1)

    assert seen[-4:] == ["list started", ("a", "Running"), ("b", "Running"), "synced"]
    assert [request.query for request in script.requests[1:3]] == [
        {"limit": "500"},
        {"limit": "500", "continue": "next"},
    ]


async def test_a_part_of_a_collection_is_listed_and_watched_with_its_selectors(
    script: Script, upstream: Upstream
) -> None:
    part = replace(PODS, namespace="a/b", selectors={"labelSelector": "app=web", "fieldSelector": "status.ok=no"})
    events = steps(reflect(upstream, part, SHORT_TIMING))
    script.answers = [NO_WATCH_LIST, page(pod("a"), token="next"), page(pod("b"))]
    script.answers.append(silent_watch(event("ADDED", pod("c", version="102"))))

    assert await take(events, 5) == ["list started", "list started", ("a", "Running"), ("b", "Running"), "synced"]
    assert await take(events, 1) == [("c", "Running")]

    assert {request.path for request in script.requests} == {"/api/v1/namespaces/a%2Fb/pods"}
    assert {(request.query["labelSelector"], request.query["fieldSelector"]) for request in script.requests} == {
        ("app=web", "status.ok=no")
    }
    assert [request.query.get("watch") for request in script.requests[:4]] == ["true", None, None, "true"]


async def test_a_watch_that_ends_is_resumed_from_the_last_version(
    script: Script, events: AsyncIterator[Step]
) -> None:
    script.answers = [
        watch(event("ADDED", pod("a")), INITIAL_END, event("MODIFIED", pod("a", "Failed", "107"))),
        watch(event("ADDED", pod("b", "Running", "108"))),
        silent_watch(event("ADDED", pod("c", "Running", "109"))),
    ]

    seen = await take(events, 6)

    assert seen == ["list started", ("a", "Running"), ("a", "Failed"), "synced", ("b", "Running"), ("c", "Running")]
    assert [request.query.get("resourceVersion") for request in script.requests] == [None, "107", "108"]


async def test_a_watch_that_is_reset_is_resumed_without_an_error(script: Script, events: AsyncIterator[Step]) -> None:
    script.answers = [
        watch(INITIAL_END, bookmark("105")),
        reset_watch(event("ADDED", pod("a", "Running", "106"))),
        silent_watch(event("ADDED", pod("b", "Running", "107"))),
    ]

    assert await take(events, 4) == ["list started", "synced", ("a", "Running"), ("b", "Running")]
    assert script.requests[2].query["resourceVersion"] == "106"


async def test_a_bookmark_moves_the_version_on(script: Script, events: AsyncIterator[Step]) -> None:
    script.answers = [
        watch(INITIAL_END),
        watch(bookmark("250")),
        silent_watch(event("ADDED", pod("a", "Running", "251"))),
    ]

    assert await take(events, 3) == ["list started", "synced", ("a", "Running")]
    assert [request.query.get("resourceVersion") for request in script.requests] == [None, "100", "250"]


async def test_a_bookmark_yields_empty_deltas(script: Script, upstream: Upstream) -> None:
    script.answers = [watch(INITIAL_END), silent_watch(bookmark("101"))]
    news = reflect(upstream, PODS, SHORT_TIMING)

    async with asyncio.timeout(HANGS_AFTER_S):
        seen = [await anext(news) for _ in range(4)]

    # The empty Deltas: one when the watch opens, one for the bookmark.
    assert seen == [ListStarted(), Synced(), Deltas([]), Deltas([])]


@pytest.mark.parametrize(
    "lost",
    [
        failure(410, "Expired", "too old resource version: 100 (900)"),
        watch(event("ERROR", status(410, "Expired", "too old resource version: 100 (900)"))),
        failure(504, "Timeout", "Timeout: Too large resource version: 100, current: 7"),
    ],
    ids=["410", "410 event", "504 too large"],
)
async def test_an_expired_resource_version_leads_to_a_relist(
    script: Script, events: AsyncIterator[Step], lost: Answer
) -> None:
    script.answers = [
        watch(event("ADDED", pod("a")), INITIAL_END),
        lost,
        silent_watch(event("ADDED", pod("b")), bookmark("900", initial_events_end=True)),
    ]

    assert await take(events, 3) == ["list started", ("a", "Running"), "synced"]
    assert await take(events, 3) == ["list started", ("b", "Running"), "synced"]
    assert "resourceVersion" not in script.requests[2].query


async def test_a_list_whose_pages_expire_starts_over(script: Script, events: AsyncIterator[Step]) -> None:
    script.answers = [
        NO_WATCH_LIST,
        page(pod("a"), token="next"),
        failure(410, "Expired", "The provided continue parameter is too old"),
        page(pod("b")),
    ]

    assert await take(events, 3) == ["list started", "list started", ("a", "Running")]
    watch_error, *rest = await take(events, 4)

    assert isinstance(watch_error, WatchError)
    assert not watch_error.refused
    assert rest == ["list started", ("b", "Running"), "synced"]


@pytest.mark.parametrize("length", [100_000, None], ids=["shorter than promised", "no length promised"])
async def test_an_incomplete_page_is_discarded(
    script: Script, events: AsyncIterator[Step], length: int | None
) -> None:
    script.answers = [
        NO_WATCH_LIST,
        cut(b'{"kind":"PodList","metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"half"}}', length),
        page(pod("whole")),
    ]

    restarted, watch_error, rest = await take(events, 2), (await take(events, 1))[0], await take(events, 3)

    assert restarted == ["list started", "list started"]
    assert isinstance(watch_error, WatchError)
    assert rest == ["list started", ("whole", "Running"), "synced"]


async def test_an_invalid_object_counts_as_absent_and_affects_no_other(
    script: Script, events: AsyncIterator[Step]
) -> None:
    odd = pod("odd", version="103") | {"status": {"phase": ["Running"]}}
    script.answers = [
        silent_watch(
            event("ADDED", pod("a")),
            event("ADDED", pod("bad", "Impossible")),
            INITIAL_END,
            event("MODIFIED", odd),
            event("ADDED", pod("b", version="104")),
        )
    ]

    assert await take(events, 3) == ["list started", ("a", "Running"), ("bad", None)]
    assert await take(events, 3) == [("odd", None), ("b", "Running"), "synced"]


async def test_lists_that_are_null_are_empty(script: Script, events: AsyncIterator[Step]) -> None:
    hollow = pod("a") | {"spec": {"containers": None, "overhead": None}}
    hollow["metadata"] |= {"labels": None, "annotations": None, "ownerReferences": None}
    script.answers = [silent_watch(event("ADDED", hollow), INITIAL_END)]

    assert await take(events, 3) == ["list started", ("a", "Running"), "synced"]


async def test_a_line_of_two_mebibytes_is_read_whole(script: Script, events: AsyncIterator[Step]) -> None:
    huge = pod("huge")
    huge["metadata"]["annotations"] = {"notes": "x" * 2 * 1024 * 1024}
    script.answers = [silent_watch(event("ADDED", huge), event("ADDED", pod("small")), INITIAL_END)]

    assert await take(events, 4) == ["list started", ("huge", "Running"), ("small", "Running"), "synced"]


async def test_unknown_events_and_blank_lines_are_ignored(script: Script, events: AsyncIterator[Step]) -> None:
    nameless = event("BOOKMARK", {"kind": "Pod", "metadata": {}})
    script.answers = [
        watch(INITIAL_END, b"\n", event("RENAMED", pod("a", version="103")), nameless),
        silent_watch(b" \n", event("ADDED", pod("b", version="104"))),
    ]

    assert await take(events, 3) == ["list started", "synced", ("b", "Running")]
    assert script.requests[1].query["resourceVersion"] == "103"


async def test_an_event_older_than_the_watch_is_ignored(script: Script, events: AsyncIterator[Step]) -> None:
    script.answers = [
        watch(event("ADDED", pod("a", version="90")), INITIAL_END),
        silent_watch(event("MODIFIED", pod("a", "Pending", "80")), event("MODIFIED", pod("a", "Failed", "101"))),
    ]

    assert await take(events, 4) == ["list started", ("a", "Running"), "synced", ("a", "Failed")]


@pytest.mark.parametrize("code", [401, 403, 404])
async def test_a_permanent_error_is_reported_as_refused(
    script: Script, events: AsyncIterator[Step], code: int
) -> None:
    message = 'pods is forbidden: User "eve" cannot list resource "pods" in API group "" at the cluster scope'
    # After a 401 the request is sent once more with reloaded credentials.
    script.answers = [failure(code, "Forbidden", message)] * (2 if code == 401 else 1)
    script.answers.append(silent_watch(INITIAL_END))

    started, watch_error = await take(events, 2)

    assert started == "list started"
    assert isinstance(watch_error, WatchError)
    assert watch_error.refused
    assert str(watch_error.error) == f"{script.url}/api/v1/pods answers {code} Forbidden: {message}"
    assert await take(events, 2) == ["list started", "synced"]


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
async def test_a_server_that_is_busy_or_broken_is_retried(
    script: Script, events: AsyncIterator[Step], code: int
) -> None:
    script.answers = [
        watch(event("ADDED", pod("a")), INITIAL_END),
        failure(code, "Whatever", "try later"),
        silent_watch(event("ADDED", pod("b", version="101"))),
    ]

    assert await take(events, 3) == ["list started", ("a", "Running"), "synced"]
    watch_error, after = await take(events, 2)

    assert isinstance(watch_error, WatchError)
    assert not watch_error.refused
    assert after == ("b", "Running")
    assert script.requests[2].query["resourceVersion"] == "100"


@pytest.mark.parametrize(("asked", "waits_s"), [("7", 7), ("3600", 60)])
async def test_retry_after_is_respected_up_to_a_minute(
    script: Script, upstream: Upstream, asked: str, waits_s: float
) -> None:
    script.answers = [failure(429, "TooManyRequests", "slow down", f"Retry-After: {asked}\r\n")]
    reflector = Reflector(upstream, PODS, Timing())

    news = [item async for item in reflector.attempt()]

    assert isinstance(news[1], WatchError)
    assert reflector.pause_s == waits_s


async def test_pauses_double_up_to_the_longest(script: Script, upstream: Upstream) -> None:
    script.answers = [failure(500, "InternalError", "no")] * 10
    reflector = Reflector(upstream, PODS, Timing())

    pauses_s = []
    for _ in range(10):
        _ = [item async for item in reflector.attempt()]
        pauses_s.append(reflector.pause_s)

    longest_s = [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30]
    assert all(longest / 2 <= pause <= longest for pause, longest in zip(pauses_s, longest_s, strict=True))


async def test_a_server_that_cannot_be_reached_is_tried_every_five_seconds(tmp_path: Path) -> None:
    """An outage of minutes was noticed to be over up to half a minute late."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    config = written_kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}")
    async with await connect(kubeconfig(config, None)) as upstream:
        reflector = Reflector(upstream, PODS, Timing())
        pauses_s = []
        for _ in range(8):
            _ = [item async for item in reflector.attempt()]
            pauses_s.append(reflector.pause_s)

    longest_s = [0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5]
    assert all(longest / 2 <= pause <= longest for pause, longest in zip(pauses_s, longest_s, strict=True))


async def test_a_watch_that_works_makes_pauses_short_again(script: Script, upstream: Upstream) -> None:
    script.answers = [failure(500)] * 6 + [watch(INITIAL_END), watch(bookmark("101"))]
    reflector = Reflector(upstream, PODS, Timing())

    for _ in range(8):
        _ = [item async for item in reflector.attempt()]

    assert reflector.pause_s <= 0.2


async def test_versions_that_expire_again_and_again_make_pauses_longer(script: Script, upstream: Upstream) -> None:
    """A server that expired each version at once was sent full list requests without a pause."""
    script.answers = [watch(INITIAL_END, event("ERROR", status(410, "Expired", "too old")))] * 8
    reflector = Reflector(upstream, PODS, Timing(initial_backoff_s=1, max_backoff_s=8))

    for _ in range(8):
        news = [item async for item in reflector.attempt()]
        assert news[0] == ListStarted()

    assert reflector.pause_s >= 0.5


def stalling(home: Path, count: int, *answers: Answer) -> tuple[list[Step], list[str | None]]:
    """The first steps on a clock that leaps, and the resourceVersion of each request until then."""
    seen: list[Step] = []
    script = Script(list(answers))

    async def main() -> None:
        async with playing(script):
            config = written_kubeconfig(home / "config", script.url)
            async with await connect(kubeconfig(config, None)) as upstream:
                source = steps(reflect(upstream, PODS))
                seen.extend([await anext(source) for _ in range(count)])

    leaping(main())
    return seen, [request.query.get("resourceVersion") for request in script.requests]


def test_a_streamed_list_that_falls_silent_is_read_in_pages(tmp_path: Path) -> None:
    seen, _ = stalling(tmp_path, 4, silent_watch(event("ADDED", pod("half"))), page(pod("a")), silent_watch())

    assert seen == ["list started", ("half", "Running"), "list started", ("a", "Running")]


def test_a_streamed_list_without_an_answer_is_read_in_pages(tmp_path: Path) -> None:
    seen, _ = stalling(tmp_path, 4, silence, page(pod("a")), silent_watch())

    assert seen == ["list started", "list started", ("a", "Running"), "synced"]


def test_a_streamed_list_that_stalls_after_its_end_is_resumed(tmp_path: Path) -> None:
    then = silent_watch(event("ADDED", pod("a", version="101")))

    seen, versions = stalling(tmp_path, 3, silent_watch(INITIAL_END), then)

    assert seen == ["list started", "synced", ("a", "Running")]
    assert versions == [None, "100"]


def test_a_stalled_watch_is_resumed(tmp_path: Path) -> None:
    then = silent_watch(event("ADDED", pod("a", version="106")))

    seen, versions = stalling(tmp_path, 3, watch(INITIAL_END), silent_watch(bookmark("105")), then)

    assert seen == ["list started", "synced", ("a", "Running")]
    assert versions == [None, "100", "105"]


def test_a_watch_that_sends_nothing_leads_to_a_relist(tmp_path: Path) -> None:
    relisted = silent_watch(bookmark("7", initial_events_end=True))

    seen, _ = stalling(tmp_path, 4, watch(INITIAL_END), silent_watch(), relisted)

    assert seen == ["list started", "synced", "list started", "synced"]


async def test_an_html_page_is_no_list(script: Script, events: AsyncIterator[Step]) -> None:
    script.answers = [body(b"<html>Sign in</html>", media_type="text/html"), silent_watch(INITIAL_END)]

    _, watch_error, *rest = await take(events, 4)

    assert isinstance(watch_error, WatchError)
    assert str(watch_error.error) == f"{script.url}/api/v1/pods answers text/html: it is no Kubernetes API server"
    assert rest == ["list started", "synced"]


async def test_a_watch_that_sends_no_json_is_an_error_and_resumed(
    script: Script, events: AsyncIterator[Step]
) -> None:
    script.answers = [
        watch(INITIAL_END),
        silent_watch(event("ADDED", pod("a", version="101")), b"<html>\n"),
        silent_watch(event("ADDED", pod("a", version="101"))),
    ]

    assert await take(events, 2) == ["list started", "synced"]
    watch_error, resumed = await take(events, 2)

    assert isinstance(watch_error, WatchError)
    assert resumed == ("a", "Running")
    assert script.requests[2].query["resourceVersion"] == "100"


async def test_a_list_of_another_kind_is_discarded(script: Script, events: AsyncIterator[Step]) -> None:
    script.answers = [NO_WATCH_LIST, page(kind="NodeList"), page(pod("a"))]

    seen = await take(events, 3)

    assert isinstance(seen[2], WatchError)
    assert "it is a NodeList, not a PodList" in str(seen[2].error)
    assert await take(events, 3) == ["list started", ("a", "Running"), "synced"]


async def test_an_unreachable_server_is_an_error_until_it_listens(tmp_path: Path) -> None:
    script = Script([silent_watch(INITIAL_END)])
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}"
        async with await connect(kubeconfig(written_kubeconfig(tmp_path / "config", url), None)) as upstream:
            events = steps(reflect(upstream, PODS, SHORT_TIMING))
            started, watch_error = await take(events, 2)

            assert started == "list started"
            assert isinstance(watch_error, WatchError)
            assert not watch_error.refused
            assert str(watch_error.error) == f"cannot reach {url}: connection refused"

            async with await asyncio.start_server(script.serve, sock=reserved):
                seen = await take(events, 1)
                while seen[-1] != "synced":
                    seen += await take(events, 1)
                await script.end()


async def test_what_never_arrived_has_no_time_of_the_last_byte(script: Script, upstream: Upstream) -> None:
    """It had 1970, so that a panel of its age showed 56 years until the first list."""
    quiet = replace(PODS, resource="quiet")
    script.answers = [failure(403, "Forbidden", "no"), silent_watch(INITIAL_END)]
    source = steps(reflect(upstream, quiet, SHORT_TIMING))

    def last() -> float | None:
        return REGISTRY.get_sample_value("kubesum_informer_last_byte_timestamp_seconds", {"resource": "quiet"})

    _, refusal = await take(source, 2)
    before = last()
    await take(source, 2)

    assert (type(refusal), before) == (WatchError, None)
    assert last() is not None
