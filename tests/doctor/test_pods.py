"""The checks of the Service and its pods, in front of a scripted API server."""

from typing import Any

import msgspec
import pytest

from kubesum.doctor.checks.endpoints import check_endpoints
from kubesum.doctor.checks.replicas import Replica, check_replicas, check_versions
from kubesum.doctor.views import Container, Pod, PodSpec, ServiceReference
from kubesum.kube.objects.meta import Metadata
from tests.doctor.scriptedcluster import Scripted, json_body
from tests.unit.kube.scriptedserver import body, cut, failure

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


def replica(name: str, version: str | None) -> Replica:
    return Replica(Pod(Metadata(name=name, namespace="kubesum-system")), (), version)


def test_pods_of_another_version(scripted: Scripted) -> None:
    found = [replica("kubesum-1", "v0.1.0"), replica("kubesum-2", "v0.2.0"), replica("kubesum-3", None)]

    check_versions(scripted.report, found, None, "v0.1.0")

    assert scripted.lines == [
        "ok    versions: kubesum v0.1.0 in kubesum-1, as this doctor",
        "warn  versions: kubesum v0.2.0 in kubesum-2, but this doctor is v0.1.0; run the doctor of v0.2.0",
    ]
