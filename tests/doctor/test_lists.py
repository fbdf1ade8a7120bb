"""The checks of lists, informers and the metrics API, in front of a scripted API server."""

from datetime import UTC, datetime
from typing import Any

import pytest

from kubesum.doctor.checks.informers import check_informers
from kubesum.doctor.checks.lists import check_lists
from kubesum.doctor.checks.metricsapi import check_metrics_api
from kubesum.doctor.views import Container, PodSpec
from kubesum.resources import nodesummaries, podsummaries
from tests.doctor.scriptedcluster import Scripted, json_body
from tests.unit.kube.scriptedserver import body, failure

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


async def test_users_that_kubesum_treats_as_anonymous(scripted: Scripted) -> None:
    lost = (
        'podsummaries.summary.kubesum.dev is forbidden: User "system:anonymous" cannot list resource "podsummaries"'
    )
    scripted.script.answers += [failure(403, "Forbidden", lost), failure(403, "Forbidden", lost)]

    answered = await check_lists(
        scripted.cluster, scripted.report, [nodesummaries.RESOURCE, podsummaries.RESOURCE], lambda: 0.0
    )

    assert answered == set()
    assert scripted.lines == [
        "FAIL  list of nodesummaries, podsummaries: kubesum treats the user as anonymous, because it does not accept "
        "the front proxy; see the ConfigMap extension-apiserver-authentication"
    ]


async def test_lists_with_warnings_of_old_data(scripted: Scripted) -> None:
    both = 'Warning: 299 - "data for pods is 4m old", 299 - "data for nodes is 2m31s old"\r\n'
    pods = 'Warning: 299 - "data for pods is 4m old"\r\n'
    scripted.script.answers += [body(b"{}", headers=both), body(b"{}", headers=pods)]
    resources = [nodesummaries.RESOURCE, podsummaries.RESOURCE]

    await check_lists(scripted.cluster, scripted.report, resources, lambda: 0.0)

    assert scripted.lines == [
        "warn  lists: data for pods is 4m old; kubesum's watches of the API server fail: see its log",
        "warn  lists: data for nodes is 2m31s old; kubesum's watches of the API server fail: see its log",
        "ok    list of nodesummaries (0 ms), podsummaries (0 ms)",
    ]


async def test_an_api_server_whose_availability_check_verifies_no_certificate(scripted: Scripted) -> None:
    """Before Kubernetes 1.36 the APIService is available, and every request of a user fails."""
    text = b"error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n"  # noqa: E501
    scripted.script.answers += [body(text, 503, "text/plain; charset=utf-8")]

    await check_lists(scripted.cluster, scripted.report, [nodesummaries.RESOURCE], lambda: 0.0)

    assert scripted.lines == [
        "FAIL  list of nodesummaries: 503 error trying to reach service: tls: failed to verify certificate: x509: "
        "certificate signed by unknown authority; caBundle does not contain the CA of kubesum's certificate: see "
        "caBundle"
    ]


async def test_informers_that_are_not_synced(scripted: Scripted) -> None:
    sources = [
        {"resource": "nodes", "synced": False, "lastTransitionTime": "2026-05-04T11:56:00Z"},
        {"resource": "pods", "synced": True, "lastTransitionTime": "2026-05-04T09:00:00Z"},
        {"resource": "pods.metrics.k8s.io", "synced": False, "lastTransitionTime": "2026-05-04T09:00:00Z"},
    ]
    scripted.script.answers += [
        json_body({"status": {"sources": sources}}),
        json_body({"status": {"sources": sources[1:]}}),
    ]

    await check_informers(scripted.cluster, scripted.report, NOW)
    await check_informers(scripted.cluster, scripted.report, NOW)

    assert scripted.lines == [
        "FAIL  informers: not synced: nodes (for 4m); their data may be old, see the permissions above, and the log "
        "of kubesum",
        "ok    informers: 1 of 1 synced",
    ]


BOTH = json_body({"versions": [{"version": "v1"}, {"version": "v1beta1"}]})
OLD = json_body({"versions": [{"version": "v1beta1"}]})
RESOURCES = json_body({"resources": []})
UNAVAILABLE = body(b"service unavailable\n", 503, "text/plain")


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        ([BOTH, RESOURCES], "ok    metrics.k8s.io: it is served (v1)"),
        ([OLD, RESOURCES], "ok    metrics.k8s.io: it is served (v1beta1)"),
        ([BOTH, UNAVAILABLE, RESOURCES], "ok    metrics.k8s.io: it is served (v1beta1)"),
        (
            [failure(404, "NotFound", "not found")],
            "warn  metrics.k8s.io: it is not served, so usage is not shown; metrics-server serves it",
        ),
        (
            [json_body({"versions": [{"version": "v2"}]})],
            "warn  metrics.k8s.io: it is not served, so usage is not shown; metrics-server serves it",
        ),
        (
            [OLD, UNAVAILABLE],
            "warn  metrics.k8s.io: {url}/apis/metrics.k8s.io/v1beta1 answers 503: X; usage is not shown until it "
            "answers, see metrics-server",
        ),
    ],
)
async def test_the_metrics_api(scripted: Scripted, answers: list[Any], line: str) -> None:
    scripted.script.answers += answers

    await check_metrics_api(scripted.cluster, scripted.report, None)

    assert scripted.lines == [line.format(url=scripted.script.url)]


@pytest.mark.parametrize("interval", ["0", "0s", "00s", "0m", "0h0m0s"])
async def test_the_metrics_api_is_skipped_if_usage_is_switched_off(scripted: Scripted, interval: str) -> None:
    await check_metrics_api(
        scripted.cluster, scripted.report, PodSpec(containers=(Container(args=("--usage-interval", interval)),))
    )

    assert scripted.lines == ["skip  metrics.k8s.io: not read, because --usage-interval is 0"]


@pytest.mark.parametrize("argument", ["--usage-interval=1m", "--usage-interval=$(INTERVAL)", "--secure-port=10250"])
async def test_the_metrics_api_is_checked_unless_the_interval_is_zero(scripted: Scripted, argument: str) -> None:
    scripted.script.answers += [BOTH, RESOURCES]

    await check_metrics_api(scripted.cluster, scripted.report, PodSpec(containers=(Container(args=(argument,)),)))

    assert scripted.lines == ["ok    metrics.k8s.io: it is served (v1)"]


async def test_control_characters_in_responses_are_replaced(scripted: Scripted) -> None:
    """With them a server could forge a line, or clear the screen."""
    text = b"\x1b[2J\x1b]0;owned\x07\nok    all is well\xc2\x9b\xe2\x80\xae\r"
    scripted.script.answers += [body(b"{}", headers='Warning: 299 - "\x1b[8m data"\r\n')]
    scripted.script.answers += [body(text + b"!", 503, "text/html")]

    await check_lists(scripted.cluster, scripted.report, [nodesummaries.RESOURCE, podsummaries.RESOURCE], lambda: 0.0)

    assert scripted.lines == [
        "FAIL  list of podsummaries: 503 ?[2J?]0;owned??ok    all is well???!",
        "warn  lists: ?[8m data; kubesum's watches of the API server fail: see its log",
        "ok    list of nodesummaries (0 ms)",
    ]
