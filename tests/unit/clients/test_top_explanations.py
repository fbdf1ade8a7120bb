"""What went wrong is one sentence that says what to do."""

import pytest

from kubesum.clients.model.explanations import explanation
from kubesum.clients.model.views import BY_NAME, Scope
from kubesum.kube.failures import StatusError
from kubesum.kube.objects import Status
from kubesum.vocabulary.errors import UpstreamError

HOST = "https://127.0.0.1:6443"


def said(code: int, scope: Scope, message: str = "no") -> str:
    """What a refusal means for somebody who looks at a scope."""
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
def test_what_is_forbidden_names_the_role_that_allows_it(scope: Scope, expected: str) -> None:
    assert said(403, scope) == expected


def test_a_selector_that_is_no_selector_is_named() -> None:
    scope = Scope(BY_NAME["nodes"], label_selector="a=(")

    assert said(400, scope, "unable to parse") == "the API server cannot select by 'a=(': unable to parse"


def test_a_cluster_without_kubesum() -> None:
    assert said(404, Scope(BY_NAME["nodes"])) == (
        f"kubesum is not installed at {HOST}: install its chart with helm install, or start it here with kubesum "
        "local or kubesum demo and name the kubeconfig that it prints with --kubeconfig"
    )


def test_a_kubesum_that_does_not_answer_is_told_from_one_that_cannot_serve_a_kind() -> None:
    scope = Scope(BY_NAME["nodes"])

    assert said(503, scope, "nodes is forbidden") == "kubesum cannot serve nodesummaries now: nodes is forbidden"
    unheard = StatusError(f"{HOST}/apis", Status(503, "", "service unavailable"))
    assert explanation(unheard, scope, HOST) == (
        f"kubesum does not answer behind {HOST} (service unavailable): "
        "see kubectl get apiservice v1alpha1.summary.kubesum.dev"
    )


def test_credentials_that_are_not_accepted() -> None:
    assert said(401, Scope(BY_NAME["nodes"])) == (
        f"{HOST} does not accept the credentials of this context: log in again"
    )


def test_any_other_refusal_and_any_other_error_speak_for_themselves() -> None:
    assert said(500, Scope(BY_NAME["nodes"])) == f"{HOST}/apis answers 500 Reason: no"
    assert explanation(UpstreamError("it rains"), Scope(BY_NAME["nodes"]), HOST) == "it rains"
