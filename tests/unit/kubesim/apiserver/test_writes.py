"""Create, update, patch and delete over HTTP."""

from typing import Any

from tests.unit.kubesim.runningcluster import Cluster

NAMESPACED = "/api/v1/namespaces/default"
POD: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
MERGE = {"Content-Type": "application/merge-patch+json"}


async def test_a_created_pod_is_pending_whatever_its_status(cluster: Cluster) -> None:
    created = await cluster.request("POST", f"{NAMESPACED}/pods", body=POD)
    again = await cluster.request("POST", f"{NAMESPACED}/pods", body=POD)

    assert (created.code, created.json["status"]) == (201, {"phase": "Pending"})
    assert created.json["metadata"]["namespace"] == "default"
    assert (again.code, again.json["reason"], again.json["message"]) == (
        409,
        "AlreadyExists",
        'pods "a" already exists',
    )


async def test_nothing_is_created_in_a_namespace_that_does_not_exist(cluster: Cluster) -> None:
    answer = await cluster.request("POST", "/api/v1/namespaces/nowhere/pods", body=POD)

    assert (answer.code, answer.json["message"]) == (404, 'namespaces "nowhere" not found')


async def test_status_and_spec_are_written_separately(cluster: Cluster) -> None:
    await cluster.request("POST", f"{NAMESPACED}/pods", body=POD)
    path = f"{NAMESPACED}/pods/a"
    both = {"spec": {"nodeName": "m"}, "status": {"phase": "Running"}}

    main = await cluster.request("PATCH", path, body=both, headers=MERGE)
    status = await cluster.request(
        "PATCH", f"{path}/status", body={"spec": {"nodeName": "x"}, "status": {"phase": "Failed"}}, headers=MERGE
    )

    assert (main.json["spec"], main.json["status"]) == ({"nodeName": "m"}, {"phase": "Pending"})
    assert (status.json["spec"], status.json["status"]) == ({"nodeName": "m"}, {"phase": "Failed"})


async def test_a_merge_removes_what_is_null(cluster: Cluster) -> None:
    cluster.store.put("configmaps", {"metadata": {"name": "c", "namespace": "default"}, "data": {"a": "1", "b": "2"}})

    answer = await cluster.request(
        "PATCH", f"{NAMESPACED}/configmaps/c", body={"data": {"a": None, "c": "3"}}, headers=MERGE
    )

    assert answer.json["data"] == {"b": "2", "c": "3"}


async def test_an_update_of_an_older_version_conflicts(cluster: Cluster) -> None:
    stored = cluster.store.put("configmaps", {"metadata": {"name": "c", "namespace": "default"}})
    path = f"{NAMESPACED}/configmaps/c"
    seen = {"metadata": {"name": "c", "resourceVersion": str(stored.version)}, "data": {"a": "1"}}

    first = await cluster.request("PUT", path, body=seen)
    second = await cluster.request("PUT", path, body=seen)

    assert (first.code, first.json["data"]) == (200, {"a": "1"})
    assert first.json["metadata"]["uid"] == stored.decoded()["metadata"]["uid"]
    assert (second.code, second.json["reason"]) == (409, "Conflict")


async def test_a_deleted_object_is_gone(cluster: Cluster) -> None:
    cluster.store.put("configmaps", {"metadata": {"name": "c", "namespace": "default"}})
    path = f"{NAMESPACED}/configmaps/c"

    first, second = await cluster.request("DELETE", path), await cluster.request("DELETE", path)

    assert (first.code, first.json["status"], first.json["details"]["name"]) == (200, "Success", "c")
    assert second.code == 404


async def test_strategic_merge_patches_with_lists_are_rejected(cluster: Cluster) -> None:
    cluster.store.put("nodes", {"metadata": {"name": "n"}})
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}

    map_alone = await cluster.request(
        "PATCH", "/api/v1/nodes/n", body={"spec": {"unschedulable": True}}, headers=strategic
    )
    with_list = await cluster.request("PATCH", "/api/v1/nodes/n", body={"spec": {"taints": []}}, headers=strategic)

    assert map_alone.json["spec"] == {"unschedulable": True}
    assert (with_list.code, with_list.json["reason"]) == (415, "UnsupportedMediaType")


async def test_invalid_bodies_are_rejected(cluster: Cluster) -> None:
    nonsense = await cluster.request("POST", f"{NAMESPACED}/pods", body=b"[1")
    elsewhere = await cluster.request(
        "POST", f"{NAMESPACED}/pods", body={"metadata": {"name": "a", "namespace": "other"}}
    )
    nameless = await cluster.request("POST", f"{NAMESPACED}/pods", body={"metadata": {}})

    assert (nonsense.code, elsewhere.code, nameless.code) == (400, 400, 422)
