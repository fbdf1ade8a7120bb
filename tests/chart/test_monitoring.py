"""What the chart installs for Grafana and the operator of Prometheus is what deploy/ has."""

import json

import yaml

from tests.chart.rendering import ROOT, objects
from tests.computation import JsonObject


def of_kind(kind: str, values: JsonObject) -> list[JsonObject]:
    """The objects of one kind that would be installed."""
    return [one for one in objects(values) if one["kind"] == kind]


def test_the_config_maps_hold_the_dashboards_of_deploy() -> None:
    maps = of_kind("ConfigMap", {"grafanaDashboards": {"enabled": True}})

    held = {name: text for one in maps for name, text in one["data"].items()}

    assert {name: json.loads(text) for name, text in held.items()} == {
        path.name: json.loads(path.read_text()) for path in (ROOT / "deploy" / "grafana").iterdir()
    }
    assert [one["metadata"]["labels"].get("grafana_dashboard") for one in maps] == ["1"] * len(held)


def test_the_rules_are_those_of_deploy() -> None:
    [rule] = of_kind("PrometheusRule", {"prometheusRule": {"enabled": True}})

    assert rule["spec"] == yaml.safe_load((ROOT / "deploy" / "prometheusrule.yaml").read_text())["spec"]


def test_none_are_installed_unless_asked_for() -> None:
    assert [*of_kind("ConfigMap", {}), *of_kind("PrometheusRule", {})] == []
