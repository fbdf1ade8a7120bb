"""One thing is broken at a time, and the line that names it is the one that changes."""

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
    Patient,
    but,
    news,
    patient,
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
async def well(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Patient]:
    async with patient(tmp_path_factory.mktemp("patient")) as well:
        yield well


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def recovered(well: Patient) -> AsyncIterator[None]:
    """Each test begins with what is well."""
    await well.judged("Passed")
    yield


async def test_a_healthy_installation_is_well(well: Patient) -> None:
    assert await well.lines() == list(HEALTHY)


def set_bundle(bundle: bytes | None) -> Callable[[Any], None]:
    """Has the API server believe other authorities."""
    return lambda obj: obj["spec"].update({"caBundle": bundle and b64encode(bundle).decode()})


async def test_a_wrong_cabundle(well: Patient) -> None:
    other = certificates.authority("other-ca").certificate

    with well.changed("apiservices", "", API_SERVICE, set_bundle(other)):
        await well.judged("FailedDiscoveryCheck")

        assert await well.lines() == but(
            {
                AVAILABLE: [
                    f'{FAILED}Get "{URL}": tls: failed to verify certificate: x509: certificate signed by unknown '
                    "authority; caBundle is not the authority of kubesum's certificate: see below"
                ],
                CA_BUNDLE: [CA_BUNDLE.replace("kubesum-ca", "other-ca")],
                CERTIFICATE: [
                    "FAIL  certificate of POD-1, POD-2: it was issued by kubesum-ca (key KEY), but caBundle holds "
                    "other-ca (key KEY), and so the API server does not believe it; with cert-manager, see that its "
                    "ca-injector runs; with a Secret of your own, upgrade the release"
                ],
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
            }
        )


@pytest.mark.parametrize(("bundle", "nature"), [(b"", "it is empty"), (b"nonsense", "it holds no PEM certificates")])
async def test_a_cabundle_without_an_authority(well: Patient, bundle: bytes, nature: str) -> None:
    with well.changed("apiservices", "", API_SERVICE, set_bundle(bundle)):
        await well.judged("FailedDiscoveryCheck")
        lines = await well.lines()

    assert news(lines)[1:] == [
        f"FAIL  caBundle of APIService v1alpha1.summary.kubesum.dev: {nature}, so the API server believes no "
        "kubesum; with cert-manager, see that its ca-injector runs; with a Secret of your own, upgrade the release",
        NOT_ANSWERED,
    ]


async def test_an_authority_that_expired(well: Patient) -> None:
    ended = certificates.authority("old-ca", timedelta(days=1), datetime.now(UTC) - timedelta(days=9)).certificate

    with well.changed("apiservices", "", API_SERVICE, set_bundle(ended)):
        await well.judged("FailedDiscoveryCheck")
        lines = await well.lines()

    assert news(lines)[1] == (
        "FAIL  caBundle of APIService v1alpha1.summary.kubesum.dev: old-ca (key KEY) expired on DATE; "
        "with cert-manager, see that its ca-injector runs; with a Secret of your own, upgrade the release"
    )


async def test_nothing_is_verified(well: Patient) -> None:
    def trusting(obj: Any) -> None:
        obj["spec"] |= {"caBundle": None, "insecureSkipTLSVerify": True}

    with well.changed("apiservices", "", API_SERVICE, trusting):
        assert await well.lines() == but(
            {
                REGISTERED: [
                    REGISTERED,
                    "warn  APIService v1alpha1.summary.kubesum.dev: insecureSkipTLSVerify is set, so the API server "
                    "believes whoever answers there; set apiService.insecureSkipTLSVerify of the chart to false",
                ],
                CA_BUNDLE: [
                    "skip  caBundle of APIService v1alpha1.summary.kubesum.dev: nobody asks it, since "
                    "insecureSkipTLSVerify is set"
                ],
                CERTIFICATE: [],
            }
        )


async def test_a_certificate_that_expires_soon(well: Patient) -> None:
    in_a_year = datetime.now(UTC) + certificates.LEAF_LIFETIME

    lines = await well.lines(now=in_a_year - timedelta(days=6))

    assert news(lines)[0] == (
        "warn  certificate of POD-1, POD-2: it expires on DATE; with cert-manager, see its Certificate; otherwise "
        "put a new pair into the Secret that the pods mount"
    )


async def test_the_service_is_missing(well: Patient) -> None:
    with well.without("services", NAMESPACE, "kubesum"):
        await well.judged("ServiceNotFound")

        assert await well.lines() == but(
            {
                AVAILABLE: [
                    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, ServiceNotFound: service/kubesum "
                    'in "kubesum-system" is not present; apply the chart again, which makes the Service'
                ],
                SERVICE: [
                    "FAIL  Service kubesum-system/kubesum: there is none; apply the chart again, which makes it"
                ],
                **dict.fromkeys((DEPLOYMENT, ENDPOINTS, POD_1, POD_2), ()),
                CERTIFICATE: [
                    "skip  certificate: no pod tells what it shows; whether it is believed, the lists below tell"
                ],
                WATCHING: ["skip  rights of kubesum: the pods would say which ServiceAccount is theirs"],
                **dict.fromkeys((REVIEWING, FOLLOWING, MEASURING), ()),
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
                VERSIONS: ["skip  versions: no pod tells its own; this doctor is v0.1.0"],
            }
        )


async def test_the_service_listens_on_another_port(well: Patient) -> None:
    def other_port(obj: Any) -> None:
        obj["spec"]["ports"][0]["port"] = 8443

    with well.changed("services", NAMESPACE, "kubesum", other_port):
        await well.judged("ServicePortError")

        assert await well.lines() == but(
            {
                AVAILABLE: [
                    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, ServicePortError: "
                    'service/kubesum in "kubesum-system" is not listening on port 443; apply the chart again: '
                    "Service and APIService must name the same port"
                ],
                SERVICE: [
                    "FAIL  Service kubesum-system/kubesum: it listens on port 8443, but the APIService names 443; "
                    "apply the chart again, which sets both"
                ],
                **dict.fromkeys((ENDPOINTS, POD_1, POD_2), ()),
                CERTIFICATE: [
                    "skip  certificate: no pod tells what it shows; whether it is believed, the lists below tell"
                ],
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
                VERSIONS: [
                    "skip  versions: no pod of the image ghcr.io/kubesum/kubesum:0.1.0 tells its own; "
                    "this doctor is v0.1.0"
                ],
            }
        )


def unready(obj: Any) -> None:
    for endpoint in obj["endpoints"]:
        endpoint["conditions"]["ready"] = False


def name_other_port(obj: Any) -> None:
    obj["ports"][0]["name"] = "metrics"


async def test_endpoints_have_no_port_of_that_name(well: Patient) -> None:
    with well.changed("endpointslices", NAMESPACE, SLICE, name_other_port):
        await well.judged("MissingEndpoints")
        lines = await well.lines()

    assert news(lines)[1:] == [
        'FAIL  EndpointSlices of the Service kubesum-system/kubesum: no address with the port "https" is ready; '
        "see above what the pods lack",
        "skip  certificate: no pod tells what it shows; whether it is believed, the lists below tell",
        NOT_ANSWERED,
        "skip  versions: no pod of the image ghcr.io/kubesum/kubesum:0.1.0 tells its own; this doctor is v0.1.0",
    ]


async def test_no_endpoint_is_ready(well: Patient) -> None:
    with well.changed("endpointslices", NAMESPACE, SLICE, unready):
        await well.judged("MissingEndpoints")

        assert await well.lines() == but(
            {
                AVAILABLE: [
                    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, MissingEndpoints: endpointslices "
                    'for service/kubesum in "kubesum-system" have no addresses with port name "https"; '
                    "no pod is ready: see below"
                ],
                ENDPOINTS: [
                    "FAIL  EndpointSlices of the Service kubesum-system/kubesum: no address with the port "
                    '"https" is ready; see above what the pods lack'
                ],
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
            }
        )


async def test_there_are_no_endpointslices(well: Patient) -> None:
    with well.without("endpointslices", NAMESPACE, SLICE):
        await well.judged("EndpointsNotFound")
        lines = await well.lines()

    assert news(lines)[:2] == [
        "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, EndpointsNotFound: cannot find endpointslices "
        'for service/kubesum in "kubesum-system"; the Service finds no pods: see below',
        "FAIL  EndpointSlices of the Service kubesum-system/kubesum: there are none; the Service finds no pod, or "
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


async def test_one_pod_of_two_crashes(well: Patient) -> None:
    name = well.pods[0]["metadata"]["name"]

    with (
        well.changed("pods", NAMESPACE, name, crashing),
        well.changed("deployments", NAMESPACE, "kubesum", lambda obj: obj["status"].update({"readyReplicas": 1})),
    ):
        assert await well.lines() == but(
            {
                DEPLOYMENT: [
                    "warn  Deployment kubesum-system/kubesum: 1 of 2 pods are ready; see below what the others lack",
                    "warn  Pod kubesum-system/POD-1: not ready, container kubesum: CrashLoopBackOff, 5 restarts, "
                    "last ended with Error (exit code 1); kubectl logs --namespace kubesum-system POD-1 --previous",
                ],
                POD_1: [
                    "skip  Pod kubesum-system/POD-1: what it says of itself is not known, error trying to reach "
                    "service: dial tcp POD-1-IP:10250: connect: connection refused"
                ],
                CERTIFICATE: [CERTIFICATE.replace("POD-1, POD-2", "POD-2")],
                VERSIONS: [VERSIONS.replace("POD-1, POD-2", "POD-2")],
            }
        )


async def test_no_pod_can_be_scheduled(well: Patient) -> None:
    def pending(obj: Any) -> None:
        reason = {"reason": "Unschedulable", "message": "0/8 nodes are available: 8 Insufficient memory."}
        obj["status"] = {
            "phase": "Pending",
            "podIP": obj["status"]["podIP"],
            "conditions": [{"type": "PodScheduled", "status": "False", **reason}],
        }

    first, second = (pod["metadata"]["name"] for pod in well.pods)
    with (
        well.changed("pods", NAMESPACE, first, pending),
        well.changed("pods", NAMESPACE, second, pending),
        well.changed("deployments", NAMESPACE, "kubesum", lambda obj: obj["status"].pop("readyReplicas")),
    ):
        lines = await well.lines()

    assert news(lines)[:3] == [
        "FAIL  Deployment kubesum-system/kubesum: 0 of 2 pods are ready; see below what they lack, or that "
        "kube-controller-manager makes none",
        "FAIL  Pod kubesum-system/POD-1: not ready, Unschedulable: 0/8 nodes are available: 8 Insufficient memory.",
        "FAIL  Pod kubesum-system/POD-2: not ready, Unschedulable: 0/8 nodes are available: 8 Insufficient memory.",
    ]


async def test_the_deployment_can_make_no_pods(well: Patient) -> None:
    def refused(obj: Any) -> None:
        message = 'pods "kubesum-1" is forbidden: exceeded quota'
        obj["status"] = {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": message}]}

    with well.changed("deployments", NAMESPACE, "kubesum", refused):
        lines = await well.lines()

    assert news(lines) == [
        "FAIL  Deployment kubesum-system/kubesum: 0 of 2 pods are ready; "
        'pods "kubesum-1" is forbidden: exceeded quota'
    ]


async def test_the_deployment_is_scaled_to_nothing(well: Patient) -> None:
    with well.changed("deployments", NAMESPACE, "kubesum", lambda obj: obj["spec"].update({"replicas": 0})):
        lines = await well.lines()

    assert news(lines) == [
        "FAIL  Deployment kubesum-system/kubesum: 2 of 0 pods are ready; "
        "kubectl scale --namespace kubesum-system deployment/kubesum --replicas=2"
    ]


async def test_the_service_selects_nothing(well: Patient) -> None:
    def select_others(obj: Any) -> None:
        obj["spec"]["selector"] = {"app": "others"}

    with well.changed("services", NAMESPACE, "kubesum", select_others):
        lines = await well.lines()

    assert news(lines)[1] == (
        "FAIL  Pods of the Service kubesum-system/kubesum: none has app=others; apply the chart again"
    )


async def test_the_api_server_does_not_reach_the_pods_one_by_one(well: Patient) -> None:
    """Which some networks forbid on purpose, and which harms nobody while the aggregator gets through."""

    def other_number(obj: Any) -> None:
        obj["ports"][0]["port"] = 10251

    with well.changed("endpointslices", NAMESPACE, SLICE, other_number):
        lines = await well.lines()

    assert [line for line in news(lines) if "Pod " in line] == [
        f"skip  Pod kubesum-system/POD-{index}: what it says of itself is not known, error trying to reach service: "
        f"dial tcp POD-{index}-IP:10251: connect: connection refused"
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
            "FAIL  ServiceAccount kubesum-system/kubesum: may not watch pods, nodes, namespaces; "
            "the ClusterRoleBinding kubesum:server gives it kubesum:server; helm upgrade restores that",
        ),
        (
            drop_usage,
            MEASURING,
            "warn  ServiceAccount kubesum-system/kubesum: may not list nodes.metrics.k8s.io, "
            "pods.metrics.k8s.io; so usage is left out; the ClusterRoleBinding kubesum:server gives it "
            "kubesum:server; helm upgrade restores that",
        ),
    ],
)
async def test_a_rule_is_missing(well: Patient, how: Callable[[Any], None], healthy: str, broken: str) -> None:
    with well.changed("clusterroles", "", "kubesum:reader", how):
        assert await well.lines() == but({healthy: [broken]})


async def test_usage_that_nobody_wants(well: Patient) -> None:
    def without_usage(obj: Any) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["args"] += ["--usage-interval=0"]

    with well.changed("deployments", NAMESPACE, "kubesum", without_usage):
        assert await well.lines() == but(
            {MEASURING: [], METRICS: ["skip  metrics.k8s.io: --usage-interval tells kubesum not to read it"]}
        )


@pytest.mark.parametrize(
    ("binding", "healthy", "broken"),
    [
        (
            ("clusterrolebindings", "", "kubesum:system:auth-delegator"),
            REVIEWING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not create tokenreviews.authentication.k8s.io, "
            "subjectaccessreviews.authorization.k8s.io; the ClusterRoleBinding kubesum:auth-delegator gives "
            "it system:auth-delegator; helm upgrade restores that",
        ),
        (
            ("rolebindings", "kube-system", "kubesum-auth-reader"),
            FOLLOWING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not list and watch configmaps "
            "extension-apiserver-authentication; the RoleBinding kube-system/kubesum:auth-reader gives it "
            "extension-apiserver-authentication-reader; "
            "helm upgrade restores that",
        ),
    ],
)
async def test_a_binding_is_missing(well: Patient, binding: tuple[str, str, str], healthy: str, broken: str) -> None:
    with well.without(*binding):
        lines = await well.lines()

    # Pods tell their version to strangers only if the API server says that they may.
    assert [line for line in lines if "versions: " not in line] == but({healthy: [broken], VERSIONS: []})


KEEPING = (
    "ok    ServiceAccount kubesum-system/kubesum: may keep its certificates in the Secret "
    "kubesum-system/kubesum-tls, and have them believed"
)


def self_managed(obj: Any) -> None:
    (container,) = obj["spec"]["template"]["spec"]["containers"]
    container["args"] = ["serve", "--secure-port=10250", "--tls-secret", "kubesum-tls"]


async def test_certificates_that_kubesum_keeps_take_rights_of_their_own(well: Patient) -> None:
    with well.changed("deployments", NAMESPACE, "kubesum", self_managed):
        entitled = await well.lines()
        with well.without("rolebindings", NAMESPACE, "kubesum-certificates"):
            without_secret = await well.lines()
        with well.without("clusterrolebindings", "", "kubesum:certificates"):
            without_service = await well.lines()

    assert entitled == but({FOLLOWING: [FOLLOWING, KEEPING]})
    remedy = (
        "the ClusterRole kubesum:server and a Role of the namespace kubesum-system give it that; "
        "helm upgrade restores that"
    )
    account = "FAIL  ServiceAccount kubesum-system/kubesum"
    assert news(without_secret) == [f"{account}: may not get and patch secrets kubesum-tls; {remedy}"]
    assert news(without_service) == [
        f"{account}: may not get and patch apiservices.apiregistration.k8s.io v1alpha1.summary.kubesum.dev; {remedy}"
    ]


async def test_the_api_server_has_no_front_proxy(well: Patient) -> None:
    """No requestheader-client-ca-file: nobody is believed about who asks, on no connection that is new."""

    def unset(obj: Any) -> None:
        obj["data"] = {"client-ca-file": obj["data"]["client-ca-file"]}

    async def is_in_force() -> bool:
        try:
            answer = await well.server.forwarded("/livez", "root", "system:masters")
        except aiohttp.ClientError:
            return True
        return answer.code == 401

    bundle = well.server.authority.certificate + certificates.authority("new-ca").certificate
    with well.changed("configmaps", "kube-system", AUTHENTICATION_CONFIG, unset):
        await eventually(is_in_force)
        # Another caBundle means other connections; on older ones, requests are refused by 401.
        with well.changed("apiservices", "", API_SERVICE, set_bundle(bundle)):
            await well.judged("FailedDiscoveryCheck", "EOF")

            assert await well.lines() == but(
                {
                    AVAILABLE: [
                        f'{FAILED}Get "{URL}": EOF; kubesum does not believe the front proxy of the API server: see '
                        "the ConfigMap extension-apiserver-authentication below"
                    ],
                    CA_BUNDLE: [CA_BUNDLE.replace(", valid", ", new-ca (key KEY), valid")],
                    CONFIG: [
                        "FAIL  ConfigMap kube-system/extension-apiserver-authentication: no "
                        "requestheader-client-ca-file, so kubesum believes nobody about who asks; start "
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


async def test_the_apiservice_names_no_service(well: Patient) -> None:
    with well.changed("apiservices", "", API_SERVICE, lambda obj: obj["spec"].pop("service")):
        lines = await well.lines()

    assert news(lines)[0] == (
        "FAIL  APIService v1alpha1.summary.kubesum.dev: it names no Service, so the API server serves the group "
        "itself; delete the CustomResourceDefinitions of the group summary.kubesum.dev, and apply the chart again"
    )
