"""Every metric, label and column of the dashboards and alert rules is one of the demo, and its cluster fills them."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.monitoring.__main__ import contents
from deploy.monitoring.alerts import ALERTS
from deploy.monitoring.clusterdashboard import cluster_dashboard
from deploy.monitoring.infinitydashboard import infinity_dashboard
from deploy.monitoring.serverdashboard import server_dashboard
from tests.commands.running import ROOT, Ready, ready
from tests.monitoring.promql import SELECTOR, Samples, evaluated

in_module = pytest.mark.asyncio(loop_scope="module")

SIZE = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "5")
JsonObject = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo."""
    home = tmp_path_factory.mktemp("demo")
    async with ready(home, "demo", *SIZE, "--kubeconfig-out", str(home / "demo.kubeconfig")) as demo:
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def samples(demo: Ready) -> Samples:
    """A scrape of it, after it was asked for all kinds of things."""
    await demo.kubectl("get", "summaries", "-A")
    await demo.kubectl("get", "nosum", "worker-a-04")
    await demo.kubectl("wait", "nosum/worker-a-04", "--for=jsonpath={.status.ready}=True")
    pods = json.loads((await demo.kubectl("get", "pods", "-n", "kubesum-system", "-o", "json")).out)["items"]
    pod = next(pod["metadata"]["name"] for pod in pods)
    port = pods[0]["spec"]["containers"][0]["ports"][0]["containerPort"]
    scraped = await demo.kubectl(
        "get", "--raw", f"/api/v1/namespaces/kubesum-system/pods/https:{pod}:{port}/proxy/metrics"
    )
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(scraped.out):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def test_the_files_are_what_the_generator_makes() -> None:
    assert {path: path.read_text() for path in contents()} == contents()


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression, with where it stands."""
    for dashboard in (cluster_dashboard(), server_dashboard()):
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{dashboard['title']}: {panel['title']}", target["expr"]
    for alert in ALERTS:
        yield alert.name, alert.expr


# Counters of what has not happened yet have no series; kube-apiserver has authorized what it forwards.
SILENT = (
    "apiserver_delegated_authz_request_total",
    "apiserver_delegated_authn_request_total",
    "kubesum_relists_total",
    "kubesum_watch_restarts_total",
    "apiserver_request_terminations_total",
    "kubesum_connections_refused_total",
    "kubesum_watches_cut_total",
)


@in_module
async def test_every_metric_and_label_is_served(samples: Samples) -> None:
    page = (ROOT / "docs" / "metrics.md").read_text()
    for where, expression in expressions():
        selectors = [*SELECTOR.finditer(expression)]
        assert selectors, where
        labels: set[str] = set()
        for selector in selectors:
            name = selector["name"]
            if name in SILENT:
                (line,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
                labels.update(re.findall(r"`([a-z_]+)`", line))
            else:
                assert name in samples, (where, name)
                labels.update(label for of_sample, _ in samples[name] for label in of_sample)
            for label in re.findall(r'([a-z_]+)\s*(?:=~|!=|=)\s*"', selector["matchers"]):
                assert label in labels, (where, label)
        for grouped in re.findall(r"by \(([a-z_, ]+)\)", expression):
            assert {label.strip() for label in grouped.split(",")} <= labels, (where, grouped)


def cluster_targets() -> list[tuple[str, str]]:
    """The title and the expression of each target of the dashboard of the cluster."""
    return [
        (panel["title"], target["expr"]) for panel in cluster_dashboard()["panels"] for target in panel["targets"]
    ]


@in_module
@pytest.mark.parametrize(("title", "expression"), cluster_targets())
async def test_no_panel_of_the_cluster_is_empty(samples: Samples, title: str, expression: str) -> None:
    assert evaluated(expression, samples), title


@in_module
async def test_the_panels_show_what_kubectl_shows(demo: Ready, samples: Samples) -> None:
    nodes = json.loads((await demo.kubectl("get", "nosum", "-o", "json")).out)["items"]

    allocatable = evaluated('max by (node) (kubesum_node_allocatable{resource="memory"})', samples)

    assert {dict(labels)["node"] for labels in allocatable} == {node["metadata"]["name"] for node in nodes}
    assert evaluated('max(kubesum_cluster_nodes{state="total"})', samples) == {frozenset(): len(nodes)}


@in_module
async def test_the_queries_of_infinity_find_their_columns(demo: Ready) -> None:
    for panel in infinity_dashboard()["panels"]:
        (target,) = panel["targets"]
        listed = await demo.kubectl("get", "--raw", target["url"].replace("%3D", "="))
        items = json.loads(listed.out)[target["root_selector"]]
        assert items, panel["title"]
        for column in target["columns"]:
            values = [value_at(item, column["selector"]) for item in items]
            of_type = {"string": str, "number": int, "timestamp": str}[column["type"]]
            assert any(isinstance(value, of_type) for value in values), (panel["title"], column)


def value_at(item: Any, path: str) -> Any:
    """The value at a path of names, None where there is none."""
    for name in path.split("."):
        item = item.get(name) if isinstance(item, dict) else None
    return item


def test_each_alert_has_its_section_in_the_runbook() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text()

    assert [f"### {alert.name}\n" in runbook for alert in ALERTS] == [True] * len(ALERTS)


def test_the_rules_of_the_chart_are_those_of_deploy() -> None:
    rule: JsonObject = yaml.safe_load((ROOT / "deploy" / "prometheusrule.yaml").read_text())
    chart: JsonObject = yaml.safe_load((ROOT / "helm" / "kubesum" / "files" / "prometheusrule.yaml").read_text())

    assert rule["spec"] == chart
    assert len({alert.name for alert in ALERTS}) == len(ALERTS)


def test_panels_do_not_overlap() -> None:
    for dashboard in (cluster_dashboard(), server_dashboard(), infinity_dashboard()):
        taken: set[tuple[int, int]] = set()
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert not cells & taken, panel["title"]
            assert place["x"] + place["w"] <= 24
            taken |= cells
