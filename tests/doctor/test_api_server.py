"""The checks of the API server and of the APIService, in front of a scripted API server."""

import pytest

from kubesum.doctor.checks.apiserver import check_api_server
from kubesum.doctor.checks.registration import check_registration
from tests.doctor.scriptedcluster import Scripted, json_body
from tests.unit.kube.scriptedserver import failure


async def test_an_unsupported_kubernetes_version(scripted: Scripted) -> None:
    scripted.script.answers += [json_body({"gitVersion": "v1.29.15+k3s1"}), json_body({"resources": []})]

    assert await check_api_server(scripted.cluster, scripted.report)

    assert (
        scripted.lines[0]
        == f"warn  API server {scripted.script.url}: Kubernetes v1.29.15+k3s1; kubesum is made for 1.30 to 1.37"
    )


async def test_a_disabled_aggregation_layer(scripted: Scripted) -> None:
    absent = failure(404, "NotFound", "not found")
    scripted.script.answers += [json_body({"gitVersion": "v1.36.0"}), absent, absent]

    assert not await check_api_server(scripted.cluster, scripted.report)

    assert scripted.lines[1] == (
        f"FAIL  API server {scripted.script.url}: the aggregation layer is disabled, so kubesum cannot be "
        "registered; use kubesum local instead"
    )


async def test_a_kubesum_that_runs_locally(scripted: Scripted) -> None:
    absent = failure(404, "NotFound", "not found")
    scripted.script.answers += [json_body({"gitVersion": "v0.1.0"}), absent, json_body({"resources": []})]

    assert not await check_api_server(scripted.cluster, scripted.report)

    assert scripted.lines == [
        f"FAIL  API server {scripted.script.url}: this is kubesum itself, as kubesum local serves it; use the "
        "kubeconfig of the cluster in which kubesum is installed"
    ]


async def test_a_server_that_is_no_api_server(scripted: Scripted) -> None:
    scripted.script.answers += [failure(404, "NotFound", "not found")]

    assert not await check_api_server(scripted.cluster, scripted.report)

    assert scripted.lines == [
        f"FAIL  API server {scripted.script.url}: /version is not found, so this is no Kubernetes API server"
    ]


async def test_expired_credentials(scripted: Scripted) -> None:
    scripted.script.answers += [
        failure(401, "Unauthorized", "Unauthorized"),
        failure(401, "Unauthorized", "Unauthorized"),
    ]

    assert not await check_api_server(scripted.cluster, scripted.report)

    assert scripted.lines == [
        f"FAIL  API server: {scripted.script.url}/version answers 401 Unauthorized: Unauthorized; check the server "
        "and the credentials in the kubeconfig"
    ]


async def test_a_new_apiservice(scripted: Scripted) -> None:
    service = {"namespace": "kubesum-system", "name": "kubesum"}
    scripted.script.answers += [json_body({"spec": {"service": service, "groupPriorityMinimum": 1000}})]

    await check_registration(scripted.cluster, scripted.report, "v1alpha1.summary.kubesum.dev")

    assert scripted.lines[1] == (
        "FAIL  APIService v1alpha1.summary.kubesum.dev: the API server has not checked its availability yet; run "
        "this again in 30 s"
    )


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        (
            'Get "https://10.0.0.1:443/x": net/http: request canceled while waiting for connection '
            "(Client.Timeout exceeded while awaiting headers)",
            "the API server cannot reach the pods: allow traffic from its network to port 10250 of the pods, exempt "
            "the cluster's addresses from any HTTP proxy that it uses, or set hostNetwork.enabled of the chart",
        ),
        (
            'Get "https://10.0.0.1:443/x": dial tcp 10.0.0.1:443: connect: connection refused',
            "no process listens there: see the pods",
        ),
        (
            "bad status from https://10.0.0.1:443/x: 403",
            "kubesum treats the API server as anonymous: see the ConfigMap extension-apiserver-authentication; or an "
            "HTTP proxy answers in place of kubesum: exempt the cluster's addresses from it",
        ),
        (
            "bad status from https://10.0.0.1:443/x: 401",
            "kubesum does not accept the front proxy certificate of the API server: see the ConfigMap "
            "extension-apiserver-authentication",
        ),
        (
            'Get "https://10.0.0.1:443/x": tls: failed to verify certificate: x509: certificate specifies an '
            "incompatible key usage",
            "kubesum's certificate is not for servers: see the certificate",
        ),
        (
            'Get "https://10.0.0.1:443/x": tls: failed to parse certificate from server: x509: invalid subject '
            "alternative name",
            "kubesum's certificate is malformed: see the certificate",
        ),
        ("bad status from https://10.0.0.1:443/x: 502", "see the logs of kubesum and of the API server"),
    ],
)
async def test_an_unavailable_apiservice_has_a_remedy_for_each_message(
    scripted: Scripted, message: str, remedy: str
) -> None:
    condition = {"type": "Available", "status": "False", "reason": "FailedDiscoveryCheck", "message": message}
    service = {"namespace": "kubesum-system", "name": "kubesum"}
    scripted.script.answers += [json_body({"spec": {"service": service}, "status": {"conditions": [condition]}})]

    await check_registration(scripted.cluster, scripted.report, "v1alpha1.summary.kubesum.dev")

    assert scripted.lines[1] == (
        f"FAIL  APIService v1alpha1.summary.kubesum.dev: not available, FailedDiscoveryCheck: {message}; {remedy}"
    )
