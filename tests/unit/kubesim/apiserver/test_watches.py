"""Watches over HTTP, event by event."""

from pathlib import Path

import pytest

from kubesim.apiserver.apiserver import ServerOptions
from kubesim.store.store import CHANGES_KEPT
from tests.unit.kubesim.runningcluster import TABLE, Cluster, node, pod, running_cluster

PODS = "/api/v1/pods?watch=true"
WATCH_LIST = f"{PODS}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


async def test_headers_arrive_before_the_first_event(cluster: Cluster) -> None:
    async with cluster.watch(f"{PODS}&resourceVersion={cluster.store.version}") as events:
        assert events.answer.headers["Content-Type"] == "application/json"
        assert events.answer.headers["Transfer-Encoding"] == "chunked"
        cluster.store.put("pods", pod("a"))

        event = await events.next()

    assert (event["type"], event["object"]["kind"], event["object"]["metadata"]["name"]) == ("ADDED", "Pod", "a")


@pytest.mark.parametrize("version", ["", "&resourceVersion=0"])
async def test_a_watch_without_a_version_begins_with_current_objects(cluster: Cluster, version: str) -> None:
    cluster.store.put("pods", pod("a"))
    cluster.store.put("pods", pod("b", "other"))

    async with cluster.watch(PODS + version) as events:
        assert [await events.type_and_name(), await events.type_and_name()] == [("ADDED", "a"), ("ADDED", "b")]
        cluster.store.delete("pods", "default", "a")
        assert await events.type_and_name() == ("DELETED", "a")


async def test_a_watch_from_a_version_gets_exactly_the_later_changes(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a"))
    version = cluster.store.version
    cluster.store.put("pods", pod("a"))
    cluster.store.put("nodes", node("n"))

    async with cluster.watch(f"{PODS}&resourceVersion={version}") as events:
        cluster.store.delete("pods", "default", "a")
        event, last = await events.next(), await events.next()

    assert (event["type"], event["object"]["metadata"]["resourceVersion"]) == ("MODIFIED", str(version + 1))
    assert (last["type"], last["object"]["metadata"]["resourceVersion"]) == ("DELETED", str(version + 3))
    assert last["object"]["spec"]["nodeName"] == "node-1"


async def test_a_bookmark_ends_the_initial_events_of_a_streaming_list(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a"))
    version = str(cluster.store.version)

    async with cluster.watch(WATCH_LIST) as events:
        assert await events.type_and_name() == ("ADDED", "a")
        assert await events.next() == {
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


async def test_a_server_with_an_old_etcd_rejects_only_streaming_lists(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, ServerOptions(refuses_watch_lists=True)) as cluster:
        async with cluster.watch(WATCH_LIST) as events:
            event = await events.next()
            assert await events.next() is None
        async with cluster.watch(PODS) as events:
            cluster.store.put("pods", pod("a"))
            assert await events.type_and_name() == ("ADDED", "a")

    assert event == {
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

    async with cluster.watch("/api/v1/events?watch=true&resourceVersion=1") as events:
        event = await events.next()
        assert await events.next() is None

    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 1 (")


async def test_a_later_version_is_too_large(cluster: Cluster) -> None:
    current = cluster.store.version

    answer = await cluster.get(f"{PODS}&resourceVersion={current + 1000}")

    assert (answer.code, answer.headers["Retry-After"]) == (504, "1")
    assert answer.json["message"] == f"Timeout: Too large resource version: {current + 1000}, current: {current}"
    assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


async def test_a_watch_ends_after_its_timeout_with_a_bookmark_before(cluster: Cluster) -> None:
    async with cluster.watch(f"{PODS}&timeoutSeconds=3&allowWatchBookmarks=true") as events:
        cluster.store.put("nodes", node("n"))
        event = await events.next()
        assert await events.next() is None

    assert event["type"] == "BOOKMARK"
    assert event["object"]["metadata"] == {
        "resourceVersion": str(cluster.store.version),
        "creationTimestamp": None,
    }


async def test_objects_enter_and_leave_a_selection(cluster: Cluster) -> None:
    version = cluster.store.put("pods", pod("a", node="n1")).version

    async with cluster.watch(f"{PODS}&resourceVersion={version}&fieldSelector=spec.nodeName%3Dn2") as events:
        cluster.store.put("pods", pod("other", node="n1"))
        cluster.store.put("pods", pod("a", node="n2"))
        cluster.store.put("pods", pod("a", node="n2", phase="Failed"))
        moved = cluster.store.put("pods", pod("a", node="n3"))
        cluster.store.delete("pods", "default", "a")
        cluster.store.put("pods", pod("b", node="n2"))
        seen = [await events.next() for _ in range(4)]

    assert [(event["type"], event["object"]["metadata"]["name"]) for event in seen] == [
        ("ADDED", "a"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
        ("ADDED", "b"),
    ]
    assert seen[2]["object"]["spec"]["nodeName"] == "n2"
    assert seen[2]["object"]["metadata"]["resourceVersion"] == str(moved.version)


async def test_a_watch_of_a_namespace_has_no_events_of_others(cluster: Cluster) -> None:
    async with cluster.watch("/api/v1/namespaces/own/pods?watch=true") as events:
        cluster.store.put("pods", pod("a", "other"))
        cluster.store.put("pods", pod("b", "own"))

        assert await events.type_and_name() == ("ADDED", "b")


async def test_a_watched_table_defines_its_columns_once(cluster: Cluster) -> None:
    cluster.store.put("nodes", node("a"))

    async with cluster.watch("/api/v1/nodes?watch=true", accept=TABLE) as events:
        cluster.store.put("nodes", node("b"))
        first, second = await events.next(), await events.next()

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
async def test_contradictory_watch_options_are_rejected(cluster: Cluster, query: str, field: str) -> None:
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
