"""The poller against a metrics API that does everything that such APIs do."""

import json
import logging
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from kubesum.kube.client import Upstream
from kubesum.kube.deltas import Poll, WatchError
from kubesum.kube.failures import StatusError
from kubesum.kube.poller import Poller, PollTiming, poll
from kubesum.semantics.facts import Measurement
from kubesum.semantics.watchedresources import POLLED_RESOURCES
from tests.unit.kube.scriptedserver import Answer, Script, body, cut, refusal, silence

NODES, PODS = POLLED_RESOURCES
AT = datetime(2026, 3, 1, 12, 0, 15, tzinfo=UTC)
MIB = 1 << 20
IMPATIENT = PollTiming(interval_s=0.004, deadline_s=0.3)


def metrics(name: str, cpu: Any = "1500000n", memory: Any = "2048Ki", **more: Any) -> dict[str, Any]:
    """Metrics of a pod in namespace shop."""
    return {
        "metadata": {"name": name, "namespace": "shop", "creationTimestamp": "2026-03-01T12:00:20Z"},
        "timestamp": "2026-03-01T12:00:15Z",
        "window": "15.042s",
        "containers": [{"name": "main", "usage": {"cpu": cpu, "memory": memory}}],
        **more,
    }


def listed(*items: object, token: str = "", kind: str = "PodMetricsList") -> Answer:
    """A list as metrics-server sends it: without a version; with a token there is more of it."""
    metadata = {"continue": token} if token else {}
    document = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata, "items": items}
    return body(json.dumps(document).encode())


def usages(news: object) -> dict[str, tuple[int, int]]:
    """Millicores and Mi by name."""
    assert isinstance(news, Poll), news
    return {name: (fact.cpu, fact.memory // MIB) for (_, name), fact in news.objects if fact is not None}


@pytest.fixture
def poller(upstream: Upstream) -> Poller[Measurement]:
    """A poller of pods that has no patience."""
    return Poller(upstream, PODS, IMPATIENT)


async def test_a_list_is_read_whole(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [listed(metrics("a"), metrics("b", "20m", "5Mi"))]

    news = await poller.attempt()

    assert isinstance(news, Poll)
    assert list(news.objects) == [
        (("shop", "a"), Measurement(AT, 2, 2 * MIB)),
        (("shop", "b"), Measurement(AT, 20, 5 * MIB)),
    ]
    assert (script.requests[0].path, script.requests[0].query) == (
        "/apis/metrics.k8s.io/v1beta1/pods",
        {"limit": "500"},
    )


async def test_nodes_are_read_too(script: Script, upstream: Upstream) -> None:
    item = {
        "metadata": {"name": "n1"},
        "timestamp": "2026-03-01T12:00:15Z",
        "usage": {"cpu": "1n", "memory": "1Gi"},
    }
    script.answers = [listed(item, kind="NodeMetricsList")]

    news = await Poller(upstream, NODES, IMPATIENT).attempt()

    assert isinstance(news, Poll)
    assert list(news.objects) == [(("", "n1"), Measurement(AT, 1, 1024 * MIB))]
    assert script.requests[0].path == "/apis/metrics.k8s.io/v1beta1/nodes"


async def test_pages_join_to_one_list(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [listed(metrics("a"), token="more"), listed(metrics("b"))]

    assert usages(await poller.attempt()) == {"a": (2, 2), "b": (2, 2)}
    assert script.requests[1].query == {"limit": "500", "continue": "more"}


async def test_a_list_that_breaks_off_between_pages_is_none(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [listed(metrics("a"), token="more"), refusal(500, "InternalError", "out of memory")]

    assert isinstance(await poller.attempt(), WatchError)


async def test_a_list_that_never_ends_is_given_up(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [listed(metrics("a"), token="more") for _ in range(10_000)]

    news = await poller.attempt()

    assert isinstance(news, WatchError)
    assert not news.refused
    assert 1 < len(script.requests) < 10_000


@pytest.mark.parametrize(
    "lie",
    [
        metrics("a", cpu="-1500000n"),
        metrics("a", cpu="1e30"),
        metrics("a", cpu="9223372036854775807"),
        metrics("a", memory="1e30"),
        metrics("a", memory="much"),
        metrics("a", cpu=None, memory={"amount": 1}),
        metrics("a", containers=[]),
        metrics("a", containers="all"),
        metrics("a", timestamp=None),
        metrics("a", timestamp="yesterday"),
        metrics("a", timestamp="2026-03-01T12:00:15"),
        {"metadata": None},
        "a",
        7,
    ],
)
async def test_an_entry_that_cannot_be_true_costs_the_others_nothing(
    script: Script, poller: Poller[Measurement], lie: object
) -> None:
    script.answers = [listed(metrics("before"), lie, metrics("behind", window="-5h"))]

    assert usages(await poller.attempt()) == {"before": (2, 2), "behind": (2, 2)}


async def test_a_list_in_which_nothing_is_true_can_be_drawn_in_slices(
    script: Script, poller: Poller[Measurement]
) -> None:
    """It was decoded in one piece, and nothing else went on meanwhile."""
    script.answers = [listed(*(metrics(f"p{number}", cpu="-1") for number in range(250)))]

    news = await poller.attempt()

    assert isinstance(news, Poll)
    assert [fact for _, fact in news.objects] == [None] * 250


async def test_of_two_entries_for_one_pod_the_later_counts(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [listed(metrics("a", "1m"), metrics("a", "9m"))]

    assert usages(await poller.attempt()) == {"a": (9, 2)}


@pytest.mark.parametrize("items", [[], None])
async def test_an_empty_list_is_a_list(script: Script, poller: Poller[Measurement], items: object) -> None:
    script.answers = [body(json.dumps({"kind": "PodMetricsList", "metadata": {}, "items": items}).encode())]

    assert usages(await poller.attempt()) == {}


@pytest.mark.parametrize(
    ("answer", "sentence", "refused"),
    [
        (refusal(404, "NotFound", "the server could not find the requested resource"), "answers 404 NotFound", True),
        (refusal(403, "Forbidden", "pods.metrics.k8s.io is forbidden"), "answers 403 Forbidden", True),
        (body(b"service unavailable\n", 503, "text/plain; charset=utf-8"), "answers 503", False),
        (refusal(429, "TooManyRequests", "slow down"), "answers 429", False),
        (body(b'{"kind":"PodMetricsList","items":[{'), "cannot be read", False),
        (body(b'{"kind":"PodMetricsList","items":{}}'), "cannot be read", False),
        (body(b'{"kind":"PodList","metadata":{},"items":[]}'), "it is a PodList, not a PodMetricsList", False),
        (body(b"\xff\xfe"), "cannot be read", False),
        (body(b"<h1>Sign in</h1>", media_type="text/html"), "answers text/html", False),
        (cut(b'{"kind":', 500), "the answer broke off", False),
        (silence, "it does not answer in time", False),
    ],
)
async def test_what_is_no_list_is_told_and_asked_for_again(
    script: Script, poller: Poller[Measurement], answer: Answer, sentence: str, refused: bool
) -> None:
    script.answers = [answer, listed(metrics("a"))]

    news = await poller.attempt()

    assert isinstance(news, WatchError)
    assert sentence in str(news.error)
    assert news.refused is refused
    if answer is not silence:
        assert usages(await poller.attempt()) == {"a": (2, 2)}


async def test_polls_go_on_for_ever(script: Script, upstream: Upstream) -> None:
    script.answers = [listed(metrics("a", f"{n}m")) for n in range(3)]

    async with aclosing(poll(upstream, PODS, IMPATIENT)) as news:
        seen = [usages(await anext(news)) for _ in range(3)]

    assert seen == [{"a": (0, 2)}, {"a": (1, 2)}, {"a": (2, 2)}]


async def test_polls_are_spread_around_their_interval(script: Script, upstream: Upstream) -> None:
    poller = Poller(upstream, PODS, PollTiming(interval_s=100))
    script.answers = [listed() for _ in range(20)]

    pauses_s = set()
    for _ in range(20):
        await poller.attempt()
        pauses_s.add(poller.pause_s)

    assert len(pauses_s) == 20
    assert all(90 <= pause_s <= 110 for pause_s in pauses_s)


async def test_attempts_grow_rarer_while_they_fail_and_return_to_the_interval(
    script: Script, upstream: Upstream
) -> None:
    poller = Poller(upstream, PODS, PollTiming(interval_s=40))
    script.answers = [refusal(404, "NotFound") for _ in range(20)]

    pauses_s = []
    for _ in range(20):
        await poller.attempt()
        pauses_s.append(poller.pause_s)
    script.answers = [listed(), refusal(500)]
    await poller.attempt()
    regular_s = poller.pause_s
    await poller.attempt()

    assert [5 * 2**n <= pause_s <= 10 * 2**n for n, pause_s in enumerate(pauses_s[:6])] == [True] * 6
    assert all(200 <= pause_s <= 400 for pause_s in pauses_s[6:])
    assert 36 <= regular_s <= 44
    assert 5 <= poller.pause_s <= 10


async def test_a_server_that_asks_for_time_gets_it(script: Script, upstream: Upstream) -> None:
    poller = Poller(upstream, PODS, PollTiming(interval_s=40))
    script.answers = [refusal(503, headers=f"Retry-After: {seconds}\r\n") for seconds in (120, 86_400)]

    await poller.attempt()
    asked_s = poller.pause_s
    await poller.attempt()

    assert (asked_s, poller.pause_s) == (120, 400)


@pytest.mark.parametrize(("interval_s", "valid_for_s"), [(10, 90), (30, 90), (60, 180)])
def test_a_list_may_be_shown_for_three_intervals_and_at_least_90_s(interval_s: float, valid_for_s: float) -> None:
    assert PollTiming(interval_s=interval_s).valid_for_s == valid_for_s


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged from INFO on."""
    caplog.set_level(logging.INFO)
    return caplog


async def test_a_cluster_without_metrics_is_logged_once(
    script: Script, poller: Poller[Measurement], logged: pytest.LogCaptureFixture
) -> None:
    script.answers = [refusal(404, "NotFound") for _ in range(3)]

    for _ in range(3):
        await poller.attempt()

    assert [(record.levelname, record.getMessage()) for record in logged.records] == [
        ("INFO", "source is in trouble")
    ]


async def test_metrics_that_are_lost_and_found_are_logged(
    script: Script, poller: Poller[Measurement], logged: pytest.LogCaptureFixture
) -> None:
    script.answers = [listed(), refusal(403, "Forbidden"), listed(), listed()]

    for _ in range(4):
        await poller.attempt()

    assert [(record.levelname, record.getMessage()) for record in logged.records] == [
        ("WARNING", "source is in trouble"),
        ("INFO", "source is back"),
    ]


async def test_a_refusal_is_told_as_it_is(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [refusal(403, "Forbidden", "pods.metrics.k8s.io is forbidden")]

    news = await poller.attempt()

    assert isinstance(news, WatchError)
    assert isinstance(news.error, StatusError)
    assert news.error.message == "pods.metrics.k8s.io is forbidden"
