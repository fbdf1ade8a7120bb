"""What people read who may not see everything, and where there is nothing to see: no defect, and no failure."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kubesim.aggregation.registration import API_SERVICE
from tests.doctor.brokencluster import (
    AGGREGATES,
    AVAILABLE,
    CA_BUNDLE,
    CERTIFICATE,
    CONFIG,
    DEPLOYMENT,
    INFORMERS,
    LISTS,
    METRICS,
    NAMESPACE,
    NOT_ANSWERED,
    POD_1,
    POD_2,
    REGISTERED,
    SERVICE,
    VERSION,
    VERSIONS,
    Patient,
    but,
    patient,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

REGISTRATION_IS_HIDDEN = (
    "skip  APIService v1alpha1.summary.kubesum.dev: you may not get apiservices.apiregistration.k8s.io"
)
PLACE_IS_UNKNOWN = "skip  Service and pods: no APIService says where they are; --namespace can"
ACCOUNT_IS_UNKNOWN = "skip  rights of kubesum: the pods would say which ServiceAccount is theirs"
OF_CLUSTER_VIEW = "you may not list them; the ClusterRole kubesum:cluster-view gives it"
OF_VIEW = "you may not list them in all namespaces; the ClusterRole kubesum:view gives it"
CLUSTER_LISTS = (
    "skip  list of clusterimagesummaries: you may not list them; the ClusterRole kubesum:cluster-images gives it",
    f"skip  list of clustersummaries: {OF_CLUSTER_VIEW}",
    f"skip  list of nodesummaries: {OF_CLUSTER_VIEW}",
)
NAMESPACED_LISTS = (
    "ok    list of imagesummaries (N ms), namespacesummaries (N ms), podsummaries (N ms), workloadsummaries (N ms)"
)
FRESHNESS_IS_HIDDEN = "skip  informers: a ClusterSummary would tell"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def well(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Patient]:
    async with patient(tmp_path_factory.mktemp("patient")) as well:
        yield well


async def test_who_may_view_namespaces_learns_what_they_may_not_see(well: Patient) -> None:
    assert await well.lines("viewer") == [
        VERSION,
        AGGREGATES,
        REGISTRATION_IS_HIDDEN,
        PLACE_IS_UNKNOWN,
        CONFIG,
        ACCOUNT_IS_UNKNOWN,
        METRICS,
        *CLUSTER_LISTS,
        NAMESPACED_LISTS,
        FRESHNESS_IS_HIDDEN,
        "skip  versions: no pod tells its own; this doctor is v0.1.0",
    ]


async def test_who_names_the_namespace_sees_more(well: Patient) -> None:
    assert await well.lines("viewer", NAMESPACE) == [
        VERSION,
        AGGREGATES,
        REGISTRATION_IS_HIDDEN,
        SERVICE,
        DEPLOYMENT,
        "skip  EndpointSlices of the Service kubesum-system/kubesum: you may not list "
        "endpointslices.discovery.k8s.io in the namespace kubesum-system",
        CONFIG,
        "skip  ServiceAccount kubesum-system/kubesum: its rights are not known, you may not create "
        "subjectaccessreviews.authorization.k8s.io",
        METRICS,
        *CLUSTER_LISTS,
        NAMESPACED_LISTS,
        FRESHNESS_IS_HIDDEN,
        "skip  versions: no pod of the image ghcr.io/kubesum/kubesum:0.1.0 tells its own; this doctor is v0.1.0",
    ]


async def test_a_tenant_sees_only_that_the_api_server_answers(well: Patient) -> None:
    cluster_images, clusters, nodes = CLUSTER_LISTS

    assert await well.lines("tenant", NAMESPACE) == [
        VERSION,
        AGGREGATES,
        REGISTRATION_IS_HIDDEN,
        "skip  Service of the namespace kubesum-system: you may not list services in the namespace kubesum-system",
        "skip  ConfigMap kube-system/extension-apiserver-authentication: you may not get configmaps in the namespace "
        "kube-system",
        ACCOUNT_IS_UNKNOWN,
        METRICS,
        cluster_images,
        clusters,
        f"skip  list of imagesummaries: {OF_VIEW}",
        "skip  list of namespacesummaries: you may not list them in all namespaces; the ClusterRole "
        "kubesum:metrics-reader or kubesum:view gives it",
        nodes,
        f"skip  list of podsummaries: {OF_VIEW}",
        f"skip  list of workloadsummaries: {OF_VIEW}",
        FRESHNESS_IS_HIDDEN,
        "skip  versions: no pod tells its own; this doctor is v0.1.0",
    ]


async def test_who_may_not_ask_pods_still_learns_the_rest(well: Patient) -> None:
    """An administrator whose role leaves out pods/proxy."""
    own = ["apiservices", "services", "deployments", "pods", "endpointslices", "configmaps", "subjectaccessreviews"]
    rules = [
        {"apiGroups": ["*"], "resources": own, "verbs": ["*"]},
        {"apiGroups": ["summary.kubesum.dev"], "resources": ["*"], "verbs": ["*"]},
    ]
    well.server.store.put("clusterroles", {"metadata": {"name": "operator"}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "operator"}
    operator = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}
    well.server.store.put(
        "clusterrolebindings", {"metadata": {"name": "operator"}, "roleRef": role, "subjects": [operator]}
    )

    try:
        lines = await well.lines("viewer")
    finally:
        well.server.store.delete("clusterrolebindings", "", "operator")

    assert lines == but(
        {
            POD_1: [
                "skip  Pod kubesum-system/POD-1: what it says of itself is not known, you may not get pods/proxy "
                "in the namespace kubesum-system"
            ],
            POD_2: [
                "skip  Pod kubesum-system/POD-2: what it says of itself is not known, you may not get pods/proxy "
                "in the namespace kubesum-system"
            ],
            CERTIFICATE: [
                "skip  certificate: no pod tells what it shows; whether it is believed, the lists below tell"
            ],
            VERSIONS: [
                "skip  versions: no pod of the image ghcr.io/kubesum/kubesum:0.1.0 tells its own; "
                "this doctor is v0.1.0"
            ],
        }
    )


NOT_INSTALLED = (
    "FAIL  APIService v1alpha1.summary.kubesum.dev: there is none, so kubesum is not installed; "
    "helm install kubesum helm/kubesum --namespace kubesum-system --create-namespace"
)


async def test_kubesum_is_not_installed(well: Patient) -> None:
    with well.without("apiservices", "", API_SERVICE):
        assert await well.lines() == [
            VERSION,
            AGGREGATES,
            NOT_INSTALLED,
            PLACE_IS_UNKNOWN,
            CONFIG,
            ACCOUNT_IS_UNKNOWN,
            METRICS,
            NOT_ANSWERED,
            "skip  versions: no pod tells its own; this doctor is v0.1.0",
        ]
    await well.judged("Passed")


async def test_the_registration_is_gone_but_not_the_rest(well: Patient) -> None:
    with well.without("apiservices", "", API_SERVICE):
        lines = await well.lines(namespace=NAMESPACE)
        nowhere = await well.lines(namespace="payments")
    await well.judged("Passed")

    assert lines == but(
        {
            REGISTERED: [NOT_INSTALLED],
            **dict.fromkeys((AVAILABLE, CA_BUNDLE, CERTIFICATE, INFORMERS), ()),
            LISTS: [NOT_ANSWERED],
        }
    )
    assert nowhere[3] == (
        "FAIL  Service of the namespace payments: none has app.kubernetes.io/name=kubesum; "
        "see whether kubesum is elsewhere"
    )
