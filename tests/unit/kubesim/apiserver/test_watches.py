"""Watches over HTTP, frame by frame."""

from pathlib import Path

import pytest

from kubesim.apiserver.apiserver import ServerOptions
from kubesim.store.store import CHANGES_KEPT
from tests.unit.kubesim.runningcluster import TABLE, Cluster, node, pod, running_cluster

PODS = "/api/v1/pods?watch=true"
WATCH_LIST = f"{PODS}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


async def test_headers_arrive_before_the_first_event(cluster: Cluster) -> None:
    async with cluster.watch(f"{PODS}&resourceVersion={cluster.store.version}") as frames:
        assert frames.answer.headers["Content-Type"] == "application/json"
        assert frames.answer.headers["Transfer-Encoding"] == "chunked"
        cluster.store.put("pods", pod("a"))

        frame = await frames.next()

    assert (frame["type"], frame["object"]["kind"], frame["object"]["metadata"]["name"]) == ("ADDED", "Pod", "a")


@pytest.mark.parametrize("version", ["", "&resourceVersion=0"])
async def test_a_watch_without_a_version_begins_with_what_is_there(cluster: Cluster, version: str) -> None:
    cluster.store.put("pods", pod("a"))
    cluster.store.put("pods", pod("b", "other"))

    async with cluster.watch(PODS + version) as frames:
        assert [await frames.brief(), await frames.brief()] == [("ADDED", "a"), ("ADDED", "b")]
        cluster.store.delete("pods", "default", "a")
        assert await frames.brief() == ("DELETED", "a")


async def test_a_watch_from_a_version_gets_exactly_what_follows(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a"))
    version = cluster.store.version
    cluster.store.put("pods", pod("a"))
    cluster.store.put("nodes", node("n"))

    async with cluster.watch(f"{PODS}&resourceVersion={version}") as frames:
        cluster.store.delete("pods", "default", "a")
        frame, last = await frames.next(), await frames.next()

    assert (frame["type"], frame["object"]["metadata"]["resourceVersion"]) == ("MODIFIED", str(version + 1))
    assert (last["type"], last["object"]["metadata"]["resourceVersion"]) == ("DELETED", str(version + 3))
    assert last["object"]["spec"]["nodeName"] == "node-1"


async def test_a_watch_list_says_when_the_beginning_is_over(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a"))
    version = str(cluster.store.version)

    async with cluster.watch(WATCH_LIST) as frames:
        assert await frames.brief() == ("ADDED", "a")
        assert await frames.next() == {
            "type": "BOOKMARK",
            "object": {
                "kind": "Pod",
                "apiVersion": "v1",
                "metadata": {
                    "resourceVersion": version,
                    "creationTimestamp": None,
                    "annotations": {"k8s.io/initial-events-end": "true"},
                },
            },
        }


async def test_a_server_with_an_old_etcd_refuses_watch_lists_and_nothing_else(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, ServerOptions(refuses_watch_lists=True)) as cluster:
        async with cluster.watch(WATCH_LIST) as frames:
            frame = await frames.next()
            assert await frames.next() is None
        async with cluster.watch(PODS) as frames:
            cluster.store.put("pods", pod("a"))
            assert await frames.brief() == ("ADDED", "a")

    assert frame == {
        "type": "ERROR",
        "object": {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "required storage feature RequestWatchProgress is disabled",
            "reason": "InternalError",
            "code": 500,
        },
    }


async def test_a_version_that_is_too_old_ends_the_watch_with_an_error(cluster: Cluster) -> None:
    for _ in range(CHANGES_KEPT + 1):
        cluster.store.put("events", {"metadata": {"name": "e", "namespace": "default"}})

    async with cluster.watch("/api/v1/events?watch=true&resourceVersion=1") as frames:
        frame = await frames.next()
        assert await frames.next() is None

    assert (frame["type"], frame["object"]["code"], frame["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert frame["object"]["message"].startswith("too old resource version: 1 (")


async def test_a_version_of_the_future_is_too_large(cluster: Cluster) -> None:
    current = cluster.store.version

    answer = await cluster.get(f"{PODS}&resourceVersion={current + 1000}")

    assert (answer.code, answer.headers["Retry-After"]) == (504, "1")
    assert answer.json["message"] == f"Timeout: Too large resource version: {current + 1000}, current: {current}"
    assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_watch_ends_cleanly_after_its_time_with_a_bookmark_before(cluster: Cluster) -> None:
    async with cluster.watch(f"{PODS}&timeoutSeconds=3&allowWatchBookmarks=true") as frames:
        cluster.store.put("nodes", node("n"))
        frame = await frames.next()
        assert await frames.next() is None

    assert frame["type"] == "BOOKMARK"
    assert frame["object"]["metadata"] == {
        "resourceVersion": str(cluster.store.version),
        "creationTimestamp": None,
    }


async def test_objects_enter_and_leave_what_is_selected(cluster: Cluster) -> None:
    version = cluster.store.put("pods", pod("a", node="n1")).version

    async with cluster.watch(f"{PODS}&resourceVersion={version}&fieldSelector=spec.nodeName%3Dn2") as frames:
        cluster.store.put("pods", pod("other", node="n1"))
        cluster.store.put("pods", pod("a", node="n2"))
        cluster.store.put("pods", pod("a", node="n2", phase="Failed"))
        moved = cluster.store.put("pods", pod("a", node="n3"))
        cluster.store.delete("pods", "default", "a")
        cluster.store.put("pods", pod("b", node="n2"))
        seen = [await frames.next() for _ in range(4)]

    assert [(frame["type"], frame["object"]["metadata"]["name"]) for frame in seen] == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
        ("ADDED", "b"),
    ]
    assert seen[2]["object"]["spec"]["nodeName"] == "n2"
    assert seen[2]["object"]["metadata"]["resourceVersion"] == str(moved.version)


async def test_a_watch_of_a_namespace_sees_no_other(cluster: Cluster) -> None:
    async with cluster.watch("/api/v1/namespaces/own/pods?watch=true") as frames:
        cluster.store.put("pods", pod("a", "other"))
        cluster.store.put("pods", pod("b", "own"))

        assert await frames.brief() == ("ADDED", "b")


async def test_a_watched_table_defines_its_columns_once(cluster: Cluster) -> None:
    cluster.store.put("nodes", node("a"))

    async with cluster.watch("/api/v1/nodes?watch=true", accept=TABLE) as frames:
        cluster.store.put("nodes", node("b"))
        first, second = await frames.next(), await frames.next()

    assert [column["name"] for column in first["object"]["columnDefinitions"]][:2] == ["Name", "Status"]
    assert first["object"]["rows"][0]["cells"][0] == "a"
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][0] == "b"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("&sendInitialEvents=true", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
        (
            "&resourceVersionMatch=NotOlderThan",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
    ],
)
async def test_options_of_a_watch_must_go_together(cluster: Cluster, query: str, field: str) -> None:
    answer = await cluster.get(PODS + query)

    assert (answer.code, answer.json["details"]["causes"]) == (
        422,
        [
            {
                "reason": "FieldValueForbidden",
                "message": f"Forbidden: {field}",
                "field": "resourceVersionMatch",
            }
        ],
    )
