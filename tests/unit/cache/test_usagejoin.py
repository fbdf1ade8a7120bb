"""Polled usage: for which pods and nodes it counts, for how long, and that nothing else depends on it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from kubesum.cache.syncstate import PollState
from kubesum.kube.deltas import Poll, WatchError
from kubesum.semantics.facts import Measurement
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Source
from tests.computation import Computation, JsonObject

PODS, NODES = "pods.metrics.k8s.io", "nodes.metrics.k8s.io"
CREATED = "2026-01-02T03:04:05Z"
MEASURED = "2026-01-02T03:10:00Z"
AT = datetime(2026, 1, 2, 3, 10, tzinfo=UTC)
ABSENT = WatchError(UpstreamError("the server could not find the requested resource"), refused=True)


def pod(
    name: str, uid: str = "", created: str = CREATED, phase: str = "Running", requests: JsonObject | None = None
) -> JsonObject:
    asked = {"cpu": "100m", "memory": "64Mi"} if requests is None else requests
    return {
        "metadata": {"namespace": "blue", "name": name, "uid": uid or name, "creationTimestamp": created},
        "spec": {"nodeName": "n0", "containers": [{"name": "main", "resources": {"requests": asked}}]},
        "status": {"phase": phase},
    }


def node(name: str, uid: str = "", created: str = CREATED) -> JsonObject:
    return {
        "metadata": {"name": name, "uid": uid or name, "creationTimestamp": created},
        "status": {"allocatable": {"cpu": "4", "memory": "1Gi"}},
    }


def of_pod(name: str, cpu: str = "50m", memory: str = "16Mi", at: str | None = MEASURED) -> JsonObject:
    usage = {"cpu": cpu, "memory": memory}
    return {
        "metadata": {"namespace": "blue", "name": name},
        "timestamp": at,
        "containers": [{"name": "main", "usage": usage}],
    }


def of_node(name: str, cpu: str = "1", memory: str = "512Mi", at: str = MEASURED) -> JsonObject:
    return {"metadata": {"name": name}, "timestamp": at, "usage": {"cpu": cpu, "memory": memory}}


@pytest.fixture
def world() -> Computation:
    """A node and two pods on it."""
    world = Computation()
    world.put("nodes", node("n0"))
    world.put("pods", pod("a"))
    world.put("pods", pod("b"))
    return world


async def usages(world: Computation, plural: str = "podsummaries") -> dict[str, Any]:
    """The usage of each row by name, None where it has none."""
    return {name: row["status"].get("usage") for (_, name), row in (await world.settled(plural)).items()}


async def summary(world: Computation, plural: str, name: str, namespace: str = "") -> JsonObject:
    found: JsonObject = (await world.settled(plural))[namespace, name]["status"]
    return found


async def test_pods_add_up_to_workloads_and_namespaces_and_nodes_to_the_cluster(world: Computation) -> None:
    world.put("nodes", node("n1"))
    await world.poll(PODS, [of_pod("a", "50m", "16Mi"), of_pod("b", "1500001n", "20Mi")])
    await world.poll(NODES, [of_node("n0"), of_node("n1", "500m", "256Mi")])

    rows = await world.everything()

    told = {
        (plural, name): (row["status"]["usage"], row["status"]["usagePercent"])
        for plural, of_kind in rows.items()
        for (_, name), row in of_kind.items()
        if "usage" in row["status"]
    }
    assert told == {
        ("podsummaries", "a"): ({"cpu": "50m", "memory": "16Mi"}, {"cpu": 50, "memory": 25}),
        ("podsummaries", "b"): ({"cpu": "2m", "memory": "20Mi"}, {"cpu": 2, "memory": 31}),
        ("workloadsummaries", "pod.a"): ({"cpu": "50m", "memory": "16Mi"}, {"cpu": 50, "memory": 25}),
        ("workloadsummaries", "pod.b"): ({"cpu": "2m", "memory": "20Mi"}, {"cpu": 2, "memory": 31}),
        ("namespacesummaries", "blue"): ({"cpu": "52m", "memory": "36Mi"}, {"cpu": 26, "memory": 28}),
        ("nodesummaries", "n0"): ({"cpu": "1", "memory": "512Mi"}, {"cpu": 25, "memory": 50}),
        ("nodesummaries", "n1"): ({"cpu": "500m", "memory": "256Mi"}, {"cpu": 12, "memory": 25}),
        ("clustersummaries", "cluster"): ({"cpu": "1500m", "memory": "768Mi"}, {"cpu": 18, "memory": 37}),
    }


async def test_pods_and_nodes_that_do_not_exist_use_nothing(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a"), of_pod("stranger", "900")])
    await world.poll(NODES, [of_node("n0"), of_node("stranger", "900")])

    assert await usages(world) == {"a": {"cpu": "50m", "memory": "16Mi"}, "b": None}
    assert await usages(world, "namespacesummaries") == {"blue": {"cpu": "50m", "memory": "16Mi"}}
    assert await usages(world, "clustersummaries") == {"cluster": {"cpu": "1", "memory": "512Mi"}}


async def test_sums_count_the_pods_and_nodes_without_usage(world: Computation) -> None:
    world.put("nodes", node("n1"))
    before = await summary(world, "namespacesummaries", "blue", "blue")
    await world.poll(PODS, [of_pod("a")])
    await world.poll(NODES, [of_node("n0")])
    after = await summary(world, "namespacesummaries", "blue", "blue")

    assert ("podsWithoutUsage" in before, after["podsWithoutUsage"]) == (False, 1)
    assert (await summary(world, "workloadsummaries", "pod.a", "blue"))["podsWithoutUsage"] == 0
    assert (await summary(world, "clustersummaries", "cluster"))["nodesWithoutUsage"] == 1


async def test_a_malformed_measurement_does_not_count(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a"), of_pod("b")])
    await world.settle()

    news = Poll(iter([(("blue", "a"), None), (("blue", "b"), Measurement(AT, 7, 0)), (("blue", "b"), None)]), 90.0)
    await world.cache.apply_poll(PODS, news)

    assert await usages(world) == {"a": None, "b": {"cpu": "7m", "memory": "0"}}


async def test_a_poll_replaces_the_one_before(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a"), of_pod("b")])
    await world.settle()

    await world.poll(PODS, [of_pod("b", "7m", "0")])

    assert await usages(world) == {"a": None, "b": {"cpu": "7m", "memory": "0"}}
    assert await usages(world, "namespacesummaries") == {"blue": {"cpu": "7m", "memory": "0"}}


async def test_a_measurement_of_zero_is_usage(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a", "0", "0")])

    assert (await usages(world))["a"] == {"cpu": "0", "memory": "0"}
    assert await usages(world, "namespacesummaries") == {"blue": {"cpu": "0", "memory": "0"}}


@pytest.mark.parametrize(
    ("created", "counts"),
    [("2026-01-02T03:09:59Z", True), (MEASURED, False), ("2026-01-02T03:10:01Z", False)],
)
async def test_a_measurement_counts_only_for_what_is_older(world: Computation, created: str, counts: bool) -> None:
    world.put("pods", pod("a", "another", created))
    world.put("nodes", node("n0", "another", created))

    await world.poll(PODS, [of_pod("a")])
    await world.poll(NODES, [of_node("n0")])

    assert ((await usages(world))["a"] is not None) is counts
    assert ((await usages(world, "nodesummaries"))["n0"] is not None) is counts


async def test_usage_is_removed_with_its_pod_and_its_node(world: Computation) -> None:
    """A StatefulSet's pod that was replaced between polls showed what its predecessor used."""
    await world.poll(PODS, [of_pod("a"), of_pod("b")])
    await world.poll(NODES, [of_node("n0")])
    await world.settle()

    world.put("pods", pod("a", "another"))
    world.delete("pods", ("blue", "b"))
    world.put("pods", pod("b"))
    world.put("nodes", node("n0", "another"))

    assert await usages(world) == {"a": None, "b": None}
    assert await usages(world, "namespacesummaries") == {"blue": None}
    assert await usages(world, "nodesummaries") == {"n0": None}
    assert await usages(world, "clustersummaries") == {"cluster": None}


async def test_a_pod_keeps_its_usage_through_its_own_changes(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a")])
    await world.settle()

    world.put("pods", {**pod("a"), "status": {"phase": "Running", "reason": "Odd"}})
    world.put("replicasets", {"metadata": {"namespace": "blue", "name": "late", "uid": "late"}})
    world.relist("pods", [pod("a"), pod("b")])

    assert (await usages(world))["a"] == {"cpu": "50m", "memory": "16Mi"}


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_pod_that_has_finished_uses_nothing(world: Computation, phase: str) -> None:
    await world.poll(PODS, [of_pod("a"), of_pod("b")])
    await world.settle()

    world.put("pods", pod("a", phase=phase))
    at_once = await usages(world)
    await world.poll(PODS, [of_pod("a"), of_pod("b")])

    assert at_once == {"a": None, "b": {"cpu": "50m", "memory": "16Mi"}}
    assert await usages(world) == at_once


async def test_pods_may_be_created_and_deleted_while_a_poll_is_taken_in(world: Computation) -> None:
    for number in range(250):
        world.put("pods", pod(f"c{number}"))
    await world.poll(PODS, [of_pod(f"c{number}") for number in range(250)])
    await world.settle()

    polling = asyncio.create_task(world.poll(PODS, [of_pod(f"c{number}", "7m") for number in range(50, 250)]))
    for number in (0, 60, 249):
        await asyncio.sleep(0)
        world.delete("pods", ("blue", f"c{number}"))
        world.put("pods", pod(f"new{number}"))
    await polling

    found = {name: usage and usage["cpu"] for name, usage in (await usages(world)).items()}
    assert found == {
        **dict.fromkeys(("a", "b", "new0", "new60", "new249"), None),
        **{f"c{number}": None for number in range(1, 50)},
        **{f"c{number}": "7m" for number in range(50, 249) if number != 60},
    }


async def test_percents_are_left_out_where_nothing_is_requested(world: Computation) -> None:
    world.put("pods", pod("a", requests={"cpu": "1"}))
    world.put("pods", pod("b", requests={}))
    await world.poll(PODS, [of_pod("a"), of_pod("b")])

    assert (await summary(world, "podsummaries", "a", "blue"))["usagePercent"] == {"cpu": 5}
    assert "usagePercent" not in await summary(world, "podsummaries", "b", "blue")


async def test_percents_fit_32_bits(world: Computation) -> None:
    world.put("pods", pod("a", requests={"memory": "1"}))
    await world.poll(PODS, [of_pod("a", memory="1Ti")])

    assert (await summary(world, "podsummaries", "a", "blue"))["usagePercent"] == {"memory": 2147483647}


async def test_a_poll_is_one_event_for_each_object_that_it_changes(world: Computation) -> None:
    for number in range(250):
        world.put("pods", pod(f"c{number}"))
    await world.settle()
    heads = {store.resource.plural: store.version() for store in world.engine.catalogue.stores}

    await world.poll(PODS, [of_pod(f"c{number}") for number in range(250)])
    await world.poll(NODES, [of_node("n0")])
    await world.settle()

    events = {plural: world.store(plural).events.since(version) for plural, version in heads.items()}
    assert {plural: len(of_kind) for plural, of_kind in events.items() if of_kind} == {
        "podsummaries": 250,
        "workloadsummaries": 250,
        "namespacesummaries": 1,
        "nodesummaries": 1,
        "clustersummaries": 1,
    }
    [changed] = events["namespacesummaries"]
    assert changed.after is not None
    assert changed.after.status.usage.quantities() == {"cpu": "12500m", "memory": "4000Mi"}


async def test_a_change_below_the_shown_precision_is_no_event(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a", "49000001n", "16Mi")])
    await world.poll(NODES, [of_node("n0", "999000001n", "512Mi")])
    await world.settle()
    heads = {store.resource.plural: store.version() for store in world.engine.catalogue.stores}

    await world.poll(PODS, [of_pod("a", "50000000n", "17407Ki", "2026-01-02T03:11:00Z")])
    await world.poll(NODES, [of_node("n0", "1", "525311Ki", "2026-01-02T03:11:00Z")])
    await world.settle()

    assert {plural: len(world.store(plural).events.since(head)) for plural, head in heads.items()} == (
        dict.fromkeys(heads, 0)
    )


async def test_usage_is_removed_when_the_last_poll_is_too_old(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a")])
    await world.poll(NODES, [of_node("n0")])
    await world.settle()

    world.cache_now += 60
    await world.poll(NODES, [of_node("n0")])
    world.cache.sources.poll_failed(PODS, ABSENT)
    world.cache_now += 30
    await world.cache.drop_expired_usage()
    still = await usages(world)
    world.cache_now += 1
    await world.cache.drop_expired_usage()

    assert still["a"] == {"cpu": "50m", "memory": "16Mi"}
    assert (await usages(world))["a"] is None
    assert (await usages(world, "nodesummaries"))["n0"] == {"cpu": "1", "memory": "512Mi"}


async def sources(world: Computation) -> dict[str, tuple[bool, str | None]]:
    """(synced, lastTransitionTime) of the polled sources; the time is None if it is absent."""
    told = (await summary(world, "clustersummaries", "cluster"))["sources"]
    return {
        one["resource"]: (one["synced"], one.get("lastTransitionTime"))
        for one in told
        if one["resource"].endswith(".io")
    }


async def test_sources_change_only_when_usage_appears_and_disappears(world: Computation) -> None:
    at_first = await sources(world)
    world.cache_now += 10
    world.cache.sources.poll_failed(PODS, ABSENT)
    world.cache.sources.poll_failed(NODES, ABSENT)
    refused = await sources(world)
    await world.poll(PODS, [])
    found = await sources(world)
    world.cache_now += 30
    await world.poll(PODS, [])
    again = await sources(world)
    world.cache_now += 91
    await world.cache.drop_expired_usage()

    assert at_first == refused == {NODES: (False, None), PODS: (False, None)}
    assert found == again == {NODES: (False, None), PODS: (True, None)}
    assert await sources(world) == {NODES: (False, None), PODS: (False, "1970-01-01T00:10:31Z")}


async def test_a_cluster_summary_does_not_depend_on_when_its_process_synced() -> None:
    """With two replicas it alternated between the times of each."""
    early, late = Computation(), Computation(synced_at=900.0)
    for world in (early, late):
        world.put("namespaces", {"metadata": {"name": "kube-system", "uid": "cluster"}})
        await world.poll(PODS, [])

    summaries = [await summary(world, "clustersummaries", "cluster") for world in (early, late)]

    assert summaries[0] == summaries[1]
    assert summaries[0]["conditions"][0]["status"] == "True"


async def test_a_cluster_without_metrics_has_all_other_fields(world: Computation) -> None:
    world.cache.sources.poll_failed(PODS, ABSENT)
    world.cache.sources.poll_failed(NODES, ABSENT)

    cluster = await summary(world, "clustersummaries", "cluster")

    assert (cluster["conditions"][0]["status"], "usage" in cluster) == ("True", False)
    assert world.cache.sources.unavailable(Source) is None
    assert all(store.unavailable() is None for store in world.engine.catalogue.stores)
    await world.cache.sources.wait_for_sync()


async def test_nothing_but_usage_differs_between_clusters_with_and_without_metrics() -> None:
    with_metrics, without = Computation(), Computation()
    for world in (with_metrics, without):
        world.put("nodes", node("n0"))
        world.put("pods", pod("a"))
    await with_metrics.poll(PODS, [of_pod("a", "999999", "1023Pi"), of_pod("ghost")])
    await with_metrics.poll(NODES, [of_node("n0", "999999", "1023Pi"), of_node("ghost")])

    def unused(rows: dict[str, Any]) -> list[Any]:
        ours = {"usage", "usagePercent", "podsWithoutUsage", "nodesWithoutUsage", "sources"}
        return [
            (plural, key, row["uid"], {name: value for name, value in row["status"].items() if name not in ours})
            for plural, of_kind in rows.items()
            for key, row in of_kind.items()
        ]

    assert unused(await with_metrics.everything()) == unused(await without.everything())


def test_a_poll_is_fresh_for_as_long_as_it_is_valid() -> None:
    polled = PollState(PODS)
    before = polled.is_fresh(1_000.0)

    polled.succeeded(90.0, now=1_000.0)
    polled.failed(ABSENT)

    assert before is False
    assert (polled.is_fresh(1_090.0), polled.is_expired(1_090.0)) == (True, False)
    assert (polled.is_fresh(1_090.1), polled.is_expired(1_090.1)) == (False, True)


def test_the_error_of_the_last_attempt_is_kept_until_one_succeeds() -> None:
    polled = PollState(PODS)
    polled.failed(ABSENT)
    after_failure = (polled.attempted.is_set(), polled.error)

    polled.succeeded(90.0, now=1_030.0)

    assert after_failure == (True, "the server could not find the requested resource")
    assert polled.error is None


async def test_times_may_be_written_in_any_zone(world: Computation) -> None:
    await world.poll(PODS, [of_pod("a", at="2026-01-02T05:10:00+02:00"), of_pod("b", at="2026-01-02T04:04:05+01:00")])

    assert await usages(world) == {"a": {"cpu": "50m", "memory": "16Mi"}, "b": None}
