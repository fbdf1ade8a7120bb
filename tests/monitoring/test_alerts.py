"""Each alert fires for what its section of the runbook says, and none where all is well."""

import re

import pytest

from deploy.monitoring.alerts import ALERTS
from tests.commands.running import ROOT
from tests.monitoring.conftest import Scraped
from tests.monitoring.expressions import OF_ALERTS
from tests.monitoring.promql import evaluated
from tests.monitoring.scraping import scrapes

# A range of Prometheus 3 is without its beginning.
SECONDS = 899.99

RUNNING = "kubesum_event_loop_lag_seconds_count 9000 9000 #\n"
# By alert, what two replicas and a target that is none serve when it fires.
FIRING = {
    "KubesumDown": """
process_resident_memory_bytes # # 9000
""",
    "KubesumNotSynced": """
kubesum_informer_synced{resource="pods"} 1 0 #
kubesum_informer_synced{resource="nodes"} 1 1 #
""",
    "KubesumStale": """
kubesum_informer_synced{resource="pods"} 1 1 #
kubesum_informer_synced{resource="nodes"} 1 1 #
kubesum_informer_synced{resource="jobs"} 0 0 #
kubesum_informer_in_step{resource="pods"} 1 0 #
kubesum_informer_in_step{resource="nodes"} 1 1 #
kubesum_informer_in_step{resource="jobs"} 0 0 #
kubesum_informer_in_step{resource="nodes.metrics.k8s.io"} 0 0 #
""",
    "KubesumCertificateExpires": """
kubesum_serving_cert_not_after_seconds 9000000 605698 #
""",
    "KubesumErrors": RUNNING
    + """
apiserver_request_total{group="g",code="200"} 900 46 90000
apiserver_request_total{group="g",code="503"} 30 24 0
apiserver_request_total{group="",code="200"} 9000 9000 9000
""",
    "KubesumRejectsRequests": RUNNING
    + """
apiserver_request_terminations_total{code="429"} 45 47 0
""",
    "KubesumMemoryShort": """
kubesum_memory_pressure 1 2 #
""",
    "KubesumWatchesCut": """
kubesum_watches_cut_total{resource="pods"} 5 6 #
kubesum_watches_cut_total{resource="nodes"} 1 1 #
""",
    "KubesumBlocked": """
kubesum_event_loop_lag_seconds_bucket{le="0.5"} 1000 989.5 #
kubesum_event_loop_lag_seconds_bucket{le="1.0"} 1000 1000 #
kubesum_event_loop_lag_seconds_bucket{le="+Inf"} 1000 1000 #
""",
}
# The same, short of it.
SILENT = {
    "KubesumDown": RUNNING,
    "KubesumNotSynced": """
kubesum_informer_synced{resource="pods"} 1 1 #
kubesum_informer_synced{resource="nodes"} 1 1 #
""",
    "KubesumStale": FIRING["KubesumStale"].replace(" 1 0 #", " 1 1 #"),
    "KubesumCertificateExpires": FIRING["KubesumCertificateExpires"].replace(" 605698 ", " 605700 "),
    "KubesumErrors": RUNNING
    + """
apiserver_request_total{group="g",code="200"} 900 51 9000
apiserver_request_total{group="g",code="503"} 25 24 90000
apiserver_request_total{group="",code="503"} 9000 9000 9000
""",
    "KubesumRejectsRequests": RUNNING
    + """
apiserver_request_terminations_total{code="429"} 44 45 9000
""",
    "KubesumMemoryShort": """
kubesum_memory_pressure 1 1 #
""",
    "KubesumWatchesCut": """
kubesum_watches_cut_total{resource="pods"} 5 4 #
kubesum_watches_cut_total{resource="nodes"} 5 4 #
""",
    "KubesumBlocked": FIRING["KubesumBlocked"].replace(" 989.5 ", " 991 "),
}
LABELS_FIRING = {
    "KubesumNotSynced": {"resource": "pods"},
    "KubesumStale": {"resource": "pods"},
    "KubesumWatchesCut": {"resource": "pods"},
    "KubesumMemoryShort": {"job": "kubesum", "instance": "two"},
    "KubesumBlocked": {"job": "kubesum", "instance": "two"},
}


def test_each_alert_is_tried() -> None:
    assert [*FIRING] == [*SILENT] == [alert.name for alert in ALERTS]


@pytest.mark.parametrize(("name", "expression"), OF_ALERTS)
def test_an_alert_fires(name: str, expression: str) -> None:
    fired = evaluated(expression, *scrapes(FIRING[name], SECONDS))

    assert [dict(labels) for labels in fired] == [LABELS_FIRING.get(name, {})]


@pytest.mark.parametrize(("name", "expression"), OF_ALERTS)
def test_an_alert_is_silent_short_of_it(name: str, expression: str) -> None:
    assert evaluated(expression, *scrapes(SILENT[name], SECONDS)) == {}


@pytest.mark.asyncio(loop_scope="package")
async def test_no_alert_fires_in_the_demo(of_demo: Scraped) -> None:
    fired = {name for name, expression in OF_ALERTS if evaluated(expression, *of_demo.scrapes)}

    # The machine of the tests may stall, which is one second of fifteen minutes.
    assert fired - {"KubesumBlocked"} == set()


def test_each_alert_has_its_section_in_the_runbook() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text()

    assert re.findall(r"^### (Kubesum\w+)$", runbook, re.MULTILINE) == [alert.name for alert in ALERTS]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
def test_texts_name_only_labels_that_the_alert_has(alert: object) -> None:
    rule = next(one.rule for one in ALERTS if one is alert)
    named = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))

    assert named <= set(LABELS_FIRING.get(rule["alert"], {}))
    assert all(rule["annotations"][key] for key in ("summary", "description", "runbook_url"))
