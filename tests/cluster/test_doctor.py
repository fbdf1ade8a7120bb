"""kubesum doctor in front of a real kube-apiserver, with the chart installed by the real helm.

There are no pods here, so the checks that need them fail or are skipped.
"""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kubesum.edge.tls import certificates
from tests.cluster.installation import API_SERVICE, NAMESPACE, Pod, available, eventually
from tests.cluster.local import doctor
from tests.doctor.bundles import Unpacked, unpacked
from tests.oracle.kubectl import kubectl

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

DEPLOYMENT = (
    "FAIL  Deployment kubesum-system/kubesum: 0 of 2 pods are ready; see them below; if there are none, see "
    "kube-controller-manager"
)
PASSWORD = "hunter2-hunter2"
INSTANCE = {"app.kubernetes.io/instance": "kubesum"}
URL = "https://{address}/apis/summary.kubesum.dev/v1alpha1"


async def failures(played: Pod) -> list[str]:
    """The lines about failed checks."""
    lines = (await doctor(played.plane.kubeconfig)).splitlines()
    return [line for line in lines if line.startswith("FAIL")]


@asynccontextmanager
async def patched(played: Pod, what: tuple[str, ...], patch: object, back: object) -> AsyncIterator[None]:
    """Patches an object, and patches it back on the way out."""
    config = played.plane.kubeconfig
    await kubectl(config, "patch", *what, "--type=merge", f"--patch={json.dumps(patch)}")
    try:
        yield
    finally:
        await kubectl(config, "patch", *what, "--type=merge", f"--patch={json.dumps(back)}")
        assert await available(config) == "all checks passed"


async def until_condition(played: Pod, reason: str) -> None:
    """Returns once the APIService has a condition of this reason."""
    found = ("get", "apiservice", API_SERVICE, "-o", "jsonpath={.status.conditions[0].reason}")

    async def is_so() -> bool:
        return await kubectl(played.plane.kubeconfig, *found) == reason

    await eventually(is_so, 40)


async def test_the_chart_grants_all_permissions(played: Pod) -> None:
    lines = (await doctor(played.plane.kubeconfig)).splitlines()

    assert [line for line in lines if line.startswith("FAIL")] == [DEPLOYMENT]
    assert "ok    APIService v1alpha1.summary.kubesum.dev: available, all checks passed" in lines
    assert [line.partition(": ")[2] for line in lines if "ServiceAccount kubesum-system/kubesum" in line] == [
        "may list and watch pods, nodes, namespaces, deployments, statefulsets, daemonsets, replicasets, cronjobs "
        "and jobs",
        "may create TokenReviews and SubjectAccessReviews",
        "may list and watch the ConfigMap kube-system/extension-apiserver-authentication",
        "may keep its certificates in the Secret kubesum-system/kubesum-tls, and set the caBundle of its APIServices",
        "may list pods and nodes of metrics.k8s.io",
    ]
    assert any(line.startswith("ok    informers: 9 of 9 synced") for line in lines)
    rollups = "0 of 0 are established; APIService v1alpha1.rollup.kubesum.dev is available"
    assert f"ok    RollupDefinitions: {rollups}" in lines


async def test_a_changed_cabundle(played: Pod) -> None:
    config = played.plane.kubeconfig
    bundle = await kubectl(config, "get", "apiservice", API_SERVICE, "-o", "jsonpath={.spec.caBundle}")
    other = b64encode(certificates.authority("other-ca").certificate).decode()
    url = URL.format(address=played.address)

    async with patched(
        played, ("apiservice", API_SERVICE), {"spec": {"caBundle": other}}, {"spec": {"caBundle": bundle}}
    ):
        await until_condition(played, "FailedDiscoveryCheck")

        assert await failures(played) == [
            "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, FailedDiscoveryCheck: failing or missing "
            f'response from {url}: Get "{url}": tls: failed to verify certificate: x509: certificate signed by '
            "unknown authority; caBundle does not contain the CA of kubesum's certificate: see caBundle",
            DEPLOYMENT,
        ]


async def test_endpoints_that_are_not_ready(played: Pod) -> None:
    endpoints = [
        {"endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": ready}}]} for ready in (False, True)
    ]

    async with patched(played, ("endpointslice", "kubesum-played", "-n", NAMESPACE), *endpoints):
        await until_condition(played, "MissingEndpoints")

        assert await failures(played) == [
            "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, MissingEndpoints: endpointslices for "
            'service/kubesum in "kubesum-system" have no addresses with port name "https"; no pod is ready: see the '
            "pods below",
            DEPLOYMENT,
            'FAIL  EndpointSlices of the Service kubesum-system/kubesum: no endpoint with the port "https" is ready; '
            "see the pods above",
        ]


async def test_a_missing_role_binding(played: Pod) -> None:
    account = {"kind": "ServiceAccount", "namespace": NAMESPACE, "name": "kubesum"}
    subjects = [{"subjects": [{**account, "name": name}]} for name in ("other", "kubesum")]

    async with patched(played, ("rolebinding", "kubesum:auth-reader", "-n", "kube-system"), *subjects):
        assert await failures(played) == [
            DEPLOYMENT,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not list and watch configmaps "
            "extension-apiserver-authentication; the RoleBinding kube-system/kubesum:auth-reader grants "
            "extension-apiserver-authentication-reader; helm upgrade restores it",
        ]


async def test_a_user_without_permissions_sees_no_failures(played: Pod) -> None:
    lines = (await doctor(played.plane.kubeconfig_of("jane"))).splitlines()

    assert {line[:4] for line in lines} == {"ok  ", "skip", "warn"}
    assert (
        "skip  list of nodesummaries: you may not list them; the ClusterRole kubesum:cluster-view grants it" in lines
    )


async def bundle(kubeconfig: Path, file: Path) -> Unpacked:
    """The bundle that the user of a kubeconfig gets."""
    printed = await doctor(kubeconfig, "--bundle", str(file))
    assert f"wrote {file}: " in printed
    return unpacked(await asyncio.to_thread(file.read_bytes))


@asynccontextmanager
async def planted(played: Pod) -> AsyncIterator[None]:
    """A password in the Deployment, and a pod that no scheduler has assigned to a node."""
    config, container = played.plane.kubeconfig, {"name": "kubesum", "image": "kubesum:1"}
    metadata = {"name": "kubesum-0", "labels": {"app.kubernetes.io/name": "kubesum", **INSTANCE}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    deployment = ("deployment/kubesum", "-n", NAMESPACE)
    await kubectl(config, "set", "env", *deployment, f"PASSWORD={PASSWORD}")
    await kubectl(config, "annotate", *deployment, f"example.com/note={PASSWORD}")
    with played.plane.client() as client:
        client.create(path, pod)
        try:
            yield
        finally:
            client.delete(f"{path}/kubesum-0?gracePeriodSeconds=0")
    await kubectl(config, "set", "env", *deployment, "PASSWORD-")
    await kubectl(config, "annotate", *deployment, "example.com/note-")


async def test_a_bundle_of_an_administrator(played: Pod, tmp_path: Path) -> None:
    """It has no Secret: neither kubesum's private key nor the manifest that Helm stores."""
    secret = ("get", "secret", "kubesum-tls", "-n", NAMESPACE, "-o", r"jsonpath={.data.tls\.key}")
    key = await kubectl(played.plane.kubeconfig, *secret)
    async with planted(played):
        found = await bundle(played.plane.kubeconfig, tmp_path / "admin.tar.gz")

    usage = 'apiservices.apiregistration.k8s.io "v1beta1.metrics.k8s.io" not found'
    answers = ("readyz.txt", "livez.txt", "version.json", "metrics.txt")
    assert found.missing == {
        "objects/apiservices/v1beta1.metrics.k8s.io.json": f"answered with 404: {usage}",
        **{f"pods/kubesum-0/{name}": "answered with 400: address not allowed" for name in answers},
        "pods/kubesum-0/kubesum.log": "it is empty",
    }
    assert found.names("objects/deployments.json") == ["kubesum"]
    assert found.names("objects/pods.json") == ["kubesum-0"]
    assert found.names("objects/rolebindings-kube-system.json") == ["kubesum:auth-reader"]
    assert {"kubesum:server", "kubesum:auth-delegator"} <= {*found.names("objects/clusterrolebindings.json")}
    assert found.names("objects/poddisruptionbudgets.json") == ["kubesum"]
    assert found.json("discovery/summary.kubesum.dev-v1alpha1.json")["kind"] == "APIResourceList"
    lines = b64decode(key).decode().splitlines()[1:-1]
    for name, text in found.texts.items():
        assert not [one for one in (PASSWORD, key, *lines) if one in text], name


async def test_a_bundle_of_a_user_without_permissions(played: Pod, tmp_path: Path) -> None:
    found = await bundle(played.plane.kubeconfig_of("jane"), tmp_path / "jane.tar.gz")

    assert found.missing["objects/pods.json"] == "you may not list pods in the namespace kubesum-system"
    assert found.missing["objects/clusterroles.json"] == "you may not list clusterroles.rbac.authorization.k8s.io"
    assert {"doctor.txt", "requests.json", "discovery/summary.kubesum.dev-v1alpha1.json"} <= found.texts.keys()
