"""What holds in a simulated cluster after any number of random events."""

import asyncio
from collections import defaultdict
from typing import Any

import pytest

from kubesim.world.ticker import tick_forever
from tests.hanging import HANGS_AFTER_S
from tests.unit.kubesim.world.simulatedworld import (
    NOW,
    WATCHED,
    SimulatedWorld,
    is_live,
    is_ready,
    owner_uid,
    simulated,
    status_of,
)


@pytest.fixture(scope="module")
def later() -> SimulatedWorld:
    """A cluster after 2,000 steps."""
    return simulated(seed=5, steps=2000)


def pods_by_owner(world: SimulatedWorld) -> dict[str | None, list[Any]]:
    """The pods by the uid of their controller."""
    found: dict[str | None, list[Any]] = defaultdict(list)
    for pod in world.objects("pods"):
        found[owner_uid(pod)].append(pod)
    return found


@pytest.mark.parametrize("steps", [0, 1, 77, 500, 2000])
def test_a_replica_set_states_the_number_of_its_live_and_ready_pods(steps: int) -> None:
    world = simulated(steps=steps)
    pods = pods_by_owner(world)

    for one in world.objects("replicasets"):
        tick_forever = [pod for pod in pods[one["metadata"]["uid"]] if is_live(pod)]
        assert one["status"]["replicas"] == len(tick_forever)
        assert one["status"].get("readyReplicas", 0) == sum(map(is_ready, tick_forever))


def test_a_deployment_states_the_sums_of_its_replica_sets(later: SimulatedWorld) -> None:
    sums: dict[str | None, list[int]] = defaultdict(lambda: [0, 0])
    for one in later.objects("replicasets"):
        found = sums[owner_uid(one)]
        found[0] += one["status"]["replicas"]
        found[1] += one["status"].get("readyReplicas", 0)

    for one in later.objects("deployments"):
        status = one["status"]
        assert [status.get("replicas", 0), status.get("readyReplicas", 0)] == sums[one["metadata"]["uid"]]


def test_a_daemon_set_states_its_pods_and_the_nodes_it_is_for(later: SimulatedWorld) -> None:
    pods = pods_by_owner(later)
    everywhere = len(later.store.list("nodes"))

    for one in later.objects("daemonsets"):
        tick_forever = [pod for pod in pods[one["metadata"]["uid"]] if is_live(pod)]
        assert one["status"]["currentNumberScheduled"] == len(tick_forever)
        assert one["status"]["numberReady"] == sum(map(is_ready, tick_forever))
        wanted = 3 if one["metadata"]["name"] == "nvidia-device-plugin" else everywhere
        assert one["status"]["desiredNumberScheduled"] == wanted


def test_a_job_states_how_many_of_its_pods_run_succeeded_and_failed(later: SimulatedWorld) -> None:
    pods = pods_by_owner(later)

    for one in later.objects("jobs"):
        own, status = pods[one["metadata"]["uid"]], one["status"]
        phases = [pod["status"]["phase"] for pod in own]
        assert status.get("active", 0) == sum(map(is_live, own))
        assert (status.get("succeeded", 0), status.get("failed", 0)) == (
            phases.count("Succeeded"),
            phases.count("Failed"),
        )


def test_requests_on_a_node_never_exceed_its_allocatable() -> None:
    world = simulated(seed=6)

    for _ in range(20):
        world.run(100)
        for name, (allocatable, used) in world.reserved().items():
            assert [(name, key) for key, value in used.items() if value > allocatable.get(key, 0)] == []


def test_pods_of_a_removed_node_are_removed() -> None:
    """Two orphans that were bound by hand are never collected."""
    world = simulated(seed=7)
    before: set[str] = set()

    for _ in range(40):
        world.run(100)
        orphans = world.orphans()
        assert orphans & before <= {"batch-import", "batch-retry"}
        before = orphans


def test_pods_of_a_removed_owner_are_removed() -> None:
    world = simulated(seed=8)
    foreign = {"Cluster", "EphemeralRunner", "Rollout", "JobSet"}
    before: set[str] = set()

    for _ in range(20):
        world.run(100)
        uids = {one.uid for one in world.metadata(*WATCHED)}
        abandoned = {
            one.name
            for one in world.metadata("pods", "replicasets", "jobs")
            for reference in one.owner_references
            if reference.kind not in foreign and reference.uid not in uids
        }
        assert abandoned & before == set()
        before = abandoned


def test_the_number_of_pods_and_nodes_stays_about_the_same() -> None:
    world = simulated(seed=9)

    for _ in range(10):
        world.run(500)
        assert 540 <= len(world.store.list("pods")) <= 690
        assert 29 <= len(world.store.list("nodes")) <= 30


def test_every_kind_of_change_occurs() -> None:
    world = simulated(seed=10)
    words: set[str] = set()
    nodes = {one.name for one in world.store.list("nodes")}
    troubles: set[str] = set()

    for _ in range(20):
        version = world.store.version
        world.run(500)
        words |= {status_of(change.last) for change in world.store.changes_since("pods", version)}
        for change in world.store.changes_since("nodes", version):
            nodes.add(change.last.name)
            troubles |= {taint["key"].partition("/")[2] for taint in change.last.decoded()["spec"].get("taints", [])}
    labels = {key for name in ("nodes", "namespaces") for one in world.store.list(name) for key in one.labels}

    assert words >= {
        *("Pending", "ContainerCreating", "Running", "Completed", "Error", "Terminating", "Evicted"),
        *("CrashLoopBackOff", "OOMKilled", "ContainerCannotRun", "ExitCode:2", "Signal:11"),
        *("ErrImagePull", "ImagePullBackOff", "Init:0/1", "Init:Error", "Init:CrashLoopBackOff", "Unknown"),
    }
    assert troubles >= {"unschedulable", "unreachable", "memory-pressure", "not-ready"}
    assert len(nodes) > 30
    assert {"maintenance-window", "release-day"} <= labels


def test_deployments_roll_out_and_keep_two_old_replica_sets() -> None:
    world = simulated(seed=11)
    before = {one.name for one in world.store.list("replicasets")}

    world.run(4000)

    after = world.objects("replicasets")
    assert len({one["metadata"]["name"] for one in after} - before) > 10
    idle: dict[str | None, int] = defaultdict(int)
    for one in after:
        idle[owner_uid(one)] += one["spec"]["replicas"] == 0 and one["status"]["replicas"] == 0
    assert max(count for uid, count in idle.items() if uid) <= 3


def test_without_churn_nothing_changes() -> None:
    world = simulated(nodes=3, pods=20)
    version = world.store.version

    asyncio.run(tick_forever(world.world, world.store, 0))

    assert world.store.version == version


async def test_the_ticker_changes_the_store() -> None:
    world = simulated(nodes=3, pods=20)
    version = world.store.version_of("pods")

    async with asyncio.timeout(HANGS_AFTER_S), asyncio.TaskGroup() as tasks:
        life = tasks.create_task(tick_forever(world.world, world.store, 500))
        changes = await world.store.next_changes("pods", version)
        life.cancel()

    assert changes


def test_steps_of_an_empty_cluster_change_no_pods() -> None:
    world = simulated(nodes=0, pods=0)

    world.run(50)

    assert world.store.list("pods") == []
    assert world.now > NOW
