"""metrics.k8s.io of the simulated cluster, as metrics-server serves it and `kubectl top` reads it."""

from typing import Any

import pytest

from kubesim.apiserver.metrics import metrics_api_service
from kubesim.quantities import amount, nanos
from kubesim.world.metering import Container, Usage, container_usage, is_measured, node_usage
from tests.unit.kubesim.runningcluster import TABLE, Cluster, node, pod

ROOT = "/apis/metrics.k8s.io/v1beta1"
LONG_AGO = "2026-01-02T03:04:05Z"
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def old(name: str, namespace: str = "default", started: str = LONG_AGO, **more: Any) -> dict[str, Any]:
    """A pod whose container has run for long."""
    found = pod(name, namespace, **more)
    found["metadata"] |= {"uid": f"uid-{name}", "creationTimestamp": LONG_AGO}
    found["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": started}}
    return found


def crash_looping(name: str) -> dict[str, Any]:
    found = old(name)
    found["status"]["containerStatuses"][0] |= {
        "ready": False,
        "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }
    return found


@pytest.fixture
def cluster(cluster: Cluster) -> Cluster:
    """A cluster of two nodes, of which one is unreachable, and five pods."""
    unreachable = node("node-2")
    unreachable["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    cluster.store.put("nodes", node("node-1"))
    cluster.store.put("nodes", unreachable)
    cluster.store.put("pods", old("a", labels={"app": "web"}))
    cluster.store.put("pods", old("b", "payments"))
    cluster.store.put("pods", crash_looping("looping"))
    cluster.store.put("pods", pod("newborn"))
    cluster.store.put("pods", old("unheard", node="node-2"))
    return cluster


async def test_the_group_is_discovered_as_that_of_metrics_server(cluster: Cluster) -> None:
    listed = (await cluster.get(ROOT)).json
    aggregated = (await cluster.get("/apis", accept=DISCOVERY)).json["items"]
    service = cluster.store.get("apiservices", "", "v1beta1.metrics.k8s.io")

    assert [(r["name"], r["singularName"], r["namespaced"], r["kind"], r["verbs"]) for r in listed["resources"]] == [
        ("nodes", "", False, "NodeMetrics", ["get", "list"]),
        ("pods", "", True, "PodMetrics", ["get", "list"]),
    ]
    (item,) = [item for item in aggregated if item["metadata"]["name"] == "metrics.k8s.io"]
    assert [(r["resource"], r["singularResource"]) for r in item["versions"][0]["resources"]] == [
        ("nodes", ""),
        ("pods", ""),
    ]
    assert service is not None
    assert service.decoded()["spec"]["service"]["name"] == "metrics-server"


async def test_v1_and_v1beta1_have_the_same_content(cluster: Cluster) -> None:
    group = (await cluster.get("/apis/metrics.k8s.io")).json
    listed = (await cluster.get("/apis")).json["groups"]
    v1, v1beta1 = [(await cluster.get(f"/apis/metrics.k8s.io/{v}/pods")).json for v in ("v1", "v1beta1")]

    assert [version["version"] for version in group["versions"]] == ["v1", "v1beta1"]
    assert group["preferredVersion"] == {"groupVersion": "metrics.k8s.io/v1", "version": "v1"}
    assert [one["versions"] for one in listed if one["name"] == "metrics.k8s.io"] == [group["versions"]]
    assert v1["apiVersion"] == "metrics.k8s.io/v1"
    assert v1["items"] == v1beta1["items"]


async def test_a_version_is_served_as_long_as_it_has_an_api_service(cluster: Cluster) -> None:
    cluster.store.delete("apiservices", "", "v1beta1.metrics.k8s.io")

    group = (await cluster.get("/apis/metrics.k8s.io")).json
    assert [version["version"] for version in group["versions"]] == ["v1"]
    assert [(await cluster.get(path)).code for path in (ROOT, f"{ROOT}/pods", "/apis/metrics.k8s.io/v1/pods")] == [
        404,
        404,
        200,
    ]

    cluster.store.delete("apiservices", "", "v1.metrics.k8s.io")
    assert (await cluster.get("/apis/metrics.k8s.io")).code == 404


async def test_a_version_without_backend_is_discovered_all_the_same(cluster: Cluster) -> None:
    cluster.store.put("apiservices", metrics_api_service("v1", available=False))

    group = (await cluster.get("/apis/metrics.k8s.io")).json
    unavailable = await cluster.get("/apis/metrics.k8s.io/v1/pods")

    assert [version["version"] for version in group["versions"]] == ["v1", "v1beta1"]
    assert (unavailable.code, unavailable.json["reason"]) == (503, "ServiceUnavailable")
    assert (await cluster.get(f"{ROOT}/pods")).code == 200


async def test_only_running_containers_are_measured(cluster: Cluster) -> None:
    pods = (await cluster.get(f"{ROOT}/pods?limit=1")).json
    nodes = (await cluster.get(f"{ROOT}/nodes")).json

    assert (pods["kind"], pods["apiVersion"], pods["metadata"]) == ("PodMetricsList", "metrics.k8s.io/v1beta1", {})
    assert [item["metadata"]["name"] for item in pods["items"]] == ["a", "b"]
    assert [item["metadata"]["name"] for item in nodes["items"]] == ["node-1"]


async def test_a_measurement_has_the_shape_of_metrics_server(cluster: Cluster) -> None:
    (pod_metrics,) = (await cluster.get(f"{ROOT}/namespaces/default/pods")).json["items"]
    node_metrics = (await cluster.get(f"{ROOT}/nodes/node-1")).json

    assert pod_metrics.keys() == {"metadata", "timestamp", "window", "containers"}
    assert pod_metrics["metadata"]["labels"] == {"app": "web"}
    assert [one["name"] for one in pod_metrics["containers"]] == ["main"]
    assert node_metrics.keys() == {"kind", "apiVersion", "metadata", "timestamp", "window", "usage"}
    assert node_metrics["kind"] == "NodeMetrics"
    for computed in (pod_metrics, node_metrics):
        assert computed["window"].startswith("15.") or computed["window"] == "15s"
        assert computed["timestamp"].endswith("Z")


async def test_a_node_uses_more_than_its_pods(cluster: Cluster) -> None:
    pods = (await cluster.get(f"{ROOT}/pods")).json["items"]
    (of_node,) = (await cluster.get(f"{ROOT}/nodes")).json["items"]
    of_pods = [one["usage"] for pod in pods for one in pod["containers"]]

    assert nanos(of_node["usage"]["cpu"]) > sum(nanos(usage["cpu"]) for usage in of_pods) > 0
    assert amount("memory", of_node["usage"]["memory"]) > sum(amount("memory", u["memory"]) for u in of_pods) > 0


async def test_pods_are_selected_by_label_and_by_field(cluster: Cluster) -> None:
    by_label = (await cluster.get(f"{ROOT}/pods?labelSelector=app%3Dweb")).json["items"]
    by_field = (await cluster.get(f"{ROOT}/pods?fieldSelector=metadata.namespace%3Dpayments")).json["items"]

    assert [item["metadata"]["name"] for item in by_label] == ["a"]
    assert [item["metadata"]["name"] for item in by_field] == ["b"]


async def test_not_found_has_the_text_of_metrics_server(cluster: Cluster) -> None:
    unmeasured = (await cluster.get(f"{ROOT}/namespaces/default/pods/newborn")).json
    unknown = (await cluster.get(f"{ROOT}/namespaces/default/pods/nobody")).json
    unreachable = (await cluster.get(f"{ROOT}/nodes/node-2")).json

    assert unmeasured["message"] == 'podmetrics.metrics.k8s.io "default/newborn" not found'
    assert unknown["message"] == 'pods "nobody" not found'
    assert unreachable["message"] == 'nodemetrics.metrics.k8s.io "node-2" not found'


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"{ROOT}/pods?watch=1", 405),
        ("DELETE", f"{ROOT}/nodes/node-1", 405),
        ("GET", f"{ROOT}/namespaces/default/nodes", 404),
        ("GET", f"{ROOT}/services", 404),
        ("GET", "/apis/metrics.k8s.io/v2/pods", 404),
    ],
)
async def test_other_verbs_and_resources_are_rejected(cluster: Cluster, method: str, path: str, code: int) -> None:
    assert (await cluster.request(method, path)).code == code


async def test_a_table_has_the_columns_of_metrics_server(cluster: Cluster) -> None:
    table = (await cluster.get(f"{ROOT}/namespaces/default/pods", accept=TABLE)).json

    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "cpu", "memory", "Window"]
    assert [row["cells"][0] for row in table["rows"]] == ["a"]


async def test_metrics_are_authorized_by_the_role_of_metrics_server(cluster: Cluster) -> None:
    headers = {"Authorization": f"Bearer {cluster.pki.service_token}"}

    assert (await cluster.get(f"{ROOT}/nodes", "viewer")).code == 200
    assert (await cluster.get(f"{ROOT}/namespaces/payments/pods", "tenant")).code == 200
    assert (await cluster.get(f"{ROOT}/pods", "tenant")).code == 403
    assert (await cluster.get(f"{ROOT}/pods", "nobody")).code == 403
    assert (await cluster.request("GET", f"{ROOT}/pods", "nobody", headers=headers)).code == 200


@pytest.mark.process
@pytest.mark.parametrize("gone", ["", "v1", "v1beta1"])
async def test_kubectl_top_prints_what_is_measured(cluster: Cluster, gone: str) -> None:
    cluster.store.delete("apiservices", "", f"{gone}.metrics.k8s.io")

    nodes = await cluster.kubectl("top", "nodes")
    pods = await cluster.kubectl("top", "pods", "-A", "--no-headers")

    assert (nodes[0], nodes[2], pods[0], pods[2]) == (0, "", 0, "")
    assert [line.split()[0] for line in nodes[1].splitlines()] == ["NAME", "node-1", "node-2"]
    assert nodes[1].splitlines()[2].split()[1:] == ["<unknown>"] * 4
    assert [line.split()[:2] for line in pods[1].splitlines()] == [["default", "a"], ["payments", "b"]]


BUSY = Container("app", 1_000_003, 500, 1 << 28, 0, 0, 0)
IDLE = BUSY._replace(seed=1_000_009)


def test_the_usage_of_a_busy_container_varies_and_that_of_an_idle_one_does_not() -> None:
    busy = [container_usage(BUSY, tick, 15 * tick).cpu // 1_000_000 for tick in range(100, 104)]
    idle = [container_usage(IDLE, tick, 15 * tick).cpu // 1_000_000 for tick in range(100, 104)]

    assert busy == [238, 233, 229, 224]
    assert idle == [6, 6, 6, 6]


async def test_usage_follows_allocated_resources_not_a_pending_resize(cluster: Cluster) -> None:
    resized = old("resized")
    resized["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "400"
    resized["status"]["containerStatuses"][0]["allocatedResources"] = {"cpu": "250m", "memory": "256Mi"}
    cluster.store.put("pods", resized)

    (container,) = (await cluster.get(f"{ROOT}/namespaces/default/pods/resized")).json["containers"]

    assert nanos(container["usage"]["cpu"]) < 250_000_000


def test_a_container_that_has_just_crashed_uses_little() -> None:
    recovering = BUSY._replace(restarts=3, started=1_490)

    assert container_usage(recovering, 100, 1_500) == Usage(1_503_619, 26_841_088)
    assert container_usage(recovering, 110, 1_650).cpu > 100_000_000


def test_a_container_never_uses_more_memory_than_its_limit() -> None:
    assert container_usage(BUSY._replace(memory_limit=1 << 26), 100, 1_500).memory == 1 << 26


def test_a_container_is_measured_after_ten_seconds() -> None:
    assert not is_measured(BUSY._replace(started=1_491), 1_500)
    assert is_measured(BUSY._replace(started=1_490), 1_500)


def test_a_node_without_pods_is_not_idle() -> None:
    assert node_usage("node-1", (), 100) == Usage(100_000_000, 816_840_704)
