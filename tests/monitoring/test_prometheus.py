"""What the other tests evaluate by themselves, a real Prometheus finds as well."""

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from deploy.monitoring.alerts import groups
from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.server.runtime import Limits
from kubesum.vocabulary.defaults import ROLLUP_METRICS
from tests.chart.rendering import objects
from tests.chart.valuesets import MONITORED
from tests.computation import JsonObject
from tests.monitoring.conftest import Scraped
from tests.monitoring.expressions import EVERY, OF_ALERTS, OF_SERVER
from tests.monitoring.prometheus import prometheus, promtool
from tests.monitoring.promql import Scrape, evaluated, filled
from tests.monitoring.scraping import scrapes
from tests.monitoring.test_alerts import FIRING, SECONDS, SILENT
from tests.monitoring.test_promql import AFTER, BEFORE, EXPRESSIONS
from tests.monitoring.test_server_panels import SCRAPES
from tests.serving.runningserver import RunningServer, V, eventually, running_server

# Beyond the longest range and the five minutes for which a series is remembered.
APART_S = 1800.0


def moved(scrapes: Sequence[Scrape], to: float) -> list[Scrape]:
    """The same, the last one at this time."""
    return [Scrape(one.at + to - scrapes[-1].at, one.samples) for one in scrapes]


@pytest.mark.asyncio(loop_scope="package")
async def test_prometheus_finds_the_same(of_demo: Scraped, of_faults: Scraped, tmp_path: Path) -> None:
    groups_of_cases: list[tuple[Sequence[str], Sequence[Scrape]]] = [
        ([expression for expression, _ in EXPRESSIONS], (BEFORE, AFTER)),
        ([expression for _, expression in OF_SERVER], SCRAPES),
        ([expression for _, expression in EVERY], of_demo.scrapes),
        ([expression for _, expression in EVERY], of_faults.scrapes),
        *(
            ([expression], scrapes(tables[name], SECONDS))
            for name, expression in OF_ALERTS
            for tables in (FIRING, SILENT)
        ),
    ]
    now = time.time()
    placed = [
        (asked, moved(of, now + (at - len(groups_of_cases)) * APART_S))
        for at, (asked, of) in enumerate(groups_of_cases)
    ]
    different = {}

    async with prometheus(tmp_path, [scrape for _, of in placed for scrape in of]) as real:
        for asked, of in placed:
            for expression in asked:
                ours, theirs = evaluated(expression, *of), await real.evaluated(filled(expression), of[-1].at)
                if ours != pytest.approx(theirs, rel=1e-4, nan_ok=True):
                    different[expression] = (ours, theirs)

    assert different == {}


@pytest.mark.asyncio(loop_scope="package")
async def test_prometheus_scrapes_a_server(tmp_path: Path) -> None:
    """With the labels that a ServiceMonitor adds, a namespace stays that of its summary."""
    limits = Limits(rollup_metrics=tuple(ROLLUP_METRICS.values()))
    async with (
        running_server(tmp_path, limits) as server,
        prometheus(tmp_path, settings=scraping(server)) as real,
    ):
        listed = await server.forwarded(f"{V}/namespacesummaries", "root", "system:masters")

        async def is_scraped() -> bool:
            return bool(await real.evaluated("kubesum_namespace_pods", time.time()))

        await eventually(is_scraped)
        by_namespace = await real.evaluated("count by (namespace) (kubesum_namespace_pods)", time.time())

    assert {dict(labels)["namespace"] for labels in by_namespace} == {
        one["metadata"]["name"] for one in listed.json["items"]
    }


def scraping(server: RunningServer) -> JsonObject:
    """Settings with this server as the one target."""
    certificate, key = server.pki.people["admin"].write(server.home, "admin")
    authority = server.home / "authority.crt"
    authority.write_bytes(server.authority.certificate)
    target = {"targets": [f"127.0.0.1:{server.port}"], "labels": {"namespace": "kubesum-system"}}
    tls = {
        "ca_file": str(authority),
        "cert_file": str(certificate),
        "key_file": str(key),
        "server_name": SERVICE_HOST,
    }
    [monitor] = [one for one in objects(MONITORED) if one["kind"] == "ServiceMonitor"]
    job = {"job_name": "kubesum", "scheme": "https", "tls_config": tls, "static_configs": [target]}
    honors = monitor["spec"]["endpoints"][0]["honorLabels"]
    return {"scrape_configs": [job | {"scrape_interval": "1s", "scrape_timeout": "1s", "honor_labels": honors}]}


def test_the_alerts_are_rules_of_prometheus(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": groups()}))

    assert f"SUCCESS: {len(OF_ALERTS)} rules found" in promtool("check", "rules", rules)
