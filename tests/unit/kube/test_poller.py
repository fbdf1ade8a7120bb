"""The poller against a scripted metrics API."""

import json
import logging
import re
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest

from kubesum.kube.client import Upstream
from kubesum.kube.deltas import Poll, WatchError
from kubesum.kube.poller import Poller, PollTiming, poll
from kubesum.kube.statuserror import StatusError
from kubesum.semantics.facts import Measurement
from kubesum.semantics.watchedresources import POLLED_RESOURCES
from tests.unit.kube.scriptedserver import Answer, Script, body, cut, failure, silence

NODES, PODS = POLLED_RESOURCES
AT = datetime(2026, 3, 1, 12, 0, 15, tzinfo=UTC)
MIB = 1 << 20
TIMING = PollTiming(interval_s=0.004)


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
    """A list as metrics-server sends it: without a resourceVersion; with a continue token if there are more pages."""
    metadata = {"continue": token} if token else {}
    document = {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": metadata, "items": items}
    return body(json.dumps(document).encode())


def offered(*versions: str) -> Answer:
    """The discovery document of metrics.k8s.io."""
    found = [{"groupVersion": f"metrics.k8s.io/{version}", "version": version} for version in versions]
    group = {"kind": "APIGroup", "apiVersion": "v1", "name": "metrics.k8s.io", "versions": found}
    return body(json.dumps({**group, "preferredVersion": found[0] if found else None}).encode())


V1, V1BETA1, BOTH = offered("v1"), offered("v1beta1"), offered("v1beta1", "v1")


def usages(event: object) -> dict[str, tuple[int, int]]:
    """Millicores and Mi by name."""
    assert isinstance(event, Poll), event
    return {
        name: (measurement.cpu, measurement.memory // MIB)
        for (_, name), measurement in event.objects
        if measurement is not None
    }


@pytest.fixture
def poller(upstream: Upstream) -> Poller[Measurement]:
    """A poller of pods that hardly pauses."""
    return Poller(upstream, PODS, TIMING)


async def test_a_list_is_read_whole(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [V1, listed(metrics("a"), metrics("b", "20m", "5Mi"))]

    event = await poller.attempt()

    assert isinstance(event, Poll)
    assert list(event.objects) == [
        (("shop", "a"), Measurement(AT, 2, 2 * MIB)),
        (("shop", "b"), Measurement(AT, 20, 5 * MIB)),
    ]
    assert [(request.path, request.query) for request in script.requests] == [
        ("/apis/metrics.k8s.io", {}),
        ("/apis/metrics.k8s.io/v1/pods", {"limit": "500"}),
    ]


async def test_nodes_are_read_too(script: Script, upstream: Upstream) -> None:
    item = {
        "metadata": {"name": "n1"},
        "timestamp": "2026-03-01T12:00:15Z",
        "usage": {"cpu": "1n", "memory": "1Gi"},
    }
    script.answers = [V1, listed(item, kind="NodeMetricsList")]

    event = await Poller(upstream, NODES, TIMING).attempt()

    assert isinstance(event, Poll)
    assert list(event.objects) == [(("", "n1"), Measurement(AT, 1, 1024 * MIB))]
    assert script.requests[1].path == "/apis/metrics.k8s.io/v1/nodes"


async def test_pages_join_to_one_list(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [V1, listed(metrics("a"), token="more"), listed(metrics("b"))]

    assert usages(await poller.attempt()) == {"a": (2, 2), "b": (2, 2)}
    assert script.requests[2].query == {"limit": "500", "continue": "more"}


async def test_a_list_whose_second_page_fails_is_an_error(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [V1, listed(metrics("a"), token="more"), failure(500, "InternalError", "out of memory")]

    assert isinstance(await poller.attempt(), WatchError)


@pytest.mark.parametrize("pages", [[silence], [listed(metrics("a"), token="more")] * 10_000], ids=["none", "endless"])
async def test_a_list_that_never_ends_times_out(script: Script, upstream: Upstream, pages: list[Answer]) -> None:
    script.answers = [V1, *pages]

    event = await Poller(upstream, PODS, PollTiming(interval_s=0.004, timeout_s=0.3)).attempt()

    assert isinstance(event, WatchError)
    assert not event.refused
    # The time can be over before, during or after any request, discovery included.
    assert re.search("it does not answer in time|is not complete after 0.3 s", str(event.error))


@pytest.mark.parametrize(
    "invalid",
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
async def test_an_invalid_entry_does_not_affect_the_others(
    script: Script, poller: Poller[Measurement], invalid: object
) -> None:
    script.answers = [V1, listed(metrics("before"), invalid, metrics("behind", window="-5h"))]

    assert usages(await poller.attempt()) == {"before": (2, 2), "behind": (2, 2)}


async def test_a_list_of_invalid_entries_is_decoded_in_batches(script: Script, poller: Poller[Measurement]) -> None:
    """It was decoded in one piece, which blocked the event loop."""
    script.answers = [V1, listed(*(metrics(f"p{number}", cpu="-1") for number in range(250)))]

    event = await poller.attempt()

    assert isinstance(event, Poll)
    assert [measurement for _, measurement in event.objects] == [None] * 250


async def test_of_two_entries_for_one_pod_the_later_counts(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [V1, listed(metrics("a", "1m"), metrics("a", "9m"))]

    assert usages(await poller.attempt()) == {"a": (9, 2)}


@pytest.mark.parametrize("items", [[], None])
async def test_an_empty_list_is_a_list(script: Script, poller: Poller[Measurement], items: object) -> None:
    script.answers = [V1, body(json.dumps({"kind": "PodMetricsList", "metadata": {}, "items": items}).encode())]

    assert usages(await poller.attempt()) == {}


@pytest.mark.parametrize(
    ("answer", "sentence", "refused"),
    [
        (
            failure(404, "NotFound", "the server could not find the requested resource"),
            "answers 404 NotFound",
            True,
        ),
        (failure(403, "Forbidden", "pods.metrics.k8s.io is forbidden"), "answers 403 Forbidden", True),
        (body(b"service unavailable\n", 503, "text/plain; charset=utf-8"), "answers 503", False),
        (failure(429, "TooManyRequests", "slow down"), "answers 429", False),
        (body(b'{"kind":"PodMetricsList","items":[{'), "cannot be decoded", False),
        (body(b'{"kind":"PodMetricsList","items":{}}'), "cannot be decoded", False),
        (body(b'{"kind":"PodList","metadata":{},"items":[]}'), "it is a PodList, not a PodMetricsList", False),
        (body(b"\xff\xfe"), "cannot be decoded", False),
        (body(b"<h1>Sign in</h1>", media_type="text/html"), "answers text/html", False),
        (cut(b'{"kind":', 500), "the answer broke off", False),
    ],
)
async def test_a_response_that_is_no_list_is_an_error_and_retried(
    script: Script, poller: Poller[Measurement], answer: Answer, sentence: str, refused: bool
) -> None:
    script.answers = [V1, answer, V1, listed(metrics("a"))]

    event = await poller.attempt()

    assert isinstance(event, WatchError)
    assert sentence in str(event.error)
    assert event.refused is refused
    assert usages(await poller.attempt()) == {"a": (2, 2)}


async def test_a_list_is_polled_again_and_again(script: Script, upstream: Upstream) -> None:
    script.answers = [V1, *(listed(metrics("a", f"{n}m")) for n in range(3))]

    async with aclosing(poll(upstream, PODS, TIMING)) as event:
        seen = [usages(await anext(event)) for _ in range(3)]

    assert seen == [{"a": (0, 2)}, {"a": (1, 2)}, {"a": (2, 2)}]


async def test_the_interval_is_jittered(script: Script, upstream: Upstream) -> None:
    poller = Poller(upstream, PODS, PollTiming(interval_s=100))
    script.answers = [V1, *([listed()] * 10), V1, *([listed()] * 10)]

    pauses_s = set()
    for _ in range(20):
        await poller.attempt()
        pauses_s.add(poller.pause_s)

    assert len(pauses_s) == 20
    assert all(90 <= pause_s <= 110 for pause_s in pauses_s)


async def test_failed_attempts_back_off_and_a_list_returns_to_the_interval(
    script: Script, upstream: Upstream
) -> None:
    poller = Poller(upstream, PODS, PollTiming(interval_s=40))
    script.answers = [failure(404, "NotFound") for _ in range(20)]

    pauses_s = []
    for _ in range(20):
        await poller.attempt()
        pauses_s.append(poller.pause_s)
    script.answers = [V1, listed(), failure(500)]
    await poller.attempt()
    regular_s = poller.pause_s
    await poller.attempt()

    assert [5 * 2**n <= pause_s <= 10 * 2**n for n, pause_s in enumerate(pauses_s[:6])] == [True] * 6
    assert all(200 <= pause_s <= 400 for pause_s in pauses_s[6:])
    assert 36 <= regular_s <= 44
    assert 5 <= poller.pause_s <= 10


async def test_retry_after_is_respected_up_to_the_longest_backoff(script: Script, upstream: Upstream) -> None:
    poller = Poller(upstream, PODS, PollTiming(interval_s=40))
    script.answers = [failure(503, headers=f"Retry-After: {seconds}\r\n") for seconds in (120, 86_400)]

    await poller.attempt()
    asked_s = poller.pause_s
    await poller.attempt()

    assert (asked_s, poller.pause_s) == (120, 400)


@pytest.mark.parametrize(("interval_s", "valid_for_s"), [(10, 90), (30, 90), (60, 180)])
def test_a_list_is_valid_for_three_intervals_and_at_least_90_s(interval_s: float, valid_for_s: float) -> None:
    assert PollTiming(interval_s=interval_s).valid_for_s == valid_for_s


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged from INFO on."""
    caplog.set_level(logging.INFO)
    return caplog


async def test_a_cluster_without_metrics_is_logged_once(
    script: Script, poller: Poller[Measurement], logged: pytest.LogCaptureFixture
) -> None:
    script.answers = [failure(404, "NotFound") for _ in range(3)]

    for _ in range(3):
        await poller.attempt()

    assert [(record.levelname, record.getMessage()) for record in logged.records] == [
        ("INFO", "list or watch failed")
    ]


async def test_a_failure_and_the_recovery_are_logged(
    script: Script, poller: Poller[Measurement], logged: pytest.LogCaptureFixture
) -> None:
    script.answers = [V1, listed(), failure(403, "Forbidden"), V1, listed(), listed()]

    for _ in range(4):
        await poller.attempt()

    assert [(record.levelname, record.getMessage()) for record in logged.records] == [
        ("WARNING", "list or watch failed"),
        ("INFO", "list or watch recovered"),
    ]


async def test_a_status_error_is_passed_on(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [V1, failure(403, "Forbidden", "pods.metrics.k8s.io is forbidden")]

    event = await poller.attempt()

    assert isinstance(event, WatchError)
    assert isinstance(event.error, StatusError)
    assert event.error.message == "pods.metrics.k8s.io is forbidden"


def lists(script: Script) -> list[str]:
    """The versions in which lists were requested, and `group` for each request of the discovery document."""
    return [request.path.split("/")[3] if request.path.count("/") > 2 else "group" for request in script.requests]


@pytest.mark.parametrize(
    ("discovered", "version"), [(V1BETA1, "v1beta1"), (V1, "v1"), (BOTH, "v1"), (offered("v2", "v1beta1"), "v1beta1")]
)
async def test_the_newest_version_that_is_offered_is_listed(
    script: Script, poller: Poller[Measurement], discovered: Answer, version: str
) -> None:
    script.answers = [discovered, listed(metrics("a"))]

    assert usages(await poller.attempt()) == {"a": (2, 2)}
    assert lists(script) == ["group", version]


@pytest.mark.parametrize("code", [404, 406, 502, 503, 504])
async def test_a_version_whose_backend_does_not_respond_hides_no_older_one(
    script: Script, poller: Poller[Measurement], code: int
) -> None:
    script.answers = [BOTH, failure(code), listed(metrics("a", "1m")), listed(metrics("a", "2m"))]

    assert usages(await poller.attempt()) == {"a": (1, 2)}
    assert usages(await poller.attempt()) == {"a": (2, 2)}
    assert lists(script) == ["group", "v1", "v1beta1", "v1beta1"]


@pytest.mark.parametrize("code", [401, 403, 429, 500])
async def test_other_errors_hold_for_every_version(script: Script, poller: Poller[Measurement], code: int) -> None:
    # A request that is answered with 401 is repeated with credentials that are read again.
    script.answers = [BOTH, failure(code), failure(code)]

    event = await poller.attempt()

    assert isinstance(event, WatchError)
    assert f"v1/pods answers {code}" in str(event.error)
    assert "v1beta1" not in lists(script)


async def test_without_any_version_that_responds_the_error_is_that_of_the_newest(
    script: Script, poller: Poller[Measurement]
) -> None:
    script.answers = [BOTH, failure(503), failure(404)]

    event = await poller.attempt()

    assert isinstance(event, WatchError)
    assert "/v1/pods answers 503" in str(event.error)


async def test_a_version_that_disappears_is_left_within_one_attempt(
    script: Script, poller: Poller[Measurement]
) -> None:
    script.answers = [
        BOTH,
        listed(metrics("a", "1m")),
        failure(404, "NotFound"),
        V1BETA1,
        listed(metrics("a", "2m")),
    ]

    assert usages(await poller.attempt()) == {"a": (1, 2)}
    assert usages(await poller.attempt()) == {"a": (2, 2)}
    assert lists(script) == ["group", "v1", "v1", "group", "v1beta1"]


async def test_a_newer_version_is_looked_for_at_every_tenth_list(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [V1BETA1, *([listed()] * 10), BOTH, *([listed()] * 10)]

    for _ in range(20):
        assert isinstance(await poller.attempt(), Poll)

    assert lists(script) == ["group", *["v1beta1"] * 10, "group", *["v1"] * 10]


async def test_a_version_stays_while_discovery_fails(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [V1BETA1, *([listed()] * 10), failure(500), listed(metrics("a"))]

    for _ in range(10):
        await poller.attempt()

    assert usages(await poller.attempt()) == {"a": (2, 2)}


async def test_without_the_right_to_discover_all_versions_are_tried(
    script: Script, poller: Poller[Measurement]
) -> None:
    script.answers = [failure(403, "Forbidden"), failure(404, "NotFound"), listed(metrics("a"))]

    assert usages(await poller.attempt()) == {"a": (2, 2)}
    assert lists(script) == ["group", "v1", "v1beta1"]


async def test_versions_that_cannot_be_read_are_named(script: Script, poller: Poller[Measurement]) -> None:
    script.answers = [offered("v1alpha1", "v2")]

    event = await poller.attempt()

    assert isinstance(event, WatchError)
    assert str(event.error) == (f"{script.url} serves metrics.k8s.io in v1alpha1, v2, and kubesum reads v1, v1beta1")
