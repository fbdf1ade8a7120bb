"""A real kube-apiserver is killed and started again, with its etcd and with an empty one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cluster.controlplane import HOW_TO, Processes, binaries, processes
from tests.cluster.local import kubesum_local
from tests.cluster.stage import enact
from tests.computation import JsonObject
from tests.oracle.kubectl import kubectl
from tests.oracle.testpods import nodes, pods
from tests.serving.runningserver import eventually

FOLLOWS_WITHIN_S = 45
"""Pauses between attempts grow to 30 s in an outage."""
FIRST, SECOND = 40, 12
"""Pods of the first and of the second cluster."""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Processes]:
    assets = binaries()
    if assets is None:
        pytest.skip(HOW_TO)
    with processes(assets, tmp_path) as running:
        yield running


def some_pods(count: int) -> list[JsonObject]:
    """Pods that neither go nor have an owner."""
    all_pods = pods(datetime.now(UTC))
    return [pod for pod in all_pods if not pod["metadata"].keys() & {"deletionTimestamp", "ownerReferences"}][-count:]


def fill(running: Processes, count: int) -> None:
    with running.plane.client() as client:
        enact(client, nodes()[:2], some_pods(count))


def names(running: Processes) -> list[str]:
    """The pods that kube-apiserver has."""
    with running.plane.client() as client:
        items = client.get("/api/v1/pods")["items"]
    return sorted(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in items)


async def served(kubesum: Path) -> list[str]:
    """The pods that kubesum serves."""
    items = json.loads(await kubectl(kubesum, "get", "posum", "-A", "-o", "json"))["items"]
    return sorted(f"{one['metadata']['namespace']}/{one['metadata']['name']}" for one in items)


async def serves(kubesum: Path, count: int) -> bool:
    return len(await served(kubesum)) == count


async def follows(kubesum: Path, running: Processes, *before: list[str]) -> None:
    """Returns once kubesum serves what kube-apiserver has; until then it may serve only what was there before."""

    async def is_served() -> bool:
        found, expected = await served(kubesum), names(running)
        assert found in (expected, *before)
        return found == expected

    await eventually(is_served, FOLLOWS_WITHIN_S)


async def test_a_killed_server_is_followed_again(running: Processes, tmp_path: Path) -> None:
    fill(running, FIRST)
    before = names(running)
    async with kubesum_local(running.plane.kubeconfig, tmp_path) as kubesum:
        await follows(kubesum, running, before)
        running.kill("kube-apiserver")
        assert await served(kubesum) == before
        running.start()
        with running.plane.client() as client:
            client.delete(f"/api/v1/namespaces/{before[0].replace('/', '/pods/')}?gracePeriodSeconds=0")

        await follows(kubesum, running, before)
        assert await served(kubesum) == before[1:]


async def test_an_empty_etcd_replaces_what_was_there(running: Processes, tmp_path: Path) -> None:
    """kube-apiserver sends nothing to a watch of a version that it has not reached."""
    fill(running, FIRST)
    before = names(running)
    async with kubesum_local(running.plane.kubeconfig, tmp_path) as kubesum:
        await follows(kubesum, running, before)
        running.forget()
        assert await served(kubesum) == before
        running.start()

        await follows(kubesum, running, before)
        assert await served(kubesum) == []
        fill(running, SECOND)
        await eventually(lambda: serves(kubesum, SECOND), FOLLOWS_WITHIN_S)
        await follows(kubesum, running)
