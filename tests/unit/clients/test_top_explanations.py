"""Each error is explained in one sentence that says what to do."""

import pytest

from kubesum.clients.model.explanations import explanation
from kubesum.clients.model.tablerows import TableObject
from kubesum.clients.model.views import BY_NAME, Resource, Scope, View
from kubesum.kube.objects.meta import Status
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError

HOST = "https://127.0.0.1:6443"
TEAMS = Scope(
    View(
        name="teamusages",
        description="",
        resource=Resource(
            "teamusages", "TeamUsage", TableObject, "kubesum:rollups", False, "rollup.kubesum.dev", is_table=True
        ),
    )
)


def explained(code: int, scope: Scope, message: str = "no") -> str:
    """The explanation of a refusal for a scope."""
    return explanation(StatusError(f"{HOST}/apis", Status(code, "Reason", message)), scope, HOST)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (
            Scope(BY_NAME["nodes"], "payments"),
            "not allowed to list nodesummaries: the ClusterRole kubesum:cluster-view grants it",
        ),
        (
            Scope(BY_NAME["images"]),
            "not allowed to list clusterimagesummaries: the ClusterRole kubesum:cluster-images grants it",
        ),
        (
            Scope(BY_NAME["images"], "payments"),
            "not allowed to list imagesummaries in namespace payments: "
            "the ClusterRole kubesum:view, bound there, grants it",
        ),
        (
            Scope(BY_NAME["unhealthy"]),
            "not allowed to list podsummaries in all namespaces: choose one, or bind the ClusterRole kubesum:view in "
            "all",
        ),
    ],
)
def test_a_403_names_the_cluster_role_that_grants_the_resource(scope: Scope, expected: str) -> None:
    assert explained(403, scope) == expected


def test_an_invalid_selector_is_named() -> None:
    scope = Scope(BY_NAME["nodes"], label_selector="a=(")

    assert explained(400, scope, "unable to parse") == "the API server cannot select by 'a=(': unable to parse"


def test_a_cluster_without_kubesum() -> None:
    assert explained(404, Scope(BY_NAME["nodes"])) == (
        f"kubesum is not installed at {HOST}: install its chart with helm install, or start it here with kubesum "
        "local or kubesum demo and name the kubeconfig that it prints with --kubeconfig"
    )


def test_a_kind_whose_definition_was_deleted() -> None:
    """top said that kubesum was not installed."""
    assert explained(404, TEAMS) == (
        "teamusages are not served: no RollupDefinition that is Established makes them; "
        "see kubectl get rollupdefinitions"
    )


def test_the_group_of_defined_kinds_has_an_apiservice_of_its_own() -> None:
    unheard = StatusError(f"{HOST}/apis", Status(503, "", "service unavailable"))

    assert explanation(unheard, TEAMS, HOST).endswith("see kubectl get apiservice v1alpha1.rollup.kubesum.dev")


def test_a_503_of_the_aggregator_differs_from_one_of_kubesum() -> None:
    scope = Scope(BY_NAME["nodes"])

    assert explained(503, scope, "nodes is forbidden") == "kubesum cannot serve nodesummaries now: nodes is forbidden"
    unheard = StatusError(f"{HOST}/apis", Status(503, "", "service unavailable"))
    assert explanation(unheard, scope, HOST) == (
        f"kubesum does not answer behind {HOST} (service unavailable): "
        "see kubectl get apiservice v1alpha1.summary.kubesum.dev"
    )


def test_rejected_credentials() -> None:
    assert explained(401, Scope(BY_NAME["nodes"])) == (
        f"{HOST} does not accept the credentials of this context: log in again"
    )


def test_other_refusals_and_errors_are_shown_as_they_are() -> None:
    assert explained(500, Scope(BY_NAME["nodes"])) == f"{HOST}/apis answers 500 Reason: no"
    assert explanation(UpstreamError("it rains"), Scope(BY_NAME["nodes"]), HOST) == "it rains"
