"""Users without some permissions, and clusters without kubesum: what cannot be checked is skipped."""

import pytest

from kubesum import __version__
from kubesum.commands.demo.manifests import API_SERVICE
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
    ROLLUPS,
    SERVICE,
    VERSION,
    VERSIONS,
    Installation,
    healthy_except,
)

IMAGE = f"ghcr.io/kubesum/kubesum:{__version__}"

pytestmark = pytest.mark.asyncio(loop_scope="module")

REGISTRATION_SKIPPED = (
    "skip  APIService v1alpha1.summary.kubesum.dev: you may not get apiservices.apiregistration.k8s.io"
)
SERVICE_SKIPPED = "skip  Service and pods: no APIService names their namespace; set --namespace"
PERMISSIONS_SKIPPED = "skip  permissions of kubesum: its ServiceAccount is unknown without its pods"
NEEDS_CLUSTER_VIEW = "you may not list them; the ClusterRole kubesum:cluster-view grants it"
NEEDS_VIEW = "you may not list them in all namespaces; the ClusterRole kubesum:view grants it"
CLUSTER_LISTS = (
    "skip  list of clusterimagesummaries: you may not list them; the ClusterRole kubesum:cluster-images grants it",
    f"skip  list of clustersummaries: {NEEDS_CLUSTER_VIEW}",
    f"skip  list of nodesummaries: {NEEDS_CLUSTER_VIEW}",
)
NAMESPACED_LISTS = (
    "ok    list of imagesummaries (N ms), namespacesummaries (N ms), podsummaries (N ms), workloadsummaries (N ms)"
)
ROLLUPS_SKIPPED = "skip  APIService v1alpha1.rollup.kubesum.dev: you may not get apiservices.apiregistration.k8s.io"
INFORMERS_SKIPPED = "skip  informers: unknown without the ClusterSummary"


async def test_a_viewer_sees_which_permissions_are_missing(installation: Installation) -> None:
    assert await installation.lines("viewer") == [
        VERSION,
        AGGREGATES,
        REGISTRATION_SKIPPED,
        SERVICE_SKIPPED,
        CONFIG,
        PERMISSIONS_SKIPPED,
        METRICS,
        *CLUSTER_LISTS,
        NAMESPACED_LISTS,
        INFORMERS_SKIPPED,
        ROLLUPS_SKIPPED,
        f"skip  versions: no pod answers /version; this doctor is v{__version__}",
    ]


async def test_a_viewer_who_names_the_namespace_sees_its_pods(installation: Installation) -> None:
    assert await installation.lines("viewer", NAMESPACE) == [
        VERSION,
        AGGREGATES,
        REGISTRATION_SKIPPED,
        SERVICE,
        DEPLOYMENT,
        "skip  EndpointSlices of the Service kubesum-system/kubesum: you may not list "
        "endpointslices.discovery.k8s.io in the namespace kubesum-system",
        CONFIG,
        "skip  ServiceAccount kubesum-system/kubesum: its permissions are unknown, you may not create "
        "subjectaccessreviews.authorization.k8s.io",
        METRICS,
        *CLUSTER_LISTS,
        NAMESPACED_LISTS,
        INFORMERS_SKIPPED,
        ROLLUPS_SKIPPED,
        f"skip  versions: no pod with the image {IMAGE} answers /version; this doctor is v{__version__}",
    ]


async def test_a_tenant_sees_the_api_server_and_skipped_checks(installation: Installation) -> None:
    cluster_images, clusters, nodes = CLUSTER_LISTS

    assert await installation.lines("tenant", NAMESPACE) == [
        VERSION,
        AGGREGATES,
        REGISTRATION_SKIPPED,
        "skip  Service in the namespace kubesum-system: you may not list services in the namespace kubesum-system",
        "skip  ConfigMap kube-system/extension-apiserver-authentication: you may not get configmaps in the namespace "
        "kube-system",
        PERMISSIONS_SKIPPED,
        METRICS,
        cluster_images,
        clusters,
        f"skip  list of imagesummaries: {NEEDS_VIEW}",
        "skip  list of namespacesummaries: you may not list them in all namespaces; the ClusterRole "
        "kubesum:metrics-reader or kubesum:view grants it",
        nodes,
        f"skip  list of podsummaries: {NEEDS_VIEW}",
        f"skip  list of workloadsummaries: {NEEDS_VIEW}",
        INFORMERS_SKIPPED,
        ROLLUPS_SKIPPED,
        f"skip  versions: no pod answers /version; this doctor is v{__version__}",
    ]


async def test_without_pods_proxy_all_other_checks_run(installation: Installation) -> None:
    """An administrator whose role does not include pods/proxy."""
    own = ["apiservices", "services", "deployments", "pods", "endpointslices", "configmaps", "subjectaccessreviews"]
    rules = [
        {"apiGroups": ["*"], "resources": own, "verbs": ["*"]},
        {"apiGroups": ["summary.kubesum.dev"], "resources": ["*"], "verbs": ["*"]},
    ]
    installation.server.store.put("clusterroles", {"metadata": {"name": "operator"}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "operator"}
    operator = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}
    installation.server.store.put(
        "clusterrolebindings", {"metadata": {"name": "operator"}, "roleRef": role, "subjects": [operator]}
    )

    try:
        lines = await installation.lines("viewer")
    finally:
        installation.server.store.delete("clusterrolebindings", "", "operator")

    assert lines == healthy_except(
        {
            POD_1: [
                "skip  Pod kubesum-system/POD-1: /readyz cannot be read, you may not get pods/proxy in the namespace "
                "kubesum-system"
            ],
            POD_2: [
                "skip  Pod kubesum-system/POD-2: /readyz cannot be read, you may not get pods/proxy in the namespace "
                "kubesum-system"
            ],
            CERTIFICATE: [
                "skip  certificate: no pod sends it; the lists below show whether the API server accepts it"
            ],
            ROLLUPS: ["skip  RollupDefinitions: you may not list rollupdefinitions.kubesum.dev"],
            VERSIONS: [
                f"skip  versions: no pod with the image {IMAGE} answers /version; this doctor is v{__version__}"
            ],
        }
    )


NOT_INSTALLED = (
    "FAIL  APIService v1alpha1.summary.kubesum.dev: not found, so kubesum is not installed; helm install kubesum "
    "helm/kubesum --namespace kubesum-system --create-namespace"
)


async def test_kubesum_is_not_installed(installation: Installation) -> None:
    with installation.without("apiservices", "", API_SERVICE):
        assert await installation.lines() == [
            VERSION,
            AGGREGATES,
            NOT_INSTALLED,
            SERVICE_SKIPPED,
            CONFIG,
            PERMISSIONS_SKIPPED,
            METRICS,
            NOT_ANSWERED,
            f"skip  versions: no pod answers /version; this doctor is v{__version__}",
        ]
    await installation.until_condition("Passed")


async def test_only_the_apiservice_is_missing(installation: Installation) -> None:
    with installation.without("apiservices", "", API_SERVICE):
        lines = await installation.lines(namespace=NAMESPACE)
        nowhere = await installation.lines(namespace="payments")
    await installation.until_condition("Passed")

    assert lines == healthy_except(
        {
            REGISTERED: [NOT_INSTALLED],
            **dict.fromkeys((AVAILABLE, CA_BUNDLE, CERTIFICATE, INFORMERS), ()),
            LISTS: [NOT_ANSWERED],
        }
    )
    assert nowhere[3] == (
        "FAIL  Service in the namespace payments: none has the label app.kubernetes.io/name=kubesum; check the "
        "namespace of the release"
    )
