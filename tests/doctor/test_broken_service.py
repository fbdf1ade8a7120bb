"""The Service, its endpoints, the Deployment or its pods are wrong; only the lines about them change."""

from typing import Any

import pytest

from kubesum import __version__
from tests.doctor.brokencluster import (
    AVAILABLE,
    CERTIFICATE,
    DEPLOYMENT,
    ENDPOINTS,
    FOLLOWING,
    INFORMERS,
    LISTS,
    MEASURING,
    NAMESPACE,
    NOT_ANSWERED,
    POD_1,
    POD_2,
    REVIEWING,
    SERVICE,
    VERSIONS,
    WATCHING,
    Installation,
    healthy_except,
    unexpected,
)

IMAGE = f"ghcr.io/kubesum/kubesum:{__version__}"

pytestmark = pytest.mark.asyncio(loop_scope="module")


SLICE = "kubesum-5xk2p"


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
                VERSIONS: [f"skip  versions: no pod answers /version; this doctor is v{__version__}"],
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
                    f"skip  versions: no pod with the image {IMAGE} answers /version; this doctor is v{__version__}"
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
        f"skip  versions: no pod with the image {IMAGE} answers /version; this doctor is v{__version__}",
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
