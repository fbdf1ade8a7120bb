"""The values: each is explained, each has an effect, and nonsense is refused in words."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from helm.reference import contents, leaves
from tests.chart.rendering import CHART, Values, refusal, rendered
from tests.chart.valuesets import AUTHORITY, CERT_MANAGER, COMPANY_ISSUER, MONITORED, OWN_SECRET
from tests.computation import JsonObject

SCHEMA = json.loads((CHART / "values.schema.json").read_text())

POLICY = {"networkPolicy": {"enabled": True}}
UNVERIFIABLE = {"certificates": {"mode": "secret", "secret": {"name": "own-certificate"}}}

EFFECTIVE: dict[str, tuple[Any, Values]] = {
    "image.repository": ("registry.example/kubesum", {}),
    "image.tag": ("9.9.9", {}),
    "image.digest": (f"sha256:{'0' * 64}", {}),
    "image.pullPolicy": ("Always", {}),
    "imagePullSecrets": ([{"name": "registry"}], {}),
    "nameOverride": ("summaries", {}),
    "fullnameOverride": ("summaries", {}),
    "commonLabels": ({"team": "ops"}, {}),
    "serviceAccount.create": (False, {}),
    "serviceAccount.name": ("reader", {}),
    "serviceAccount.annotations": ({"example.org/owner": "ops"}, {}),
    "clusterView.bindToAuthenticated": (True, {}),
    "rollups.customResourceDefinition.create": (False, {}),
    "rollups.customResourceDefinition.keep": (False, {}),
    "apiService.annotations": ({"example.org/owner": "ops"}, {}),
    "apiService.caBundle": (f"{AUTHORITY}\n{AUTHORITY}", OWN_SECRET),
    "apiService.insecureSkipTLSVerify": (True, UNVERIFIABLE),
    "certificates.mode": ("cert-manager", {}),
    "certificates.certManager.issuerRef": ({"kind": "ClusterIssuer", "name": "other"}, COMPANY_ISSUER),
    "certificates.certManager.duration": ("24h", CERT_MANAGER),
    "certificates.certManager.renewBefore": ("8h", CERT_MANAGER),
    "certificates.secret.name": ("another", OWN_SECRET),
    "replicas": (3, {}),
    "resources": ({"limits": {"memory": "1Gi"}}, {}),
    "limits.maxConnections": (2000, {}),
    "limits.maxRequestsInflight": (800, {}),
    "limits.userSharePercent": (50, {}),
    "args": (["--log-level=debug"], {}),
    "containerPort": (8443, {}),
    "service.port": (8443, {}),
    "service.sessionAffinity": ("None", {}),
    "service.annotations": ({"example.org/owner": "ops"}, {}),
    "service.labels": ({"team": "ops"}, {}),
    "hostNetwork.enabled": (True, {"containerPort": 4443}),
    "networkPolicy.enabled": (True, {}),
    "networkPolicy.apiServerPorts": ([8443], POLICY),
    "metrics.enabled": (True, {}),
    "rollups.annotations": (["example.com/team"], {}),
    "metrics.rollups": (["cluster", "nodes"], {}),
    "grafanaDashboards.enabled": (True, {}),
    "grafanaDashboards.labels": ({"dashboard": "yes"}, {"grafanaDashboards": {"enabled": True}}),
    "grafanaDashboards.annotations": ({"grafana_folder": "kubesum"}, {"grafanaDashboards": {"enabled": True}}),
    "prometheusRule.enabled": (True, {}),
    "prometheusRule.additionalLabels": ({"team": "dev"}, {"prometheusRule": {"enabled": True}}),
    "serviceMonitor.enabled": (True, {"metrics": {"enabled": True}}),
    "serviceMonitor.additionalLabels": ({"team": "dev"}, MONITORED),
    "serviceMonitor.interval": ("30s", MONITORED),
    "serviceMonitor.scrapeTimeout": ("5s", MONITORED),
    "serviceMonitor.metricRelabelings": ([{"action": "keep"}], MONITORED),
    "serviceMonitor.relabelings": ([{"action": "keep"}], MONITORED),
    "podDisruptionBudget.enabled": (False, {}),
    "podDisruptionBudget.maxUnavailable": ("50%", {}),
    "podDisruptionBudget.unhealthyPodEvictionPolicy": ("IfHealthyBudget", {}),
    "updateStrategy": ({"type": "Recreate"}, {}),
    "revisionHistoryLimit": (0, {}),
    "shutdownDelaySeconds": (20, {}),
    "terminationGracePeriodSeconds": (90, {}),
    "startupProbe": ({"periodSeconds": 5}, {}),
    "livenessProbe": ({"periodSeconds": 5}, {}),
    "readinessProbe": ({"periodSeconds": 2}, {}),
    "podSecurityContext": ({"runAsUser": 1000}, {}),
    "securityContext": ({"readOnlyRootFilesystem": False}, {}),
    "priorityClassName": ("system-cluster-critical", {}),
    "nodeSelector": ({"pool": "system"}, {}),
    "tolerations": ([{"operator": "Exists"}], {}),
    "affinity": ({"podAntiAffinity": {}}, {}),
    "topologySpreadConstraints": ([{"topologyKey": "rack"}], {}),
    "deploymentAnnotations": ({"example.org/owner": "ops"}, {}),
    "podLabels": ({"team": "ops"}, {}),
    "podAnnotations": ({"example.org/owner": "ops"}, {}),
    "extraVolumes": ([{"name": "extra", "emptyDir": {}}], {}),
    "extraVolumeMounts": ([{"name": "extra", "mountPath": "/extra"}], {}),
}
"""For each value one that is not the default, and other values without which it has no meaning."""

PATHS = [path for path, _, _ in leaves(SCHEMA)]


def changed(path: str, to: Any, values: Values) -> Values:
    name, _, rest = path.partition(".")
    return {**values, name: changed(rest, to, values.get(name, {})) if rest else to}


@pytest.mark.parametrize("path", PATHS)
def test_every_value_has_an_effect(path: str) -> None:
    to, values = EFFECTIVE[path]
    before = "" if values is UNVERIFIABLE else rendered(values)

    assert rendered(changed(path, to, values)) != before


def test_the_effects_above_are_those_of_the_values_that_are_there() -> None:
    assert sorted(EFFECTIVE) == sorted(PATHS)


def described(schema: JsonObject, path: str = "") -> Iterator[tuple[str, JsonObject]]:
    for name, one in schema.get("properties", {}).items():
        yield f"{path}{name}", one
        yield from described(one, f"{path}{name}.")


def test_every_value_is_explained_in_sentences() -> None:
    found = dict(described(SCHEMA))

    assert len(found) > 70
    assert [path for path, one in found.items() if not one["description"].endswith(".")] == []
    assert [path for path, one in found.items() if not {"type", "enum"} & one.keys()] == []


def test_no_object_of_ours_takes_fields_that_nobody_reads() -> None:
    objects = [("", SCHEMA), *((path, one) for path, one in described(SCHEMA) if "properties" in one)]

    assert [path for path, one in objects if one["additionalProperties"] is not False] == []


def test_what_is_generated_from_the_schema_is_what_is_committed() -> None:
    for path, content in contents().items():
        assert path.read_text() == content, f"run make generate: {path} is not what it writes"


def test_the_table_of_the_readme_has_every_value() -> None:
    _, _, table = (CHART / "README.md").read_text().partition("<!-- values -->\n")

    assert [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")] == PATHS


def test_the_default_values_are_those_that_the_schema_names() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert (values["replicas"], values["image"]["pullPolicy"]) == (2, "IfNotPresent")
    assert values["certificates"]["certManager"] == {"issuerRef": {}, "duration": "2160h", "renewBefore": "720h"}
    assert values["resources"] == {"requests": {"cpu": "100m", "memory": "256Mi"}}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"replicas": "two"}, "at '/replicas': got string, want integer"),
        ({"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
        ({"replicaCount": 3}, "additional properties 'replicaCount' not allowed"),
        ({"image": {"name": "kubesum"}}, "at '/image': additional properties 'name' not allowed"),
        ({"image": {"digest": "sha256:12"}}, "at '/image/digest': 'sha256:12' does not match pattern"),
        (
            {"certificates": {"mode": "selfsigned"}},
            "at '/certificates/mode': value must be one of 'self-managed', 'cert-manager', 'secret'",
        ),
        ({"certificates": {"certManager": {"duration": "90 days"}}}, "at '/certificates/certManager/duration'"),
        ({"apiService": {"caBundle": "LS0tLS1CRUdJTg=="}}, "at '/apiService/caBundle'"),
        ({"containerPort": 65536}, "at '/containerPort': maximum: got 65,536, want 65,535"),
        ({"podDisruptionBudget": {"maxUnavailable": 0}}, "minimum: got 0, want 1"),
        ({"podDisruptionBudget": {"maxUnavailable": "1.5%"}}, "'1.5%' does not match pattern"),
        ({"fullnameOverride": "Kubesum"}, "at '/fullnameOverride': 'Kubesum' does not match pattern"),
        ({"networkPolicy": {"enabled": True, "apiServerPorts": []}}, "at '/networkPolicy/apiServerPorts': minItems"),
        (
            {"serviceMonitor": {"enabled": True}},
            "serviceMonitor.enabled needs metrics.enabled: Prometheus sends no credentials",
        ),
        (
            {"hostNetwork": {"enabled": True}},
            "hostNetwork.enabled needs another containerPort: on the network of a node, 10250 is the kubelet's",
        ),
        (
            {"shutdownDelaySeconds": 50},
            "terminationGracePeriodSeconds must be 70 or more: shutdownDelaySeconds, and 20 s to end requests and "
            "watches",
        ),
    ],
)
def test_nonsense_is_refused_in_words(values: Values, sentence: str) -> None:
    assert sentence in refusal(values)


def test_a_chart_that_depends_on_this_one_may_add_its_own() -> None:
    assert rendered({"global": {"region": "north"}, "enabled": True}) == rendered()
