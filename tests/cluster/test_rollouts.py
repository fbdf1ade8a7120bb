"""What kubectl says of nodes and rollouts in a real cluster, kubesum says in its words."""

import asyncio
import json
import random
from pathlib import Path

import pytest

from tests.cluster.controlplane import Client, ControlPlane
from tests.cluster.local import kubesum_local
from tests.computation import JsonObject
from tests.oracle.kubectl import kubectl

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAMESPACE = "rollouts"
POD_TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
COMMON = {"selector": {"matchLabels": {"a": "b"}}, "template": POD_TEMPLATE}
DEADLINE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}


def deployment(chance: random.Random) -> tuple[JsonObject, JsonObject]:
    replicas = chance.randint(0, 4)
    ready = chance.randint(0, replicas)
    status = {
        "observedGeneration": chance.choice([0, 1, 1, 1]),
        "replicas": replicas,
        "updatedReplicas": chance.choice([replicas, chance.randint(0, replicas)]),
        "readyReplicas": replicas if chance.random() < 0.5 else ready,
        "conditions": [DEADLINE] if chance.random() < 0.2 else [],
    }
    status["availableReplicas"] = chance.choice([status["readyReplicas"], ready])
    return {"replicas": chance.randint(0, 3), **COMMON}, status


def statefulset(chance: random.Random) -> tuple[JsonObject, JsonObject]:
    replicas = chance.randint(0, 3)
    status = {
        "observedGeneration": chance.choice([0, 1, 1, 1]),
        "replicas": replicas,
        "readyReplicas": chance.choice([replicas, chance.randint(0, replicas)]),
        "updatedReplicas": chance.choice([replicas, chance.randint(0, replicas)]),
        "currentRevision": "db-1",
        "updateRevision": chance.choice(["db-1", "db-2"]),
    }
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": chance.randint(0, 4)}}
    spec = {"replicas": chance.randint(0, 3), "serviceName": "s", "updateStrategy": strategy, **COMMON}
    return spec, status


def daemonset(chance: random.Random) -> tuple[JsonObject, JsonObject]:
    desired = chance.randint(0, 3)
    status = {
        "observedGeneration": chance.choice([0, 1, 1, 1]),
        "desiredNumberScheduled": desired,
        "currentNumberScheduled": desired,
        "numberMisscheduled": 0,
        "numberReady": desired,
        "updatedNumberScheduled": chance.choice([desired, chance.randint(0, desired)]),
        "numberAvailable": chance.choice([desired, chance.randint(0, desired)]),
    }
    return dict(COMMON), status


KINDS = {"Deployment": deployment, "StatefulSet": statefulset, "DaemonSet": daemonset}


def enact(client: Client, chance: random.Random) -> list[str]:
    """Creates owners in all states; gives them as kind/name."""
    client.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    made = []
    for number in range(30):
        for kind, draw in KINDS.items():
            spec, status = draw(chance)
            name, collection = f"w{number}", f"/apis/apps/v1/namespaces/{NAMESPACE}/{kind.lower()}s"
            created = client.create(collection, {"metadata": {"name": name}, "spec": spec})
            client.update(f"{collection}/{name}/status", {**created, "status": status})
            made.append(f"{kind.lower()}/{name}")
    return made


async def rollout(kubeconfig: Path, owner: str) -> str:
    """What `kubectl rollout status` says: done, waiting or failed."""
    try:
        said = await kubectl(kubeconfig, "rollout", "status", owner, "-n", NAMESPACE, "--watch=false")
    except AssertionError as error:
        if "exceeded its progress deadline" not in str(error):
            raise
        return "failed"
    return "waiting" if "aiting for" in said else "done"


async def rollouts(kubeconfig: Path, owners: list[str]) -> dict[str, str]:
    """What it says of each, asked four at a time."""
    at_once = asyncio.Semaphore(4)

    async def ask(owner: str) -> str:
        async with at_once:
            return await rollout(kubeconfig, owner)

    return dict(zip(owners, await asyncio.gather(*map(ask, owners)), strict=True))


MEANINGS = {"Healthy": "done", "Progressing": "waiting", "Degraded": "failed"}


async def test_the_health_of_workloads_is_what_rollout_status_says(plane: ControlPlane, tmp_path: Path) -> None:
    with plane.client() as client:
        owners = enact(client, random.Random(11))
    async with kubesum_local(plane.kubeconfig, tmp_path) as kubesum:
        found = json.loads(await kubectl(kubesum, "get", "wlsum", "-n", NAMESPACE, "-o", "json"))["items"]
    theirs = await rollouts(plane.kubeconfig, owners)

    ours = {row["metadata"]["name"].replace(".", "/", 1): row["status"]["health"] for row in found}
    # kubectl has no word for an owner that wants no pods, whether or not an earlier rollout of it failed.
    idle = {owner for owner, health in ours.items() if health == "Idle"}

    assert {theirs[owner] for owner in idle} <= {"done", "failed"}
    assert set(theirs.values()) == {"done", "waiting", "failed"}
    assert {owner: MEANINGS[health] for owner, health in ours.items() if owner not in idle} == {
        owner: said for owner, said in theirs.items() if owner not in idle
    }


async def test_nodes_have_the_status_that_get_nodes_shows(plane: ControlPlane, tmp_path: Path) -> None:
    conditions = [[], *([{"type": "Ready", "status": status}] for status in ("True", "False", "Unknown"))]
    with plane.client() as client:
        for number, (found, cordoned) in enumerate((c, u) for c in conditions for u in (False, True)):
            name = f"shown-{number}"
            made = client.create("/api/v1/nodes", {"metadata": {"name": name}, "spec": {"unschedulable": cordoned}})
            client.update(f"/api/v1/nodes/{name}/status", {**made, "status": {"conditions": found}})
    theirs = await kubectl(plane.kubeconfig, "get", "nodes", "--no-headers")
    async with kubesum_local(plane.kubeconfig, tmp_path) as kubesum:
        ours = await kubectl(kubesum, "get", "nosum", "--no-headers")

    assert "Unknown,SchedulingDisabled" in theirs
    assert [line.split()[:2] for line in ours.splitlines()] == [line.split()[:2] for line in theirs.splitlines()]
