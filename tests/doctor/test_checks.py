"""Single checks in front of a scripted API server, with responses that a real one seldom gives."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kubesum.doctor.checks.apiserver import check_api_server
from kubesum.doctor.checks.endpoints import check_endpoints
from kubesum.doctor.checks.frontproxy import check_front_proxy
from kubesum.doctor.checks.informers import check_informers
from kubesum.doctor.checks.lists import check_lists
from kubesum.doctor.checks.metricsapi import check_metrics_api
from kubesum.doctor.checks.registration import check_registration
from kubesum.doctor.checks.replicas import Replica, check_replicas, check_versions
from kubesum.doctor.views import Container, Pod, PodSpec, ServiceReference
from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from kubesum.kube.objects import Metadata
from kubesum.resources import nodesummaries, podsummaries
from tests.doctor.scriptedcluster import Scripted
from tests.unit.kube.scriptedserver import body, cut, failure

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def json_body(content: object) -> Any:
    return body(json.dumps(content).encode())


async def test_an_unsupported_kubernetes_version(scripted: Scripted) -> None:
    scripted.script.answers += [json_body({"gitVersion": "v1.29.15+k3s1"}), json_body({"resources": []})]

    assert await check_api_server(scripted.cluster, scripted.report)

    assert (
        scripted.lines[0]
        == f"warn  API server {scripted.script.url}: Kubernetes v1.29.15+k3s1; kubesum is made for 1.30 to 1.37"
    )


async def test_a_disabled_aggregation_layer(scripted: Scripted) -> None:
    scripted.script.answers += [json_body({"gitVersion": "v1.36.0"}), failure(404, "NotFound", "not found")]

    assert not await check_api_server(scripted.cluster, scripted.report)

    assert scripted.lines[1] == (
        f"FAIL  API server {scripted.script.url}: the aggregation layer is disabled, so kubesum cannot be "
        "registered; use kubesum local instead"
    )


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


SERVICE = {
    "metadata": {"name": "kubesum"},
    "spec": {
        "ports": [{"name": "https", "port": 443, "targetPort": "https"}],
        "clusterIP": "None",
        "selector": {"app.kubernetes.io/name": "kubesum"},
    },
}


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "kubesum-system", "name": "kubesum-1"}, "status": status}


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ({"phase": "Pending"}, "Pending; kubectl describe pod --namespace kubesum-system kubesum-1"),
        (
            {"containerStatuses": [{"name": "kubesum", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
            "container kubesum: ErrImagePull; kubectl describe pod --namespace kubesum-system kubesum-1",
        ),
        (
            {"containerStatuses": [{"name": "kubesum", "state": {"running": {}}}]},
            "container kubesum: its probe fails; kubectl describe pod --namespace kubesum-system kubesum-1",
        ),
    ],
)
async def test_why_a_pod_is_not_ready(scripted: Scripted, status: dict[str, Any], reason: str) -> None:
    scripted.script.answers += [json_body(SERVICE), json_body({"items": []}), json_body({"items": [pod(**status)]})]
    scripted.script.answers += [json_body({"items": None})]

    await check_endpoints(scripted.cluster, scripted.report, ServiceReference("kubesum-system", "kubesum"))

    assert scripted.lines[0] == (
        "FAIL  Service kubesum-system/kubesum: it is headless, but the API server needs its cluster IP; apply the "
        "chart again"
    )
    assert scripted.lines[2] == f"FAIL  Pod kubesum-system/kubesum-1: not ready, {reason}"


POD_READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("answer", "is_available", "line"),
    [
        (cut(b"", 10), True, "skip  {pod}: /readyz cannot be read, {timeout}"),
        (cut(b"", 10), False, "FAIL  {pod}: {timeout}; see the logs of kubesum and of the API server"),
        (
            failure(503, "ServiceUnavailable", "error trying to reach service: dial tcp 10.0.0.1:10250: i/o timeout"),
            False,
            "FAIL  {pod}: error trying to reach service: dial tcp 10.0.0.1:10250: i/o timeout; the API server "
            "cannot reach the pods: allow traffic from its network to port 10250 of the pods, exempt the cluster's "
            "addresses from any HTTP proxy that it uses, or set hostNetwork.enabled of the chart",
        ),
        (
            body(b"{}"),
            False,
            "FAIL  {pod}: it answers 200 without a message; see the logs of kubesum and of the API server",
        ),
    ],
)
async def test_an_unreachable_pod(scripted: Scripted, answer: Any, is_available: bool, line: str) -> None:
    scripted.script.answers += [answer]
    one = msgspec.convert(pod(**POD_READY), Pod)

    assert await check_replicas(scripted.cluster, scripted.report, [one], 10250, is_available) == []

    timeout = f"cannot reach {scripted.script.url}: the answer broke off"
    assert scripted.lines == [line.format(pod="Pod kubesum-system/kubesum-1", timeout=timeout)]


@pytest.mark.parametrize(
    ("statuses", "level"),
    [(({}, POD_READY), "warn"), (({}, {}), "FAIL"), ((POD_READY, {}), "FAIL")],
    ids=["another is ready", "none is ready", "it is ready"],
)
async def test_a_pod_whose_informers_are_not_synced(
    scripted: Scripted, statuses: tuple[dict[str, Any], ...], level: str
) -> None:
    text = b"[+]ping ok\n[-]informer-sync failed: reason withheld\nreadyz check failed\n"
    scripted.script.answers += [body(text, 500, "text/plain; charset=utf-8"), json_body({"gitVersion": "v0.1.0"})]
    scripted.script.answers += [failure(404, "NotFound", "pods not found")]
    first, second = (msgspec.convert(pod(**status), Pod) for status in statuses)

    found = await check_replicas(scripted.cluster, scripted.report, [first, second], 10250, is_available=True)

    assert [(one.chain, one.version) for one in found] == [((), "v0.1.0")]
    assert scripted.lines[0] == (
        f"{level}  Pod kubesum-system/kubesum-1: check informer-sync of /readyz fails, an initial list is not "
        "complete: see its permissions below, and its log"
    )


async def test_terminated_pods_are_ignored(scripted: Scripted) -> None:
    ended = [pod(phase="Failed", reason="Evicted"), pod(phase="Succeeded")]
    scripted.script.answers += [json_body(SERVICE), json_body({"items": []}), json_body({"items": ended})]
    scripted.script.answers += [json_body({"items": []})]

    found = await check_endpoints(scripted.cluster, scripted.report, ServiceReference("kubesum-system", "kubesum"))

    assert found is not None
    assert found.pods == ()
    assert not any("Pod " in line for line in scripted.lines)


def config(clients: KeyPair, front_proxies: KeyPair, names: list[str]) -> dict[str, str]:
    """The data of the ConfigMap."""
    return {
        "client-ca-file": clients.certificate.decode(),
        "requestheader-client-ca-file": front_proxies.certificate.decode(),
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-allowed-names": json.dumps(names),
    }


USERS, PROXIES = certificates.authority("users"), certificates.authority("proxies", now=NOW)
ENDED = certificates.authority("proxies", timedelta(days=1), NOW - timedelta(days=3))
WHAT = "ConfigMap kube-system/extension-apiserver-authentication"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (
            config(USERS, USERS, []),
            f"FAIL  {WHAT}: the CA of the front proxy also signs users' certificates, and "
            "requestheader-allowed-names is empty, so any user could impersonate others, and kubesum accepts no "
            "front proxy; use a separate CA, or set --requestheader-allowed-names of kube-apiserver",
        ),
        (
            config(USERS, USERS, ["front-proxy-client"]),
            f"warn  {WHAT}: the CA of the front proxy also signs users' certificates, so whoever obtains one with "
            "the name front-proxy-client can impersonate any user; use a separate CA",
        ),
        (
            config(USERS, PROXIES, []),
            f"warn  {WHAT}: requestheader-allowed-names is empty, so any certificate of that CA can impersonate any "
            "user; set --requestheader-allowed-names of kube-apiserver",
        ),
        (
            config(USERS, PROXIES, []) | {"requestheader-allowed-names": "[1]"},
            f"FAIL  {WHAT}: requestheader-allowed-names of the {WHAT} is no JSON list of names: Expected "
            "`str`, got `int` - at `$[0]`; kube-apiserver writes it from its flags: see its log",
        ),
        (
            config(USERS, PROXIES, []) | {"requestheader-username-headers": "[]"},
            f"FAIL  {WHAT}: requestheader-username-headers is missing, so no front proxy can name the user; start "
            "kube-apiserver with --requestheader-client-ca-file, --requestheader-username-headers=X-Remote-User, "
            "--requestheader-group-headers=X-Remote-Group, --requestheader-extra-headers-prefix=X-Remote-Extra-, "
            "--proxy-client-cert-file and --proxy-client-key-file",
        ),
    ],
    ids=["shared CA, any name", "shared CA", "any name", "malformed names", "no header"],
)
async def test_an_insecure_or_incomplete_front_proxy_configuration(
    scripted: Scripted, data: dict[str, str], line: str
) -> None:
    scripted.script.answers += [json_body({"metadata": {}, "data": data})]

    await check_front_proxy(scripted.cluster, scripted.report, NOW)

    assert scripted.lines == [line]


async def test_an_expired_ca_of_the_front_proxy(scripted: Scripted) -> None:
    scripted.script.answers += [json_body({"metadata": {}, "data": config(USERS, ENDED, ["front-proxy-client"])})]

    await check_front_proxy(scripted.cluster, scripted.report, NOW)

    assert scripted.lines[0].startswith(f"FAIL  {WHAT}: proxies (key ")
    assert scripted.lines[0].endswith(
        ") of requestheader-client-ca-file expired on 2026-05-02; renew the CA of the front proxy and its "
        "certificate, and restart kube-apiserver"
    )


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            failure(404, "NotFound", "not found"),
            f"FAIL  {WHAT}: not found; kube-apiserver creates it when it starts: see its log",
        ),
        (
            failure(403, "Forbidden", "forbidden by a webhook"),
            f"skip  {WHAT}: you may not: forbidden by a webhook",
        ),
    ],
)
async def test_a_config_map_that_cannot_be_read(scripted: Scripted, answer: Any, line: str) -> None:
    scripted.script.answers += [answer]

    await check_front_proxy(scripted.cluster, scripted.report, NOW)

    assert scripted.lines == [line]


async def test_users_that_kubesum_treats_as_anonymous(scripted: Scripted) -> None:
    lost = (
        'podsummaries.summary.kubesum.dev is forbidden: User "system:anonymous" cannot list resource "podsummaries"'
    )
    scripted.script.answers += [failure(403, "Forbidden", lost), failure(403, "Forbidden", lost)]

    answered = await check_lists(
        scripted.cluster, scripted.report, [nodesummaries.RESOURCE, podsummaries.RESOURCE], lambda: 0.0
    )

    assert answered == set()
    assert scripted.lines == [
        "FAIL  list of nodesummaries, podsummaries: kubesum treats the user as anonymous, because it does not accept "
        "the front proxy; see the ConfigMap extension-apiserver-authentication"
    ]


async def test_lists_with_warnings_of_old_data(scripted: Scripted) -> None:
    both = 'Warning: 299 - "data for pods is 4m old", 299 - "data for nodes is 2m31s old"\r\n'
    pods = 'Warning: 299 - "data for pods is 4m old"\r\n'
    scripted.script.answers += [body(b"{}", headers=both), body(b"{}", headers=pods)]
    resources = [nodesummaries.RESOURCE, podsummaries.RESOURCE]

    await check_lists(scripted.cluster, scripted.report, resources, lambda: 0.0)

    assert scripted.lines == [
        "warn  lists: data for pods is 4m old; kubesum's watches of the API server fail: see its log",
        "warn  lists: data for nodes is 2m31s old; kubesum's watches of the API server fail: see its log",
        "ok    list of nodesummaries (0 ms), podsummaries (0 ms)",
    ]


async def test_an_api_server_whose_availability_check_verifies_no_certificate(scripted: Scripted) -> None:
    """Before Kubernetes 1.36 the APIService is available, and every request of a user fails."""
    text = b"error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n"  # noqa: E501
    scripted.script.answers += [body(text, 503, "text/plain; charset=utf-8")]

    await check_lists(scripted.cluster, scripted.report, [nodesummaries.RESOURCE], lambda: 0.0)

    assert scripted.lines == [
        "FAIL  list of nodesummaries: 503 error trying to reach service: tls: failed to verify certificate: x509: "
        "certificate signed by unknown authority; caBundle does not contain the CA of kubesum's certificate: see "
        "caBundle"
    ]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ((), None),
        (("serve", "--tls-secret=a"), "a"),
        (("serve", "--tls-secret", "a", "--secure-port=1"), "a"),
        (("serve", "--tls-secret-name=a"), None),
        (("serve", "--tls-secret"), ""),
    ],
)
def test_the_value_of_a_flag_in_the_arguments_of_a_pod(arguments: tuple[str, ...], value: str | None) -> None:
    assert PodSpec(containers=(Container(args=arguments),)).option("--tls-secret") == value


async def test_informers_that_are_not_synced(scripted: Scripted) -> None:
    sources = [
        {"resource": "nodes", "synced": False, "lastTransitionTime": "2026-05-04T11:56:00Z"},
        {"resource": "pods", "synced": True, "lastTransitionTime": "2026-05-04T09:00:00Z"},
        {"resource": "pods.metrics.k8s.io", "synced": False, "lastTransitionTime": "2026-05-04T09:00:00Z"},
    ]
    scripted.script.answers += [
        json_body({"status": {"sources": sources}}),
        json_body({"status": {"sources": sources[1:]}}),
    ]

    await check_informers(scripted.cluster, scripted.report, NOW)
    await check_informers(scripted.cluster, scripted.report, NOW)

    assert scripted.lines == [
        "FAIL  informers: not synced: nodes (for 4m); their data may be old, see the permissions above, and the log "
        "of kubesum",
        "ok    informers: 1 of 1 synced without interruption for 3h",
    ]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (json_body({"resources": []}), "ok    metrics.k8s.io: it is served"),
        (
            failure(404, "NotFound", "not found"),
            "warn  metrics.k8s.io: it is not served, so usage is not shown; metrics-server serves it",
        ),
        (
            body(b"service unavailable\n", 503, "text/plain"),
            "warn  metrics.k8s.io: {url}/apis/metrics.k8s.io/v1beta1 answers 503: X; usage is not shown until it "
            "answers, see metrics-server",
        ),
    ],
)
async def test_the_metrics_api(scripted: Scripted, answer: Any, line: str) -> None:
    scripted.script.answers += [answer]

    await check_metrics_api(scripted.cluster, scripted.report, None)

    assert scripted.lines == [line.format(url=scripted.script.url)]


@pytest.mark.parametrize("interval", ["0", "0s", "00s", "0m", "0h0m0s"])
async def test_the_metrics_api_is_skipped_if_usage_is_switched_off(scripted: Scripted, interval: str) -> None:
    await check_metrics_api(
        scripted.cluster, scripted.report, PodSpec(containers=(Container(args=("--usage-interval", interval)),))
    )

    assert scripted.lines == ["skip  metrics.k8s.io: not read, because --usage-interval is 0"]


@pytest.mark.parametrize("argument", ["--usage-interval=1m", "--usage-interval=$(INTERVAL)", "--secure-port=10250"])
async def test_the_metrics_api_is_checked_unless_the_interval_is_zero(scripted: Scripted, argument: str) -> None:
    scripted.script.answers += [json_body({"resources": []})]

    await check_metrics_api(scripted.cluster, scripted.report, PodSpec(containers=(Container(args=(argument,)),)))

    assert scripted.lines == ["ok    metrics.k8s.io: it is served"]


async def test_control_characters_in_responses_are_replaced(scripted: Scripted) -> None:
    """With them a server could forge a line, or clear the screen."""
    text = b"\x1b[2J\x1b]0;owned\x07\nok    all is well\xc2\x9b\xe2\x80\xae\r"
    scripted.script.answers += [body(b"{}", headers='Warning: 299 - "\x1b[8m data"\r\n')]
    scripted.script.answers += [body(text + b"!", 503, "text/html")]

    await check_lists(scripted.cluster, scripted.report, [nodesummaries.RESOURCE, podsummaries.RESOURCE], lambda: 0.0)

    assert scripted.lines == [
        "FAIL  list of podsummaries: 503 ?[2J?]0;owned??ok    all is well???!",
        "warn  lists: ?[8m data; kubesum's watches of the API server fail: see its log",
        "ok    list of nodesummaries (0 ms)",
    ]


def replica(name: str, version: str | None) -> Replica:
    return Replica(Pod(Metadata(name=name, namespace="kubesum-system")), (), version)


def test_pods_of_another_version(scripted: Scripted) -> None:
    found = [replica("kubesum-1", "v0.1.0"), replica("kubesum-2", "v0.2.0"), replica("kubesum-3", None)]

    check_versions(scripted.report, found, None, "v0.1.0")

    assert scripted.lines == [
        "ok    versions: kubesum v0.1.0 in kubesum-1, as this doctor",
        "warn  versions: kubesum v0.2.0 in kubesum-2, but this doctor is v0.1.0; run the doctor of v0.2.0",
    ]
