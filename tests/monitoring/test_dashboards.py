"""The dashboards are what the generator makes, and what they ask for is served by a demo and a server with faults."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import promql_parser as ast
import pytest
import yaml

from deploy.monitoring.__main__ import contents
from deploy.monitoring.clusterdashboard import cluster_dashboard
from deploy.monitoring.infinitydashboard import infinity_dashboard
from deploy.monitoring.panels import JsonObject
from deploy.monitoring.serverdashboard import server_dashboard
from tests.commands.running import ROOT, Ready
from tests.monitoring.conftest import Scraped
from tests.monitoring.expressions import EVERY, OF_CLUSTER, OF_SERVER
from tests.monitoring.promql import Scrape, Vector, evaluated, grouped_by, nodes, parsed
from tests.monitoring.scraping import TARGET, labels, names, scrape, together

in_package = pytest.mark.asyncio(loop_scope="package")

DASHBOARDS = (cluster_dashboard(), server_dashboard(), infinity_dashboard())

HAPPENED: Mapping[str, Mapping[str, float]] = {
    "Requests by verb A": {"GET": 1, "LIST": 5, "WATCH": 1},
    "Requests by code A": {"401": 1, "403": 2, "429": 1},
    "Lists and restarts of watches A": {"410": 1},
    "Refused A": {"requests": 1},
    "Refused B": {"": 1},
    "Reviews A": {"201": 1},
    "Reviews B": {"201": 2},
}
"""By panel of the server's dashboard, how often it happened between two scrapes, by the label that is shown."""


def test_the_files_are_what_the_generator_makes() -> None:
    assert {path: path.read_text() for path in contents()} == contents()


def test_each_json_loads_and_names_no_data_source_but_its_variable() -> None:
    for path, text in contents().items():
        if path.suffix == ".json":
            sources = re.findall(r'"uid": "([^"]*)"', text)
            loaded = json.loads(text)

            assert set(sources) == {loaded["uid"], "${datasource}"}, path
            assert [variable["name"] for variable in loaded["templating"]["list"]] == ["datasource"]


@in_package
async def test_every_metric_is_served(of_demo: Scraped, of_faults: Scraped) -> None:
    served = names(of_demo.text) | names(of_faults.text)
    asked = {
        re.sub(r"_(bucket|count|sum)$", "", str(node.name))
        for _, expression in EVERY
        for node in nodes(parsed(expression))
        if isinstance(node, ast.VectorSelector)
    }

    assert sorted(asked - served) == []


@in_package
@pytest.mark.parametrize(("where", "expression"), EVERY)
async def test_every_label_is_served(of_demo: Scraped, of_faults: Scraped, where: str, expression: str) -> None:
    """Those that select are labels of the metric, those that group are labels of what is grouped."""
    for node in nodes(parsed(expression)):
        if isinstance(node, ast.VectorSelector):
            assert {matcher.name for matcher in node.matchers.matchers} <= served_labels(node, of_demo, of_faults)
        if isinstance(node, ast.AggregateExpr):
            inner = [part for part in nodes(node.expr) if isinstance(part, ast.VectorSelector)]
            # With `and`, the labels of the result are those of the left side.
            assert set(grouped_by(node)) <= served_labels(inner[0], of_demo, of_faults), where


def served_labels(selector: ast.VectorSelector, *served: Scraped) -> set[str]:
    """The labels of the series of a metric; it must have some."""
    name = str(selector.name)
    found = {label for one in served for label in labels(one.last.samples, name)}
    assert found, name
    return found


def shown(expression: str, *scrapes: Scrape) -> Vector:
    """What a panel shows of a result: numbers."""
    return {labels: value for labels, value in evaluated(expression, *scrapes).items() if math.isfinite(value)}


@in_package
@pytest.mark.parametrize(("where", "expression"), OF_CLUSTER)
async def test_no_panel_of_the_cluster_is_empty(of_demo: Scraped, where: str, expression: str) -> None:
    assert shown(expression, *of_demo.scrapes), where


@in_package
@pytest.mark.parametrize(("where", "expression"), OF_SERVER)
async def test_no_panel_of_the_server_is_empty(of_faults: Scraped, where: str, expression: str) -> None:
    assert shown(expression, *of_faults.scrapes), where


@in_package
@pytest.mark.parametrize("title", HAPPENED)
async def test_rates_are_those_of_what_happened(of_faults: Scraped, title: str) -> None:
    expression = next(expression for where, expression in OF_SERVER if where.endswith(f": {title}"))
    seconds = of_faults.last.at - of_faults.scrapes[-2].at

    rates = evaluated(expression, *of_faults.scrapes)

    happened = {next((text for _, text in labels), ""): rate * seconds for labels, rate in rates.items() if rate}
    # How often /metrics was read until all was counted is another number each time.
    happened.pop("200", None)
    assert happened == pytest.approx(HAPPENED[title])


@in_package
@pytest.mark.parametrize(("where", "expression"), OF_SERVER)
async def test_other_servers_change_nothing(of_faults: Scraped, where: str, expression: str) -> None:
    """A Prometheus that scrapes kube-apiserver has the metrics that kubesum shares with it twice."""
    with_others = [together(one, of_kube_apiserver(one)) for one in of_faults.scrapes]

    assert evaluated(expression, *with_others) == pytest.approx(evaluated(expression, *of_faults.scrapes)), where


def of_kube_apiserver(one: Scrape) -> Scrape:
    """What kubesum shares with kube-apiserver, of that; it has far more requests."""
    target = {"job": "apiserver", "instance": "10.0.0.1:6443"}
    return Scrape(
        one.at,
        {
            name: [({**of_series, **target}, value * value * 1000) for of_series, value in series]
            for name, series in one.samples.items()
            if not name.startswith("kubesum_")
        },
    )


@in_package
@pytest.mark.parametrize(("where", "expression"), OF_CLUSTER)
async def test_a_second_replica_changes_nothing(of_demo: Scraped, where: str, expression: str) -> None:
    again = scrape(of_demo.text, of_demo.last.at, **TARGET | {"instance": "10.128.1.7:10250"})
    both = together(of_demo.last, again)

    assert evaluated(expression, both) == evaluated(expression, of_demo.last), where


@in_package
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


def test_the_rules_of_the_chart_are_those_of_deploy() -> None:
    rule: JsonObject = yaml.safe_load((ROOT / "deploy" / "prometheusrule.yaml").read_text())
    chart: JsonObject = yaml.safe_load((ROOT / "helm" / "kubesum" / "files" / "prometheusrule.yaml").read_text())

    assert rule["spec"] == chart


def test_panels_do_not_overlap() -> None:
    for dashboard in DASHBOARDS:
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
