"""The examples for Argo CD and Flux: values that the chart takes, and names that it gives."""

import re

import pytest
import yaml

from tests.chart.rendering import ROOT, objects, one
from tests.computation import JsonObject


@pytest.fixture(scope="module")
def examples() -> dict[str, JsonObject]:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "gitops.md").read_text(), re.DOTALL)
    return {one.get("kind", "a part of an Application"): one for one in map(yaml.safe_load, blocks)}


def test_argo_cd_registers_kubesum_last_and_forgets_it_first(examples: dict[str, JsonObject]) -> None:
    installed = objects(examples["Application"]["spec"]["source"]["helm"]["valuesObject"])
    waves = {one["kind"]: one["metadata"].get("annotations") for one in installed if "annotations" in one["metadata"]}

    assert waves == {
        "APIService": {"argocd.argoproj.io/sync-wave": "1"},
        "CustomResourceDefinition": {"helm.sh/resource-policy": "keep"},
    }


def test_what_argo_cd_is_to_ignore_is_there(examples: dict[str, JsonObject]) -> None:
    ignored = examples["a part of an Application"]["spec"]["ignoreDifferences"]

    assert [(one["kind"], one["name"]) for one in ignored] == [
        ("APIService", "v1alpha1.summary.kubesum.dev"),
        ("APIService", "v1alpha1.rollup.kubesum.dev"),
        ("Secret", "kubesum-tls"),
    ]
    assert all(one(objects(), found["kind"], found["name"]) for found in ignored)


def test_argo_cd_leaves_out_our_group(examples: dict[str, JsonObject]) -> None:
    [excluded] = yaml.safe_load(examples["ConfigMap"]["data"]["resource.exclusions"])

    assert excluded == {"apiGroups": ["summary.kubesum.dev", "rollup.kubesum.dev"], "kinds": ["*"], "clusters": ["*"]}


def test_flux_sets_values_that_the_chart_takes(examples: dict[str, JsonObject]) -> None:
    installed = objects(examples["HelmRelease"]["spec"]["values"])

    assert "registry.example/kubesum:0.1.0" in str(one(installed, "Deployment"))
