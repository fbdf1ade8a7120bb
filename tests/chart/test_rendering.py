"""Whatever values people set, helm is content and Kubernetes knows every field."""

from collections import Counter

import kubernetes_validate
import pytest

from tests.chart.rendering import CHART, NAMESPACE, Values, helm, objects
from tests.chart.valuesets import SETS

OF_OPERATORS = {"Certificate", "Issuer", "PrometheusRule", "ServiceMonitor"}
"""Kinds that Kubernetes itself does not know; tests say what is in them."""

each_set = pytest.mark.parametrize("values", SETS.values(), ids=SETS.keys())


@each_set
def test_helm_finds_nothing_to_warn_of(values: Values) -> None:
    result = helm("lint", "--strict", CHART, values=values)

    assert (result.returncode, result.stderr) == (0, "")


@each_set
@pytest.mark.parametrize("version", ["1.30", "1.37"])
def test_every_field_is_one_of_kubernetes(values: Values, version: str) -> None:
    known = [one for one in objects(values) if one["kind"] not in OF_OPERATORS]

    assert len(known) > 10
    for one in known:
        assert kubernetes_validate.validate(one, version, strict=True) == version


@each_set
def test_no_object_is_there_twice_and_each_is_labelled(values: Values) -> None:
    found = objects(values)

    assert {one["metadata"]["labels"]["app.kubernetes.io/instance"] for one in found} == {"kubesum"}
    assert [
        name for name, times in Counter((one["kind"], one["metadata"]["name"]) for one in found).items() if times > 1
    ] == []


def test_these_objects_are_installed_and_no_others() -> None:
    found = sorted((one["kind"], one["metadata"]["name"], one["metadata"].get("namespace", "")) for one in objects())

    assert found == [
        ("APIService", "v1alpha1.rollup.kubesum.dev", ""),
        ("APIService", "v1alpha1.summary.kubesum.dev", ""),
        ("ClusterRole", "kubesum:cluster-images", ""),
        ("ClusterRole", "kubesum:cluster-view", ""),
        ("ClusterRole", "kubesum:metrics-reader", ""),
        ("ClusterRole", "kubesum:rollups", ""),
        ("ClusterRole", "kubesum:server", ""),
        ("ClusterRole", "kubesum:view", ""),
        ("ClusterRoleBinding", "kubesum:auth-delegator", ""),
        ("ClusterRoleBinding", "kubesum:server", ""),
        ("CustomResourceDefinition", "rollupdefinitions.kubesum.dev", ""),
        ("Deployment", "kubesum", NAMESPACE),
        ("PodDisruptionBudget", "kubesum", NAMESPACE),
        ("Role", "kubesum", NAMESPACE),
        ("RoleBinding", "kubesum", NAMESPACE),
        ("RoleBinding", "kubesum:auth-reader", "kube-system"),
        ("Secret", "kubesum-tls", NAMESPACE),
        ("Service", "kubesum", NAMESPACE),
        ("ServiceAccount", "kubesum", NAMESPACE),
    ]


def test_a_release_of_another_name_names_its_objects_after_both() -> None:
    result = helm("template", "prod", CHART, "--show-only", "templates/service.yaml")

    assert "  name: prod-kubesum\n" in result.stdout


def notes(values: Values | None = None) -> str:
    result = helm("install", "kubesum", CHART, "--namespace", NAMESPACE, "--dry-run=client", values=values)
    assert result.returncode == 0, result.stderr
    return result.stdout.partition("\nNOTES:\n")[2]


def test_the_notes_say_what_to_try_and_how_to_see_that_it_works() -> None:
    text = notes()

    assert "kubectl wait apiservice/v1alpha1.summary.kubesum.dev --for=condition=Available" in text
    assert "kubectl get nodesummaries\n" in text
    assert "kubectl get nssum,wlsum,posum,imgsum --namespace kubesum-system\n" in text
    assert "kubectl create clusterrolebinding readers-of-summaries --clusterrole=kubesum:cluster-view" in text
    assert "kubectl logs --namespace kubesum-system deployment/kubesum\n" in text
    assert "WARNING" not in text


@each_set
def test_the_notes_fit_the_values(values: Values) -> None:
    text = notes(values)
    certificates = values.get("certificates", {})
    unverified = values.get("apiService", {}).get("insecureSkipTLSVerify", False)

    assert ("kubectl get certificate" in text) == (certificates.get("mode") == "cert-manager")
    assert ("the API server does not verify the serving certificate" in text) == unverified
    assert ("kubectl create clusterrolebinding" in text) == ("clusterView" not in values)
