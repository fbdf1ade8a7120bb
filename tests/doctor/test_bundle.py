"""The bundle: what is in it, that it holds no secret, and what a user sees who may not read all of it."""

import itertools
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubesim.access.kubeconfig import kubeconfig as kubeconfig_of
from kubesum.doctor.bundle.archive import Bundle
from kubesum.doctor.bundle.collection import collect
from kubesum.doctor.bundle.reader import DEADLINE_S, Reader
from kubesum.doctor.cluster import Cluster
from kubesum.doctor.diagnosis import Diagnosis
from kubesum.doctor.report import Report
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from tests.doctor.brokencluster import NAMESPACE, Installation
from tests.doctor.bundles import Unpacked, unpacked
from tests.doctor.plantedcluster import POD, SECRETS, PlantedCluster, planted
from tests.unit.kube.kubeconfigs import written_kubeconfig

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def bundled(config: Path, namespace: str = "", clock: Callable[[], float] = time.monotonic) -> Unpacked:
    """The bundle of the cluster of a kubeconfig."""
    report = Report(lambda _: None)
    async with await connect(kubeconfig(config, None)) as upstream:
        findings = await Diagnosis(upstream, report, lambda: datetime.now(UTC)).run(namespace)
        bundle = Bundle(upstream.host, NOW)
        await collect(Reader(Cluster(upstream), bundle, clock), report, findings, namespace)
    return unpacked(bundle.archive())


async def of_user(installation: Installation, who: str, namespace: str = "") -> Unpacked:
    """The bundle that a user of the simulated cluster gets."""
    config = installation.server.home / f"{who}.kubeconfig"
    config.write_text(json.dumps(kubeconfig_of(installation.server.cluster.url, installation.server.pki, who)))
    return await bundled(config, namespace)


async def of_planted(home: Path, cluster: PlantedCluster) -> Unpacked:
    """The bundle of a cluster that is full of secrets."""
    return await bundled(written_kubeconfig(home / "config", cluster.url))


async def test_no_secret_is_in_it(tmp_path: Path) -> None:
    async with planted() as cluster:
        found = await of_planted(tmp_path, cluster)

    for name, text in found.texts.items():
        assert [secret for secret in SECRETS if secret in text] == [], name
    assert [path for path in cluster.paths if "secrets" in path] == []
    logs = [f"pods/{POD}/{name}.log" for name in ("kubesum", "kubesum-previous", "wait", "wait-previous")]
    for name in (
        *logs,
        f"pods/{POD}/metrics.txt",
        "objects/pods.json",
        "objects/configmaps.json",
        "objects/events.json",
        "doctor.txt",
    ):
        assert "REDACTED" in found.texts[name], name


async def test_what_is_no_secret_stays(tmp_path: Path) -> None:
    async with planted() as cluster:
        found = await of_planted(tmp_path, cluster)

    log = found.texts[f"pods/{POD}/kubesum.log"].splitlines()
    assert (log[0], log[-1]) == ("2026-01-01T00:00:00Z started", "2026-01-01T00:00:09Z still running")
    service = found.json("objects/apiservices/v1alpha1.summary.kubesum.dev.json")
    given = cluster.answers["/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.summary.kubesum.dev"]
    assert service["spec"] == given["spec"]
    (pod,) = found.json("objects/pods.json")["items"]
    assert pod["spec"]["containers"][0]["env"][0]["name"] == "A"
    assert found.names("objects/events.json") == ["e"]


async def test_an_administrator_gets_all_of_an_installation(installation: Installation) -> None:
    found = await of_user(installation, "admin")

    pods = [pod["metadata"]["name"] for pod in installation.pods]
    assert found.names("objects/pods.json") == pods
    assert found.names("objects/deployments.json") == ["kubesum"]
    assert "kubesum:auth-delegator" in found.names("objects/clusterrolebindings.json")
    assert found.names("objects/rolebindings-kube-system.json") == ["kubesum:auth-reader"]
    assert "BEGIN CERTIFICATE" in found.texts["objects/extension-apiserver-authentication.json"]
    assert found.json("versions.json")["kubernetes"]["gitVersion"] == "v1.36.2"
    assert found.json("versions.json")["libraries"]["aiohttp"]
    assert {line["level"] for line in found.json("doctor.json")} == {"ok"}
    assert all("[+]informer-sync ok\n" in found.texts[f"pods/{pod}/readyz.txt"] for pod in pods)
    tables = [one for one in found.json("requests.json") if one["path"].endswith("/nodesummaries?limit=1")]
    assert [one["code"] for one in tables] == [200, 200, 200, 403, 403]
    # The simulated API server has neither; /metrics is for whoever may get it, and a pod sees nobody.
    absent = {"objects/poddisruptionbudgets.json", "objects/networkpolicies.json"}
    logs, metrics = {f"pods/{pod}/kubesum.log" for pod in pods}, {f"pods/{pod}/metrics.txt" for pod in pods}
    assert found.missing.keys() == absent | logs | metrics
    assert "system:anonymous" in found.missing[min(metrics)]


async def test_what_a_user_may_not_read_is_named(installation: Installation) -> None:
    found = await of_user(installation, "tenant", NAMESPACE)

    assert found.missing["objects/pods.json"] == "you may not list pods in the namespace kubesum-system"
    assert found.missing["objects/apiservices/v1alpha1.summary.kubesum.dev.json"] == (
        "you may not get apiservices.apiregistration.k8s.io"
    )
    assert {"doctor.txt", "doctor.json", "versions.json", "requests.json"} <= found.texts.keys()
    assert found.json("discovery/summary.kubesum.dev-v1alpha1.json")["kind"] == "APIResourceList"


async def test_two_bundles_have_the_same_names(tmp_path: Path) -> None:
    async with planted() as cluster:
        first, second = [await of_planted(tmp_path, cluster) for _ in range(2)]

    assert list(first.texts) == list(second.texts)
    assert first.texts["objects/pods.json"] == second.texts["objects/pods.json"]


async def test_without_an_api_server_it_says_why(tmp_path: Path) -> None:
    found = await bundled(written_kubeconfig(tmp_path / "config", "http://127.0.0.1:1"))

    assert [*found.texts] == ["index.json", "doctor.txt", "doctor.json", "versions.json", "requests.json"]
    assert found.texts["doctor.txt"].startswith(
        "FAIL  API server: cannot reach http://127.0.0.1:1: connection refused"
    )
    assert found.missing == {"objects, pods, discovery": "cannot reach http://127.0.0.1:1: connection refused"}


async def test_an_api_server_that_does_not_answer_is_not_asked_for_ever(tmp_path: Path) -> None:
    """Each request may take ten seconds, and there are dozens."""
    clock = itertools.count(0, DEADLINE_S / 10)
    async with planted() as cluster:
        found = await bundled(written_kubeconfig(tmp_path / "config", cluster.url), clock=lambda: float(next(clock)))

    assert "objects/service.json" not in found.texts
    assert found.missing["objects/service.json"] == "it was not asked for, because 120 s had passed"


async def test_malformed_answers_are_named(tmp_path: Path) -> None:
    async with planted() as cluster:
        core = f"/api/v1/namespaces/{NAMESPACE}"
        cluster.answers |= {f"{core}/services/kubesum": "no JSON", f"{core}/configmaps": ["no", "list"]}
        cluster.answers[f"{core}/pods"] = {"items": [7, {"metadata": 7}, {"metadata": {"name": "../../a\n"}}]}
        deep: object = {}
        for _ in range(400):
            deep = {"a": deep}
        cluster.answers["/apis/kubesum.dev/v1alpha1/rollupdefinitions"] = {"items": [deep]}
        cluster.answers[f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"] = {"items": [{"metadata": 7}, {}]}
        found = await of_planted(tmp_path, cluster)

    assert found.missing["objects/service.json"] == "the answer is no JSON"
    assert found.missing["objects/configmaps.json"] == "the answer is no list"
    assert found.missing["objects/rollupdefinitions.json"] == "it is nested too deeply"
    hostile = [name for name in (*found.missing, *found.texts) if name.startswith("pods/")]
    assert hostile == [f"pods/_.._a_/{name}" for name in ("readyz.txt", "livez.txt", "version.json", "metrics.txt")]


async def test_a_bundle_is_bounded() -> None:
    bundle = Bundle("https://a", NOW, max_bytes=100)
    bundle.add_text("small", "a", "b" * 60)
    bundle.add_text("large", "a", "b" * 60)
    bundle.add_text("last", "a", "b" * 40)

    found = unpacked(bundle.archive())
    assert [*found.texts] == ["index.json", "small", "last"]
    assert found.missing == {"large": "its 60 bytes do not fit into the 100 bytes of a bundle"}
