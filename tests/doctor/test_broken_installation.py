"""One part of an installation is broken at a time; only the lines about it change."""

from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from kubesim.aggregation.registration import API_SERVICE
from kubesum.edge.tls import certificates
from tests.doctor.brokencluster import (
    AVAILABLE,
    CA_BUNDLE,
    CERTIFICATE,
    CONFIG,
    DEPLOYMENT,
    ENDPOINTS,
    FOLLOWING,
    HEALTHY,
    INFORMERS,
    LISTS,
    MEASURING,
    METRICS,
    NAMESPACE,
    NOT_ANSWERED,
    POD_1,
    POD_2,
    REGISTERED,
    REVIEWING,
    SERVICE,
    VERSIONS,
    WATCHING,
    Installation,
    healthy_except,
    installed,
    unexpected,
)
from tests.serving.runningserver import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLICE = "kubesum-5xk2p"
AUTHENTICATION_CONFIG = "extension-apiserver-authentication"
URL = "https://10.96.143.7:443/apis/summary.kubesum.dev/v1alpha1"
FAILED = (
    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, FailedDiscoveryCheck: "
    f"failing or missing response from {URL}: "
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with installed(tmp_path_factory.mktemp("installation")) as installation:
        yield installation


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def recovered(installation: Installation) -> AsyncIterator[None]:
    """Each test starts with an available APIService."""
    await installation.until_condition("Passed")
    yield


async def test_a_healthy_installation_passes_all_checks(installation: Installation) -> None:
    assert await installation.lines() == list(HEALTHY)


def set_bundle(bundle: bytes | None) -> Callable[[Any], None]:
    """Sets the caBundle of an APIService."""
    return lambda obj: obj["spec"].update({"caBundle": bundle and b64encode(bundle).decode()})


async def test_a_wrong_cabundle(installation: Installation) -> None:
    other = certificates.authority("other-ca").certificate

    with installation.changed("apiservices", "", API_SERVICE, set_bundle(other)):
        await installation.until_condition("FailedDiscoveryCheck")

        assert await installation.lines() == healthy_except(
            {
                AVAILABLE: [
                    f'{FAILED}Get "{URL}": tls: failed to verify certificate: x509: certificate signed by unknown '
                    "authority; caBundle does not contain the CA of kubesum's certificate: see caBundle"
                ],
                CA_BUNDLE: [CA_BUNDLE.replace("kubesum-ca", "other-ca")],
                CERTIFICATE: [
                    "FAIL  certificate of POD-1, POD-2: it was issued by kubesum-ca (key KEY), but caBundle holds "
                    "other-ca (key KEY), so the API server rejects it; with cert-manager, check that its ca-injector "
                    "runs; with a Secret of your own, upgrade the release"
                ],
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
            }
        )


@pytest.mark.parametrize(("bundle", "nature"), [(b"", "it is empty"), (b"nonsense", "it holds no PEM certificates")])
async def test_a_cabundle_without_a_ca(installation: Installation, bundle: bytes, nature: str) -> None:
    with installation.changed("apiservices", "", API_SERVICE, set_bundle(bundle)):
        await installation.until_condition("FailedDiscoveryCheck")
        lines = await installation.lines()

    assert unexpected(lines)[1:] == [
        f"FAIL  caBundle of APIService v1alpha1.summary.kubesum.dev: {nature}, so the API server accepts no "
        "certificate; with cert-manager, check that its ca-injector runs; with a Secret of your own, upgrade the "
        "release",
        NOT_ANSWERED,
    ]


async def test_an_expired_ca_in_the_cabundle(installation: Installation) -> None:
    ended = certificates.authority("old-ca", timedelta(days=1), datetime.now(UTC) - timedelta(days=9)).certificate

    with installation.changed("apiservices", "", API_SERVICE, set_bundle(ended)):
        await installation.until_condition("FailedDiscoveryCheck")
        lines = await installation.lines()

    assert unexpected(lines)[1] == (
        "FAIL  caBundle of APIService v1alpha1.summary.kubesum.dev: old-ca (key KEY) expired on DATE; with "
        "cert-manager, check that its ca-injector runs; with a Secret of your own, upgrade the release"
    )


async def test_tls_verification_is_skipped(installation: Installation) -> None:
    def trusting(obj: Any) -> None:
        obj["spec"] |= {"caBundle": None, "insecureSkipTLSVerify": True}

    with installation.changed("apiservices", "", API_SERVICE, trusting):
        assert await installation.lines() == healthy_except(
            {
                REGISTERED: [
                    REGISTERED,
                    "warn  APIService v1alpha1.summary.kubesum.dev: insecureSkipTLSVerify is set, so the API server "
                    "accepts any serving certificate; set apiService.insecureSkipTLSVerify of the chart to false",
                ],
                CA_BUNDLE: [
                    "skip  caBundle of APIService v1alpha1.summary.kubesum.dev: not used, because "
                    "insecureSkipTLSVerify is set"
                ],
                CERTIFICATE: [],
            }
        )


async def test_a_certificate_that_expires_soon(installation: Installation) -> None:
    in_a_year = datetime.now(UTC) + certificates.LEAF_LIFETIME

    lines = await installation.lines(now=in_a_year - timedelta(days=6))

    assert unexpected(lines)[0] == (
        "warn  certificate of POD-1, POD-2: it expires on DATE; with cert-manager, see its Certificate; otherwise "
        "update the Secret that the pods mount"
    )


async def test_the_service_is_missing(installation: Installation) -> None:
    with installation.without("services", NAMESPACE, "kubesum"):
        await installation.until_condition("ServiceNotFound")

        assert await installation.lines() == healthy_except(
            {
                AVAILABLE: [
                    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, ServiceNotFound: service/kubesum "
                    'in "kubesum-system" is not present; apply the chart again, which creates the Service'
                ],
                SERVICE: ["FAIL  Service kubesum-system/kubesum: not found; apply the chart again, which creates it"],
                **dict.fromkeys((DEPLOYMENT, ENDPOINTS, POD_1, POD_2), ()),
                CERTIFICATE: [
                    "skip  certificate: no pod sends it; the lists below show whether the API server accepts it"
                ],
                WATCHING: ["skip  permissions of kubesum: its ServiceAccount is unknown without its pods"],
                **dict.fromkeys((REVIEWING, FOLLOWING, MEASURING), ()),
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
                VERSIONS: ["skip  versions: no pod answers /version; this doctor is v0.1.0"],
            }
        )


async def test_the_service_has_another_port(installation: Installation) -> None:
    def other_port(obj: Any) -> None:
        obj["spec"]["ports"][0]["port"] = 8443

    with installation.changed("services", NAMESPACE, "kubesum", other_port):
        await installation.until_condition("ServicePortError")

        assert await installation.lines() == healthy_except(
            {
                AVAILABLE: [
                    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, ServicePortError: "
                    'service/kubesum in "kubesum-system" is not listening on port 443; apply the chart again: '
                    "Service and APIService must name the same port"
                ],
                SERVICE: [
                    "FAIL  Service kubesum-system/kubesum: its port is 8443, but the APIService names 443; apply the "
                    "chart again, which sets both"
                ],
                **dict.fromkeys((ENDPOINTS, POD_1, POD_2), ()),
                CERTIFICATE: [
                    "skip  certificate: no pod sends it; the lists below show whether the API server accepts it"
                ],
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
                VERSIONS: [
                    "skip  versions: no pod with the image ghcr.io/kubesum/kubesum:0.1.0 answers /version; this "
                    "doctor is v0.1.0"
                ],
            }
        )


def unready(obj: Any) -> None:
    for endpoint in obj["endpoints"]:
        endpoint["conditions"]["ready"] = False


def name_other_port(obj: Any) -> None:
    obj["ports"][0]["name"] = "metrics"


async def test_endpoints_have_no_port_of_that_name(installation: Installation) -> None:
    with installation.changed("endpointslices", NAMESPACE, SLICE, name_other_port):
        await installation.until_condition("MissingEndpoints")
        lines = await installation.lines()

    assert unexpected(lines)[1:] == [
        'FAIL  EndpointSlices of the Service kubesum-system/kubesum: no endpoint with the port "https" is ready; see '
        "the pods above",
        "skip  certificate: no pod sends it; the lists below show whether the API server accepts it",
        NOT_ANSWERED,
        "skip  versions: no pod with the image ghcr.io/kubesum/kubesum:0.1.0 answers /version; this doctor is v0.1.0",
    ]


async def test_no_endpoint_is_ready(installation: Installation) -> None:
    with installation.changed("endpointslices", NAMESPACE, SLICE, unready):
        await installation.until_condition("MissingEndpoints")

        assert await installation.lines() == healthy_except(
            {
                AVAILABLE: [
                    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, MissingEndpoints: endpointslices "
                    'for service/kubesum in "kubesum-system" have no addresses with port name "https"; no pod is '
                    "ready: see the pods below"
                ],
                ENDPOINTS: [
                    'FAIL  EndpointSlices of the Service kubesum-system/kubesum: no endpoint with the port "https" '
                    "is ready; see the pods above"
                ],
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
            }
        )


async def test_there_are_no_endpointslices(installation: Installation) -> None:
    with installation.without("endpointslices", NAMESPACE, SLICE):
        await installation.until_condition("EndpointsNotFound")
        lines = await installation.lines()

    assert unexpected(lines)[:2] == [
        "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, EndpointsNotFound: cannot find endpointslices "
        'for service/kubesum in "kubesum-system"; the Service selects no pods: see its line below',
        "FAIL  EndpointSlices of the Service kubesum-system/kubesum: none; the Service selects no pod, or "
        "kube-controller-manager does not run",
    ]


def crashing(obj: Any) -> None:
    (status,) = obj["status"]["containerStatuses"]
    status |= {
        "ready": False,
        "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
    }
    next(one for one in obj["status"]["conditions"] if one["type"] == "Ready")["status"] = "False"


async def test_one_pod_of_two_crashes(installation: Installation) -> None:
    name = installation.pods[0]["metadata"]["name"]

    with (
        installation.changed("pods", NAMESPACE, name, crashing),
        installation.changed(
            "deployments", NAMESPACE, "kubesum", lambda obj: obj["status"].update({"readyReplicas": 1})
        ),
    ):
        assert await installation.lines() == healthy_except(
            {
                DEPLOYMENT: [
                    "warn  Deployment kubesum-system/kubesum: 1 of 2 pods are ready; see the others below",
                    "warn  Pod kubesum-system/POD-1: not ready, container kubesum: CrashLoopBackOff, 5 restarts, "
                    "last terminated with Error (exit code 1); kubectl logs --namespace kubesum-system POD-1 "
                    "--previous",
                ],
                POD_1: [
                    "skip  Pod kubesum-system/POD-1: /readyz cannot be read, error trying to reach service: dial tcp "
                    "POD-1-IP:10250: connect: connection refused"
                ],
                CERTIFICATE: [CERTIFICATE.replace("POD-1, POD-2", "POD-2")],
                VERSIONS: [VERSIONS.replace("POD-1, POD-2", "POD-2")],
            }
        )


async def test_no_pod_can_be_scheduled(installation: Installation) -> None:
    def pending(obj: Any) -> None:
        reason = {"reason": "Unschedulable", "message": "0/8 nodes are available: 8 Insufficient memory."}
        obj["status"] = {
            "phase": "Pending",
            "podIP": obj["status"]["podIP"],
            "conditions": [{"type": "PodScheduled", "status": "False", **reason}],
        }

    first, second = (pod["metadata"]["name"] for pod in installation.pods)
    with (
        installation.changed("pods", NAMESPACE, first, pending),
        installation.changed("pods", NAMESPACE, second, pending),
        installation.changed("deployments", NAMESPACE, "kubesum", lambda obj: obj["status"].pop("readyReplicas")),
    ):
        lines = await installation.lines()

    assert unexpected(lines)[:3] == [
        "FAIL  Deployment kubesum-system/kubesum: 0 of 2 pods are ready; see them below; if there are none, see "
        "kube-controller-manager",
        "FAIL  Pod kubesum-system/POD-1: not ready, Unschedulable: 0/8 nodes are available: 8 Insufficient memory.",
        "FAIL  Pod kubesum-system/POD-2: not ready, Unschedulable: 0/8 nodes are available: 8 Insufficient memory.",
    ]


async def test_the_deployment_cannot_create_pods(installation: Installation) -> None:
    def refused(obj: Any) -> None:
        message = 'pods "kubesum-1" is forbidden: exceeded quota'
        obj["status"] = {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": message}]}

    with installation.changed("deployments", NAMESPACE, "kubesum", refused):
        lines = await installation.lines()

    assert unexpected(lines) == [
        "FAIL  Deployment kubesum-system/kubesum: 0 of 2 pods are ready; "
        'pods "kubesum-1" is forbidden: exceeded quota'
    ]


async def test_the_deployment_is_scaled_to_zero(installation: Installation) -> None:
    with installation.changed("deployments", NAMESPACE, "kubesum", lambda obj: obj["spec"].update({"replicas": 0})):
        lines = await installation.lines()

    assert unexpected(lines) == [
        "FAIL  Deployment kubesum-system/kubesum: 2 of 0 pods are ready; "
        "kubectl scale --namespace kubesum-system deployment/kubesum --replicas=2"
    ]


async def test_the_service_selects_no_pods(installation: Installation) -> None:
    def select_others(obj: Any) -> None:
        obj["spec"]["selector"] = {"app": "others"}

    with installation.changed("services", NAMESPACE, "kubesum", select_others):
        lines = await installation.lines()

    assert unexpected(lines)[1] == (
        "FAIL  pods of the Service kubesum-system/kubesum: none has app=others; apply the chart again"
    )


async def test_a_blocked_pod_proxy_is_no_failure_while_the_apiservice_is_available(
    installation: Installation,
) -> None:
    """Some networks block it on purpose."""

    def other_number(obj: Any) -> None:
        obj["ports"][0]["port"] = 10251

    with installation.changed("endpointslices", NAMESPACE, SLICE, other_number):
        lines = await installation.lines()

    assert [line for line in unexpected(lines) if "Pod " in line] == [
        f"skip  Pod kubesum-system/POD-{index}: /readyz cannot be read, error trying to reach service: dial tcp "
        f"POD-{index}-IP:10251: connect: connection refused"
        for index in (1, 2)
    ]


def drop_watch(obj: Any) -> None:
    obj["rules"][0]["verbs"] = ["list"]


def drop_usage(obj: Any) -> None:
    obj["rules"] = [rule for rule in obj["rules"] if rule["apiGroups"] != ["metrics.k8s.io"]]


@pytest.mark.parametrize(
    ("how", "healthy", "broken"),
    [
        (
            drop_watch,
            WATCHING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not watch pods, nodes, namespaces; the "
            "ClusterRoleBinding kubesum:server grants kubesum:server; helm upgrade restores it",
        ),
        (
            drop_usage,
            MEASURING,
            "warn  ServiceAccount kubesum-system/kubesum: may not list nodes.metrics.k8s.io, pods.metrics.k8s.io; so "
            "usage is not shown; the ClusterRoleBinding kubesum:server grants kubesum:server; helm upgrade restores "
            "it",
        ),
    ],
)
async def test_a_rule_is_missing(
    installation: Installation, how: Callable[[Any], None], healthy: str, broken: str
) -> None:
    with installation.changed("clusterroles", "", "kubesum:reader", how):
        assert await installation.lines() == healthy_except({healthy: [broken]})


async def test_usage_is_switched_off(installation: Installation) -> None:
    def without_usage(obj: Any) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["args"] += ["--usage-interval=0"]

    with installation.changed("deployments", NAMESPACE, "kubesum", without_usage):
        assert await installation.lines() == healthy_except(
            {MEASURING: [], METRICS: ["skip  metrics.k8s.io: not read, because --usage-interval is 0"]}
        )


@pytest.mark.parametrize(
    ("binding", "healthy", "broken"),
    [
        (
            ("clusterrolebindings", "", "kubesum:system:auth-delegator"),
            REVIEWING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not create tokenreviews.authentication.k8s.io, "
            "subjectaccessreviews.authorization.k8s.io; the ClusterRoleBinding kubesum:auth-delegator grants "
            "system:auth-delegator; helm upgrade restores it",
        ),
        (
            ("rolebindings", "kube-system", "kubesum-auth-reader"),
            FOLLOWING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not list and watch configmaps "
            "extension-apiserver-authentication; the RoleBinding kube-system/kubesum:auth-reader grants "
            "extension-apiserver-authentication-reader; helm upgrade restores it",
        ),
    ],
)
async def test_a_binding_is_missing(
    installation: Installation, binding: tuple[str, str, str], healthy: str, broken: str
) -> None:
    with installation.without(*binding):
        lines = await installation.lines()

    # Pods answer /version to anonymous requests only if a SubjectAccessReview allows it.
    assert [line for line in lines if "versions: " not in line] == healthy_except({healthy: [broken], VERSIONS: []})


CERTIFICATES = (
    "ok    ServiceAccount kubesum-system/kubesum: may keep its certificates in the Secret "
    "kubesum-system/kubesum-tls, and set the caBundle of its APIService"
)


def self_managed(obj: Any) -> None:
    (container,) = obj["spec"]["template"]["spec"]["containers"]
    container["args"] = ["serve", "--secure-port=10250", "--tls-secret", "kubesum-tls"]


async def test_self_managed_certificates_need_more_permissions(installation: Installation) -> None:
    with installation.changed("deployments", NAMESPACE, "kubesum", self_managed):
        complete = await installation.lines()
        with installation.without("rolebindings", NAMESPACE, "kubesum-certificates"):
            without_secret = await installation.lines()
        with installation.without("clusterrolebindings", "", "kubesum:certificates"):
            without_service = await installation.lines()

    assert complete == healthy_except({FOLLOWING: [FOLLOWING, CERTIFICATES]})
    remedy = (
        "the ClusterRole kubesum:server and a Role in the namespace kubesum-system grant it; helm upgrade restores it"
    )
    account = "FAIL  ServiceAccount kubesum-system/kubesum"
    assert unexpected(without_secret) == [f"{account}: may not get and patch secrets kubesum-tls; {remedy}"]
    assert unexpected(without_service) == [
        f"{account}: may not get and patch apiservices.apiregistration.k8s.io v1alpha1.summary.kubesum.dev; {remedy}"
    ]


async def test_the_api_server_has_no_front_proxy_certificate(installation: Installation) -> None:
    """Without requestheader-client-ca-file, kubesum ends every new connection of the API server."""

    def unset(obj: Any) -> None:
        obj["data"] = {"client-ca-file": obj["data"]["client-ca-file"]}

    async def is_in_force() -> bool:
        try:
            answer = await installation.server.forwarded("/livez", "root", "system:masters")
        except aiohttp.ClientError:
            return True
        return answer.code == 401

    bundle = installation.server.authority.certificate + certificates.authority("new-ca").certificate
    with installation.changed("configmaps", "kube-system", AUTHENTICATION_CONFIG, unset):
        await eventually(is_in_force)
        # Another caBundle means new connections; on older ones, requests are answered with 401.
        with installation.changed("apiservices", "", API_SERVICE, set_bundle(bundle)):
            await installation.until_condition("FailedDiscoveryCheck", "EOF")

            assert await installation.lines() == healthy_except(
                {
                    AVAILABLE: [
                        f'{FAILED}Get "{URL}": EOF; kubesum does not accept the front proxy certificate of the API '
                        "server: see the ConfigMap extension-apiserver-authentication"
                    ],
                    CA_BUNDLE: [CA_BUNDLE.replace(", valid", ", new-ca (key KEY), valid")],
                    CONFIG: [
                        "FAIL  ConfigMap kube-system/extension-apiserver-authentication: "
                        "requestheader-client-ca-file is missing, so kubesum accepts no front proxy; start "
                        "kube-apiserver with --requestheader-client-ca-file, "
                        "--requestheader-username-headers=X-Remote-User, "
                        "--requestheader-group-headers=X-Remote-Group, "
                        "--requestheader-extra-headers-prefix=X-Remote-Extra-, --proxy-client-cert-file and "
                        "--proxy-client-key-file"
                    ],
                    LISTS: [NOT_ANSWERED],
                    INFORMERS: [],
                }
            )


async def test_the_apiservice_names_no_service(installation: Installation) -> None:
    with installation.changed("apiservices", "", API_SERVICE, lambda obj: obj["spec"].pop("service")):
        lines = await installation.lines()

    assert unexpected(lines)[0] == (
        "FAIL  APIService v1alpha1.summary.kubesum.dev: it names no Service, so the API server serves the group "
        "itself; delete the CustomResourceDefinitions of the group summary.kubesum.dev, and apply the chart again"
    )
