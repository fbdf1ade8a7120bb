"""The real kubectl against the simulated cluster."""

import asyncio
import json
from pathlib import Path

import pytest

from kubesim.access.kubeconfig import service_kubeconfig
from tests.hanging import HANGS_AFTER_S
from tests.unit.kubesim.runningcluster import Cluster, node, pod


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


@pytest.mark.process
async def test_pods_and_nodes_are_listed(cluster: Cluster) -> None:
    cluster.store.put("nodes", node("node-1"))
    cluster.store.put("pods", pod("a"))
    cluster.store.put("pods", pod("b", "other"))

    code, out, err = await cluster.kubectl("get", "pods,nodes", "-A")

    assert (code, err) == (0, "")
    assert [line[:3] for line in words(out)] == [
        ["NAMESPACE", "NAME", "READY"],
        ["default", "pod/a", "1/1"],
        ["other", "pod/b", "1/1"],
        [],
        ["NAMESPACE", "NAME", "STATUS"],
        ["node/node-1", "Ready", "<none>"],
    ]


@pytest.mark.process
async def test_describe_node_adds_up_the_pods_of_that_node(cluster: Cluster) -> None:
    cluster.store.put("nodes", node("node-1"))
    cluster.store.put("pods", pod("a"))
    cluster.store.put("pods", pod("b"))
    cluster.store.put("pods", pod("done", phase="Succeeded"))
    cluster.store.put("pods", pod("elsewhere", node="node-2"))

    code, out, _ = await cluster.kubectl("describe", "node", "node-1")

    assert code == 0
    allocated = words(out[out.index("Allocated resources:") :])
    assert ["cpu", "1", "(25%)", "0", "(0%)"] in allocated
    assert ["memory", "512Mi", "(6%)", "0", "(0%)"] in allocated


@pytest.mark.process
async def test_describe_pod_finds_its_events(cluster: Cluster) -> None:
    stored = cluster.store.put("pods", pod("a"))
    involved = {
        "kind": "Pod",
        "namespace": "default",
        "name": "a",
        "uid": stored.decoded()["metadata"]["uid"],
    }
    event = {"involvedObject": involved, "reason": "BackOff", "message": "restarting", "type": "Warning", "count": 1}
    cluster.store.put("events", {"metadata": {"name": "a.1", "namespace": "default"}, **event})
    cluster.store.put("events", {"metadata": {"name": "b.1", "namespace": "default"}, "reason": "Other"})

    code, out, _ = await cluster.kubectl("describe", "pod", "a")

    assert code == 0
    assert "BackOff" in out
    assert "Other" not in out


@pytest.mark.process
async def test_get_with_watch_prints_changes(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a"))

    async with cluster.started_kubectl("get", "pods", "--watch", "--no-headers") as process:
        assert process.stdout is not None
        first = await asyncio.wait_for(process.stdout.readline(), HANGS_AFTER_S)
        cluster.store.put("pods", pod("a", phase="Failed"))
        cluster.store.put("pods", pod("b"))
        second = await asyncio.wait_for(process.stdout.readline(), HANGS_AFTER_S)
        third = await asyncio.wait_for(process.stdout.readline(), HANGS_AFTER_S)

    assert [line.split()[0] for line in (first, second, third)] == [b"a", b"a", b"b"]


@pytest.mark.process
async def test_wait_sees_a_condition_come_true(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a", phase="Pending"))
    waiting = ("wait", "pod/a", "--for=jsonpath={.status.phase}=Running", "--timeout=60s")

    async with cluster.started_kubectl(*waiting) as process:
        cluster.store.put("pods", pod("a"))
        out, _ = await asyncio.wait_for(process.communicate(), HANGS_AFTER_S)

    assert out == b"pod/a condition met\n"


@pytest.mark.process
async def test_objects_are_applied_changed_and_deleted(cluster: Cluster, tmp_path: Path) -> None:
    manifest = tmp_path / "objects.yaml"
    manifest.write_text(
        "{apiVersion: v1, kind: Namespace, metadata: {name: team}}\n---\n"
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: team}, spec: {replicas: 2}}\n"
    )
    cluster.store.put("nodes", node("node-1"))

    created = await cluster.kubectl("create", "-f", str(manifest))
    assert created == (0, "namespace/team created\ndeployment.apps/web created\n", "")
    labelled = await cluster.kubectl("label", "deployment", "web", "-n", "team", "tier=front")
    assert labelled == (0, "deployment.apps/web labeled\n", "")
    assert (await cluster.kubectl("cordon", "node-1"))[1] == "node/node-1 cordoned\n"
    patched = await cluster.kubectl(
        *("patch", "deployment", "web", "-n", "team", "--subresource=status", "--type=merge"),
        *("-p", '{"status":{"readyReplicas":2}}'),
    )
    assert patched == (0, "deployment.apps/web patched\n", "")
    _, out, _ = await cluster.kubectl(
        *("get", "deployments", "-A", "-l", "tier=front"),
        *("-o", "jsonpath={.items[0].spec.replicas} {.items[0].status.readyReplicas}"),
    )
    assert out == "2 2"
    deleted = await cluster.kubectl("delete", "deployment", "web", "-n", "team")
    assert deleted[0] == 0
    assert cluster.store.list("deployments") == []


@pytest.mark.process
async def test_resources_are_discovered(cluster: Cluster) -> None:
    code, out, _ = await cluster.kubectl("api-resources", "--no-headers")

    rows = words(out)
    assert code == 0
    assert ["pods", "po", "v1", "true", "Pod"] in rows
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in rows
    assert ["apiservices", "apiregistration.k8s.io/v1", "false", "APIService"] in rows


@pytest.mark.process
async def test_permissions_can_be_reviewed(cluster: Cluster) -> None:
    answers = {
        ("admin", "list", "nodes"): "yes\n",
        ("viewer", "list", "nodes"): "no\n",
        ("viewer", "watch", "deployments.apps"): "yes\n",
        ("tenant", "list", "pods"): "yes\n",
    }
    for (who, verb, resource), expected in answers.items():
        _, out, _ = await cluster.kubectl("auth", "can-i", verb, resource, who=who)
        assert out == expected, (who, resource)
    assert (await cluster.kubectl("auth", "can-i", "list", "pods", "-A", who="tenant"))[1] == "no\n"
    assert "example.org/Scopes" in (await cluster.kubectl("auth", "whoami", who="tenant"))[1]


@pytest.mark.process
async def test_raw_paths_versions_and_missing_objects(cluster: Cluster) -> None:
    assert (await cluster.kubectl("get", "--raw", "/readyz"))[1] == "ok"
    assert "Server Version: v1.36.2" in (await cluster.kubectl("version"))[1]
    assert await cluster.kubectl("get", "pod", "a") == (
        1,
        "",
        'Error from server (NotFound): pods "a" not found\n',
    )
    assert await cluster.kubectl("get", "pods") == (0, "", "No resources found in default namespace.\n")


@pytest.mark.process
async def test_the_service_account_has_a_kubeconfig_of_its_own(cluster: Cluster, tmp_path: Path) -> None:
    cluster.store.put("pods", pod("a"))
    config = tmp_path / "service.kubeconfig"
    config.write_text(json.dumps(service_kubeconfig(cluster.server.url, cluster.pki)))

    code, out, _ = await cluster.kubectl("--kubeconfig", str(config), "get", "pods", "-o", "name")

    assert (code, out) == (0, "pod/a\n")
