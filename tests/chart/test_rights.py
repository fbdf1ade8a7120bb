"""What kubesum may do, and whom it lets read: what the declarations say, and no more."""

from collections.abc import Iterable
from typing import Any

import pytest
import yaml

from kubesum.commands.demo import manifests
from tests.chart.rendering import CHART, NAMESPACE, Values, objects, one
from tests.chart.valuesets import CERT_MANAGER, OWN_SECRET, SETS
from tests.computation import JsonObject

GENERATED = {
    role["metadata"]["name"]: role
    for role in yaml.safe_load((CHART / "files" / "clusterroles.yaml").read_text())["items"]
}
ALL_ROLLUPS = {"apiGroups": ["rollup.kubesum.dev"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
STATUS_OF_DEFINITIONS = {
    "apiGroups": ["kubesum.dev"],
    "resources": ["rollupdefinitions/status"],
    "verbs": ["patch"],
}
OF_SERVER = {"kind": "ServiceAccount", "name": "kubesum", "namespace": NAMESPACE}


def every_rule(values: Values) -> list[JsonObject]:
    return [rule for one in objects(values) if one["kind"] in ("Role", "ClusterRole") for rule in one["rules"]]


@pytest.mark.parametrize("values", SETS.values(), ids=SETS.keys())
def test_no_right_is_for_everything_and_none_writes_but_to_what_is_ours(values: Values) -> None:
    rules = [rule for rule in every_rule(values) if rule != ALL_ROLLUPS]
    terms: list[Any] = [term for rule in rules for part in rule.values() for term in part]
    writing = [rule for rule in rules if not {"get", "list", "watch"}.issuperset(rule["verbs"])]

    assert [term for term in terms if "*" in term] == []
    assert all("resourceNames" in rule or rule == STATUS_OF_DEFINITIONS for rule in writing)


def test_the_role_for_the_readers_of_rollups_is_bound_to_nobody() -> None:
    """Their kinds, which show pods of all namespaces, are made at run time."""
    assert one(objects(), "ClusterRole", "kubesum:rollups")["rules"] == [ALL_ROLLUPS]
    assert "kubesum:rollups" not in {found["roleRef"]["name"] for found in objects() if "roleRef" in found}


def test_the_server_may_read_what_it_watches_and_tell_the_api_server_its_authority() -> None:
    assert one(objects(), "ClusterRole", "kubesum:server")["rules"] == [
        *GENERATED["kubesum:server"]["rules"],
        {
            "apiGroups": ["apiregistration.k8s.io"],
            "resources": ["apiservices"],
            "resourceNames": ["v1alpha1.summary.kubesum.dev", "v1alpha1.rollup.kubesum.dev"],
            "verbs": ["get", "patch"],
        },
    ]


def test_the_server_knows_one_secret_and_cannot_make_another() -> None:
    secrets = [rule for rule in every_rule({}) if "secrets" in rule.get("resources", [])]

    assert secrets == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["kubesum-tls"],
            "verbs": ["get", "patch"],
        }
    ]
    assert one(objects(), "Role")["rules"] == secrets
    assert one(objects(), "RoleBinding")["roleRef"]["name"] == "kubesum"


def rights(found: Iterable[JsonObject]) -> dict[tuple[str, str, str], object]:
    """The rules of each role and the role and subjects of each binding, by kind, namespace and name."""
    return {
        (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): (
            obj["rules"] if "rules" in obj else (obj["roleRef"], obj["subjects"])
        )
        for obj in found
        if obj["apiVersion"] == "rbac.authorization.k8s.io/v1"
    }


def test_the_demo_installs_the_rights_of_the_chart() -> None:
    assert rights(manifests.rbac()) == rights(objects())


@pytest.mark.parametrize("values", [CERT_MANAGER, OWN_SECRET], ids=["cert-manager", "secret"])
def test_with_certificates_of_somebody_else_it_knows_no_secret_and_no_api_service(values: Values) -> None:
    assert one(objects(values), "ClusterRole", "kubesum:server")["rules"] == GENERATED["kubesum:server"]["rules"]
    assert not [one for one in objects(values) if one["kind"] == "Role"]


def test_the_server_may_ask_who_somebody_is_and_what_they_may_do() -> None:
    found = objects()
    delegator = one(found, "ClusterRoleBinding", "kubesum:auth-delegator")
    reader = one(found, "RoleBinding", "kubesum:auth-reader")

    assert (delegator["roleRef"]["name"], delegator["subjects"]) == ("system:auth-delegator", [OF_SERVER])
    assert (reader["metadata"]["namespace"], reader["subjects"]) == ("kube-system", [OF_SERVER])
    assert (reader["roleRef"]["kind"], reader["roleRef"]["name"]) == (
        "Role",
        "extension-apiserver-authentication-reader",
    )


def test_every_right_is_given_to_the_service_account_and_to_nobody_else() -> None:
    bindings = [one for one in objects() if one["kind"].endswith("Binding")]

    assert len(bindings) == 4
    assert [one["subjects"] for one in bindings] == [[OF_SERVER]] * 4


def test_the_roles_for_people_are_those_of_the_declarations() -> None:
    found = objects()

    for name, role in GENERATED.items():
        if name != "kubesum:server":
            installed = one(found, "ClusterRole", name)
            assert installed["rules"] == role["rules"]
            assert role["metadata"].get("labels", {}).items() <= installed["metadata"]["labels"].items()
    assert GENERATED["kubesum:view"]["metadata"]["labels"] == {
        "rbac.authorization.k8s.io/aggregate-to-view": "true",
        "rbac.authorization.k8s.io/aggregate-to-edit": "true",
        "rbac.authorization.k8s.io/aggregate-to-admin": "true",
    }


def test_everybody_may_read_nodes_only_where_that_is_asked_for() -> None:
    binding = one(
        objects({"clusterView": {"bindToAuthenticated": True}}), "ClusterRoleBinding", "kubesum:cluster-view"
    )

    assert binding["roleRef"]["name"] == "kubesum:cluster-view"
    assert binding["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}
    ]
