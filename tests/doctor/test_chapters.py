"""Single chapters, in front of an API server that says what a whole one says seldom."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kubesum.doctor.checks import apiserver
from kubesum.doctor.checks.endpoints import routed
from kubesum.doctor.checks.freshness import freshness
from kubesum.doctor.checks.frontproxy import front_proxy
from kubesum.doctor.checks.lists import lists
from kubesum.doctor.checks.registration import registered
from kubesum.doctor.checks.replicas import Replica, replicas, versions
from kubesum.doctor.checks.usage import usage
from kubesum.doctor.views import Container, Pod, PodSpec, ServiceReference
from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from kubesum.kube.objects import Metadata
from kubesum.resources import nodesummaries, podsummaries
from tests.doctor.staged import Staged
from tests.unit.kube.scriptedserver import body, cut, refusal

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def json_body(content: object) -> Any:
    return body(json.dumps(content).encode())


async def test_a_server_of_another_age(staged: Staged) -> None:
    staged.script.answers += [json_body({"gitVersion": "v1.29.15+k3s1"}), json_body({"resources": []})]

    assert await apiserver.answers(staged.cluster, staged.report)

    assert (
        staged.lines[0]
        == f"warn  API server {staged.script.url}: Kubernetes v1.29.15+k3s1; kubesum is made for 1.30 to 1.37"
    )


async def test_a_server_that_aggregates_nothing(staged: Staged) -> None:
    staged.script.answers += [json_body({"gitVersion": "v1.36.0"}), refusal(404, "NotFound", "not found")]

    assert not await apiserver.answers(staged.cluster, staged.report)

    assert staged.lines[1] == (
        f"FAIL  API server {staged.script.url}: it aggregates no other servers, so kubesum cannot be one; "
        "use kubesum local instead"
    )


async def test_a_server_that_is_none(staged: Staged) -> None:
    staged.script.answers += [refusal(404, "NotFound", "not found")]

    assert not await apiserver.answers(staged.cluster, staged.report)

    assert staged.lines == [
        f"FAIL  API server {staged.script.url}: it has no /version, so it is no Kubernetes API server"
    ]


async def test_credentials_that_have_expired(staged: Staged) -> None:
    staged.script.answers += [
        refusal(401, "Unauthorized", "Unauthorized"),
        refusal(401, "Unauthorized", "Unauthorized"),
    ]

    assert not await apiserver.answers(staged.cluster, staged.report)

    assert staged.lines == [
        f"FAIL  API server: {staged.script.url}/version answers 401 Unauthorized: Unauthorized; see that the "
        "kubeconfig names it, and that your credentials are current"
    ]


async def test_an_apiservice_that_is_new(staged: Staged) -> None:
    service = {"namespace": "kubesum-system", "name": "kubesum"}
    staged.script.answers += [json_body({"spec": {"service": service, "groupPriorityMinimum": 1000}})]

    await registered(staged.cluster, staged.report, "v1alpha1.summary.kubesum.dev")

    assert staged.lines[1] == (
        "FAIL  APIService v1alpha1.summary.kubesum.dev: the API server has not judged it yet; "
        "run this again in half a minute"
    )


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        (
            'Get "https://10.0.0.1:443/x": net/http: request canceled while waiting for connection '
            "(Client.Timeout exceeded while awaiting headers)",
            "the API server does not reach the pods: let its network through to port 10250 of the pods, except the "
            "cluster's own addresses from a proxy that it uses, or set hostNetwork.enabled of the chart",
        ),
        (
            'Get "https://10.0.0.1:443/x": dial tcp 10.0.0.1:443: connect: connection refused',
            "nothing listens there: see below how the pods are",
        ),
        (
            "bad status from https://10.0.0.1:443/x: 403",
            "kubesum takes the API server for anybody: see the ConfigMap extension-apiserver-authentication below; "
            "or a proxy answers in its place: except the cluster's own addresses from it",
        ),
        (
            "bad status from https://10.0.0.1:443/x: 401",
            "kubesum does not believe the front proxy of the API server: see the ConfigMap "
            "extension-apiserver-authentication below",
        ),
        (
            'Get "https://10.0.0.1:443/x": tls: failed to verify certificate: x509: certificate specifies an '
            "incompatible key usage",
            "kubesum's certificate is not for servers: see below",
        ),
        (
            'Get "https://10.0.0.1:443/x": tls: failed to parse certificate from server: x509: invalid subject '
            "alternative name",
            "kubesum's certificate is malformed: see below",
        ),
        ("bad status from https://10.0.0.1:443/x: 502", "see the logs of kubesum and of the API server"),
    ],
)
async def test_what_is_behind_the_words_of_the_api_server(staged: Staged, message: str, cause: str) -> None:
    condition = {"type": "Available", "status": "False", "reason": "FailedDiscoveryCheck", "message": message}
    service = {"namespace": "kubesum-system", "name": "kubesum"}
    staged.script.answers += [json_body({"spec": {"service": service}, "status": {"conditions": [condition]}})]

    await registered(staged.cluster, staged.report, "v1alpha1.summary.kubesum.dev")

    assert staged.lines[1] == (
        f"FAIL  APIService v1alpha1.summary.kubesum.dev: not available, FailedDiscoveryCheck: {message}; {cause}"
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
    ("status", "told"),
    [
        ({"phase": "Pending"}, "Pending; kubectl describe pod --namespace kubesum-system kubesum-1"),
        (
            {"containerStatuses": [{"name": "kubesum", "state": {"waiting": {"reason": "ErrImagePull"}}}]},
            "container kubesum: ErrImagePull; kubectl describe pod --namespace kubesum-system kubesum-1",
        ),
        (
            {"containerStatuses": [{"name": "kubesum", "state": {"running": {}}}]},
            "container kubesum: does not pass its probe; kubectl describe pod --namespace kubesum-system kubesum-1",
        ),
    ],
)
async def test_what_a_pod_lacks(staged: Staged, status: dict[str, Any], told: str) -> None:
    staged.script.answers += [json_body(SERVICE), json_body({"items": []}), json_body({"items": [pod(**status)]})]
    staged.script.answers += [json_body({"items": None})]

    await routed(staged.cluster, staged.report, ServiceReference("kubesum-system", "kubesum"))

    assert staged.lines[0] == (
        "FAIL  Service kubesum-system/kubesum: it has no address, and the API server looks for one; "
        "apply the chart again"
    )
    assert staged.lines[2] == f"FAIL  Pod kubesum-system/kubesum-1: not ready, {told}"


POD_READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("answer", "is_available", "line"),
    [
        (cut(b"", 10), True, "skip  {pod}: what it says of itself is not known, {silence}"),
        (cut(b"", 10), False, "FAIL  {pod}: {silence}; see the logs of kubesum and of the API server"),
        (
            refusal(503, "ServiceUnavailable", "error trying to reach service: dial tcp 10.0.0.1:10250: i/o timeout"),
            False,
            "FAIL  {pod}: error trying to reach service: dial tcp 10.0.0.1:10250: i/o timeout; the API server does "
            "not reach the pods: let its network through to port 10250 of the pods, except the cluster's own "
            "addresses from a proxy that it uses, or set hostNetwork.enabled of the chart",
        ),
        (
            body(b"{}"),
            False,
            "FAIL  {pod}: it answers 200 and does not say why; see the logs of kubesum and of the API server",
        ),
    ],
)
async def test_a_pod_that_is_not_reached(staged: Staged, answer: Any, is_available: bool, line: str) -> None:
    staged.script.answers += [answer]
    one = msgspec.convert(pod(**POD_READY), Pod)

    assert await replicas(staged.cluster, staged.report, [one], 10250, is_available) == []

    silence = f"cannot reach {staged.script.url}: the answer broke off"
    assert staged.lines == [line.format(pod="Pod kubesum-system/kubesum-1", silence=silence)]


@pytest.mark.parametrize(
    ("statuses", "level"),
    [(({}, POD_READY), "warn"), (({}, {}), "FAIL"), ((POD_READY, {}), "FAIL")],
    ids=["another is ready", "none is ready", "it is ready"],
)
async def test_a_pod_that_has_not_read_the_cluster_yet(
    staged: Staged, statuses: tuple[dict[str, Any], ...], level: str
) -> None:
    text = b"[+]ping ok\n[-]informer-sync failed: reason withheld\nreadyz check failed\n"
    staged.script.answers += [body(text, 500, "text/plain; charset=utf-8"), json_body({"gitVersion": "v0.1.0"})]
    staged.script.answers += [refusal(404, "NotFound", "pods not found")]
    first, second = (msgspec.convert(pod(**status), Pod) for status in statuses)

    found = await replicas(staged.cluster, staged.report, [first, second], 10250, is_available=True)

    assert [(one.chain, one.version) for one in found] == [((), "v0.1.0")]
    assert staged.lines[0] == (
        f"{level}  Pod kubesum-system/kubesum-1: check informer-sync of /readyz fails, it has not read the cluster "
        "yet: see its rights below, and its log"
    )


async def test_pods_that_have_ended_are_left_aside(staged: Staged) -> None:
    ended = [pod(phase="Failed", reason="Evicted"), pod(phase="Succeeded")]
    staged.script.answers += [json_body(SERVICE), json_body({"items": []}), json_body({"items": ended})]
    staged.script.answers += [json_body({"items": []})]

    found = await routed(staged.cluster, staged.report, ServiceReference("kubesum-system", "kubesum"))

    assert found is not None
    assert found.pods == ()
    assert not any("Pod " in line for line in staged.lines)


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
            f"FAIL  {WHAT}: the authority of the front proxy is also that of users, and no names are set, so any "
            "user could speak for others, and kubesum believes no front proxy; use an authority of its own, or set "
            "--requestheader-allowed-names of kube-apiserver",
        ),
        (
            config(USERS, USERS, ["front-proxy-client"]),
            f"warn  {WHAT}: the authority of the front proxy is also that of users, so whoever gets a certificate "
            "named front-proxy-client may speak for anybody; use an authority of its own",
        ),
        (
            config(USERS, PROXIES, []),
            f"warn  {WHAT}: requestheader-allowed-names is empty, so any certificate of that authority may speak for "
            "anybody; set --requestheader-allowed-names of kube-apiserver",
        ),
        (
            config(USERS, PROXIES, []) | {"requestheader-allowed-names": "[1]"},
            f"FAIL  {WHAT}: requestheader-allowed-names of the {WHAT} is no JSON list of names: Expected "
            "`str`, got `int` - at `$[0]`; kube-apiserver writes it from its flags: see its log",
        ),
        (
            config(USERS, PROXIES, []) | {"requestheader-username-headers": "[]"},
            f"FAIL  {WHAT}: no requestheader-username-headers, so nobody can say who asks; start kube-apiserver with "
            "--requestheader-client-ca-file, --requestheader-username-headers=X-Remote-User, "
            "--requestheader-group-headers=X-Remote-Group, --requestheader-extra-headers-prefix=X-Remote-Extra-, "
            "--proxy-client-cert-file and --proxy-client-key-file",
        ),
    ],
    ids=["confusable", "shared", "any name", "nonsense", "no header"],
)
async def test_whom_the_api_server_says_to_believe(staged: Staged, data: dict[str, str], line: str) -> None:
    staged.script.answers += [json_body({"metadata": {}, "data": data})]

    await front_proxy(staged.cluster, staged.report, NOW)

    assert staged.lines == [line]


async def test_an_authority_of_the_front_proxy_that_has_expired(staged: Staged) -> None:
    staged.script.answers += [json_body({"metadata": {}, "data": config(USERS, ENDED, ["front-proxy-client"])})]

    await front_proxy(staged.cluster, staged.report, NOW)

    assert staged.lines[0].startswith(f"FAIL  {WHAT}: proxies (key ")
    assert staged.lines[0].endswith(
        ") of requestheader-client-ca-file expired on 2026-05-02; renew the authority of the front proxy and its "
        "certificate, and restart kube-apiserver"
    )


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            refusal(404, "NotFound", "not found"),
            f"FAIL  {WHAT}: there is none; kube-apiserver writes it when it starts: see its log",
        ),
        (
            refusal(403, "Forbidden", "forbidden by a webhook"),
            f"skip  {WHAT}: you may not: forbidden by a webhook",
        ),
    ],
)
async def test_a_config_map_that_cannot_be_read(staged: Staged, answer: Any, line: str) -> None:
    staged.script.answers += [answer]

    await front_proxy(staged.cluster, staged.report, NOW)

    assert staged.lines == [line]


async def test_names_of_users_that_get_lost_on_the_way(staged: Staged) -> None:
    lost = (
        'podsummaries.summary.kubesum.dev is forbidden: User "system:anonymous" cannot list resource "podsummaries"'
    )
    staged.script.answers += [refusal(403, "Forbidden", lost), refusal(403, "Forbidden", lost)]

    answered = await lists(
        staged.cluster, staged.report, [nodesummaries.RESOURCE, podsummaries.RESOURCE], lambda: 0.0
    )

    assert answered == set()
    assert staged.lines == [
        "FAIL  list of nodesummaries, podsummaries: kubesum does not believe the API server about who asks; "
        "see the ConfigMap extension-apiserver-authentication below"
    ]


async def test_answers_from_old_data(staged: Staged) -> None:
    both = 'Warning: 299 - "data for pods is 4m old", 299 - "data for nodes is 2m31s old"\r\n'
    pods = 'Warning: 299 - "data for pods is 4m old"\r\n'
    staged.script.answers += [body(b"{}", headers=both), body(b"{}", headers=pods)]
    resources = [nodesummaries.RESOURCE, podsummaries.RESOURCE]

    await lists(staged.cluster, staged.report, resources, lambda: 0.0)

    assert staged.lines == [
        "warn  lists: data for pods is 4m old; kubesum does not hear from the API server: see its log",
        "warn  lists: data for nodes is 2m31s old; kubesum does not hear from the API server: see its log",
        "ok    list of nodesummaries (0 ms), podsummaries (0 ms)",
    ]


async def test_an_older_api_server_that_believes_before_it_verifies(staged: Staged) -> None:
    """Before 1.36 the APIService is available, and every request of a user fails."""
    text = b"error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n"  # noqa: E501
    staged.script.answers += [body(text, 503, "text/plain; charset=utf-8")]

    await lists(staged.cluster, staged.report, [nodesummaries.RESOURCE], lambda: 0.0)

    assert staged.lines == [
        "FAIL  list of nodesummaries: 503 error trying to reach service: tls: failed to verify certificate: x509: "
        "certificate signed by unknown authority; caBundle is not the authority of kubesum's certificate: see below"
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
def test_an_option_among_the_arguments_of_a_pod(arguments: tuple[str, ...], value: str | None) -> None:
    assert PodSpec(containers=(Container(args=arguments),)).option("--tls-secret") == value


async def test_kinds_that_are_out_of_step(staged: Staged) -> None:
    sources = [
        {"resource": "nodes", "synced": False, "lastTransitionTime": "2026-05-04T11:56:00Z"},
        {"resource": "pods", "synced": True, "lastTransitionTime": "2026-05-04T09:00:00Z"},
        {"resource": "pods.metrics.k8s.io", "synced": False, "lastTransitionTime": "2026-05-04T09:00:00Z"},
    ]
    staged.script.answers += [
        json_body({"status": {"sources": sources}}),
        json_body({"status": {"sources": sources[1:]}}),
    ]

    await freshness(staged.cluster, staged.report, NOW)
    await freshness(staged.cluster, staged.report, NOW)

    assert staged.lines == [
        "FAIL  informers: nodes (for 4m) are not in step, so what is shown may be old; see the rights above, and the "
        "log of kubesum",
        "ok    informers: 1 kinds are listed and watched without a break for 3h",
    ]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (json_body({"resources": []}), "ok    metrics.k8s.io: it is served"),
        (
            refusal(404, "NotFound", "not found"),
            "warn  metrics.k8s.io: it is not served, so kubesum leaves live usage out; metrics-server serves it",
        ),
        (
            body(b"service unavailable\n", 503, "text/plain"),
            "warn  metrics.k8s.io: {url}/apis/metrics.k8s.io/v1beta1 answers 503: X; kubesum leaves live usage out "
            "meanwhile, see metrics-server",
        ),
    ],
)
async def test_where_usage_comes_from(staged: Staged, answer: Any, line: str) -> None:
    staged.script.answers += [answer]

    await usage(staged.cluster, staged.report, None)

    assert staged.lines == [line.format(url=staged.script.url)]


@pytest.mark.parametrize("interval", ["0", "0s", "00s", "0m", "0h0m0s"])
async def test_usage_that_is_switched_off(staged: Staged, interval: str) -> None:
    await usage(staged.cluster, staged.report, PodSpec(containers=(Container(args=("--usage-interval", interval)),)))

    assert staged.lines == ["skip  metrics.k8s.io: --usage-interval tells kubesum not to read it"]


@pytest.mark.parametrize("argument", ["--usage-interval=1m", "--usage-interval=$(INTERVAL)", "--secure-port=10250"])
async def test_usage_that_is_wanted(staged: Staged, argument: str) -> None:
    staged.script.answers += [json_body({"resources": []})]

    await usage(staged.cluster, staged.report, PodSpec(containers=(Container(args=(argument,)),)))

    assert staged.lines == ["ok    metrics.k8s.io: it is served"]


async def test_no_terminal_obeys_what_others_wrote(staged: Staged) -> None:
    """A server with a line break in its answers could forge a line, and clear those before it."""
    text = b"\x1b[2J\x1b]0;owned\x07\nok    all is well\xc2\x9b\xe2\x80\xae\r"
    staged.script.answers += [body(b"{}", headers='Warning: 299 - "\x1b[8m data"\r\n')]
    staged.script.answers += [body(text + b"!", 503, "text/html")]

    await lists(staged.cluster, staged.report, [nodesummaries.RESOURCE, podsummaries.RESOURCE], lambda: 0.0)

    assert staged.lines == [
        "FAIL  list of podsummaries: 503 ?[2J?]0;owned??ok    all is well???!",
        "warn  lists: ?[8m data; kubesum does not hear from the API server: see its log",
        "ok    list of nodesummaries (0 ms)",
    ]


def replica(name: str, version: str | None) -> Replica:
    return Replica(Pod(Metadata(name=name, namespace="kubesum-system")), (), version)


def test_pods_of_another_version(staged: Staged) -> None:
    found = [replica("kubesum-1", "v0.1.0"), replica("kubesum-2", "v0.2.0"), replica("kubesum-3", None)]

    versions(staged.report, found, None, "v0.1.0")

    assert staged.lines == [
        "ok    versions: kubesum v0.1.0 in kubesum-1, as this doctor",
        "warn  versions: kubesum v0.2.0 in kubesum-2, but this doctor is v0.1.0; use that of the same version",
    ]
