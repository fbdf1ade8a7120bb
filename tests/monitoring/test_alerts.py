"""Each alert fires for what its section of the runbook says, and none where all is well."""

import re

import pytest

from deploy.monitoring.alerts import ALERTS
from tests.commands.running import ROOT
from tests.monitoring.conftest import Scraped
from tests.monitoring.expressions import OF_ALERTS
from tests.monitoring.promql import Scrape, evaluated
from tests.monitoring.scraping import TARGET, scrape

# A range of Prometheus 3 is without its beginning.
RANGE_S = 899.99

# By alert, what is scraped at the beginning and at the end of its range; the time is that of the second scrape.
WELL = ("kubesum_event_loop_lag_seconds_count 1", "kubesum_event_loop_lag_seconds_count 9000")
RUNNING = "\nkubesum_event_loop_lag_seconds_count 9000"
FIRING = {
    "KubesumDown": ("", ""),
    "KubesumNotSynced": (
        "",
        'kubesum_informer_synced{resource="pods"} 0\nkubesum_informer_synced{resource="nodes"} 1',
    ),
    "KubesumStale": (
        "",
        'kubesum_informer_in_step{resource="pods"} 0\nkubesum_informer_in_step{resource="nodes"} 1\n'
        'kubesum_informer_synced{resource="pods"} 1\nkubesum_informer_synced{resource="nodes"} 1',
    ),
    "KubesumCertificateExpires": ("", "kubesum_serving_cert_not_after_seconds 605698"),
    "KubesumErrors": (
        'apiserver_request_total{group="g",code="200"} 0\napiserver_request_total{group="g",code="503"} 0',
        'apiserver_request_total{group="g",code="200"} 94\napiserver_request_total{group="g",code="503"} 6' + RUNNING,
    ),
    "KubesumRejectsRequests": (
        'apiserver_request_terminations_total{code="429"} 0',
        'apiserver_request_terminations_total{code="429"} 91' + RUNNING,
    ),
    "KubesumWatchesCut": (
        'kubesum_watches_cut_total{resource="pods"} 3',
        'kubesum_watches_cut_total{resource="pods"} 14',
    ),
    "KubesumBlocked": (
        'kubesum_event_loop_lag_seconds_bucket{le="0.5"} 0\nkubesum_event_loop_lag_seconds_bucket{le="1.0"} 0\n'
        'kubesum_event_loop_lag_seconds_bucket{le="+Inf"} 0',
        'kubesum_event_loop_lag_seconds_bucket{le="0.5"} 980\nkubesum_event_loop_lag_seconds_bucket{le="1.0"} 1000\n'
        'kubesum_event_loop_lag_seconds_bucket{le="+Inf"} 1000',
    ),
}
# The same, short of it.
SILENT = {
    "KubesumDown": WELL,
    "KubesumNotSynced": ("", FIRING["KubesumNotSynced"][1].replace(" 0", " 1")),
    "KubesumStale": ("", FIRING["KubesumStale"][1].replace(" 0", " 1")),
    "KubesumCertificateExpires": ("", "kubesum_serving_cert_not_after_seconds 605700"),
    "KubesumErrors": (
        FIRING["KubesumErrors"][0],
        FIRING["KubesumErrors"][1].replace(" 94", " 95").replace(" 6", " 5"),
    ),
    "KubesumRejectsRequests": (
        FIRING["KubesumRejectsRequests"][0],
        FIRING["KubesumRejectsRequests"][1].replace(" 91", " 89"),
    ),
    "KubesumWatchesCut": (FIRING["KubesumWatchesCut"][0], FIRING["KubesumWatchesCut"][1].replace(" 14", " 12")),
    "KubesumBlocked": (FIRING["KubesumBlocked"][0], FIRING["KubesumBlocked"][1].replace(" 980", " 1000")),
}
LABELS_FIRING = {
    "KubesumNotSynced": {"resource": "pods"},
    "KubesumStale": {"resource": "pods"},
    "KubesumWatchesCut": {"resource": "pods"},
    "KubesumBlocked": TARGET,
}


def scrapes(texts: tuple[str, str], **target: str) -> list[Scrape]:
    """Of the texts, at the beginning and at the end of the range of alerts."""
    return [scrape(f"{text}\n", at, **target) for text, at in zip(texts, (0.0, RANGE_S), strict=True)]


def test_each_alert_is_tried() -> None:
    assert [*FIRING] == [*SILENT] == [alert.name for alert in ALERTS]


@pytest.mark.parametrize(("name", "expression"), OF_ALERTS)
def test_an_alert_fires(name: str, expression: str) -> None:
    fired = evaluated(expression, *scrapes(FIRING[name]))

    assert [dict(labels) for labels in fired] == [LABELS_FIRING.get(name, {})]


@pytest.mark.parametrize(("name", "expression"), OF_ALERTS)
def test_an_alert_is_silent_short_of_it(name: str, expression: str) -> None:
    assert evaluated(expression, *scrapes(SILENT[name])) == {}


@pytest.mark.parametrize("name", ["KubesumErrors", "KubesumRejectsRequests"])
def test_an_alert_is_silent_about_other_servers(name: str) -> None:
    """What kube-apiserver rejects or fails to answer is no matter of kubesum."""
    (expression,) = (alert.expr for alert in ALERTS if alert.name == name)
    texts = (FIRING[name][0], FIRING[name][1].removesuffix(RUNNING))

    assert evaluated(expression, *scrapes(texts, job="apiserver", instance="10.0.0.1:6443")) == {}


@pytest.mark.asyncio(loop_scope="package")
@pytest.mark.parametrize(("name", "expression"), OF_ALERTS)
async def test_no_alert_fires_in_the_demo(of_demo: Scraped, name: str, expression: str) -> None:
    assert evaluated(expression, *of_demo.scrapes) == {}, name


def test_each_alert_has_its_section_in_the_runbook() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text()

    assert re.findall(r"^### (Kubesum\w+)$", runbook, re.MULTILINE) == [alert.name for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_texts_name_only_labels_that_the_alert_has(alert: object) -> None:
    rule = next(one.rule for one in ALERTS if one is alert)
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))

    assert named <= set(LABELS_FIRING.get(rule["alert"], {}))
    assert all(rule["annotations"][key] for key in ("summary", "description", "runbook_url"))
