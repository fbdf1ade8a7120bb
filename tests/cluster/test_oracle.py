"""kubesum in front of a real kube-apiserver says what kubectl says of the same cluster."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kubesum.semantics.pods.resizes import ResizeRule, resize_rule
from tests.cluster.controlplane import ControlPlane
from tests.cluster.stage import enact_pod, remove, report
from tests.computation import JsonObject, key_of
from tests.oracle import recording
from tests.oracle.describenode import described
from tests.oracle.kubectl import kubectl
from tests.oracle.podbuilder import (
    INFEASIBLE,
    RESIZING,
    SERVING,
    Draft,
    Part,
    container,
    requirements,
    running,
    waiting,
)
from tests.oracle.podtables import TABLE, Cells, of_table, of_text, without_ages
from tests.oracle.summaries import Summaries
from tests.oracle.testpods import STEADY_NODES

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOLLOWS_WITHIN_S = 2.0


async def summaries(kubesum: Path) -> Summaries:
    """All rows of nodes and pods, as kubectl gets them."""
    nodes = json.loads(await kubectl(kubesum, "get", "nosum", "-o", "json"))["items"]
    pods = json.loads(await kubectl(kubesum, "get", "posum", "-A", "-o", "json"))["items"]
    return Summaries(
        {node["metadata"]["name"]: node["status"] for node in nodes}, {key_of(pod): pod["status"] for pod in pods}
    )


async def printed(kubeconfig: Path, resource: str) -> dict[tuple[str, str], Cells]:
    """The compared cells of all pods, as kubectl prints them."""
    cells = of_text(await kubectl(kubeconfig, "get", resource, "--all-namespaces"))
    return {key: without_ages(row) for key, row in cells.items()}


async def test_get_podsummaries_prints_what_get_pods_prints(plane: ControlPlane, kubesum: Path) -> None:
    theirs = await printed(plane.kubeconfig, "pods")

    assert len(theirs) > 300
    assert await printed(kubesum, "podsummaries") == theirs


async def test_describe_nodes_says_what_node_and_pod_summaries_say(plane: ControlPlane, kubesum: Path) -> None:
    ours = await summaries(kubesum)

    found = {node.name: node for node in described(await kubectl(plane.kubeconfig, "describe", "nodes"))}

    assert {name: node.pods for name, node in found.items()} == {
        name: status["pods"]["active"] for name, status in ours.nodes.items()
    }
    for name in (*STEADY_NODES, RESIZING):
        assert {key: ours.row(key) for key in found[name].rows} == found[name].rows
    for name in STEADY_NODES:
        totals = {what: (asked.amount, most.amount) for what, (asked, most) in found[name].totals.items()}
        assert {what: ours.total(name, what) for what in totals} == totals


async def test_resizes_are_counted_by_the_rule_of_the_server(plane: ControlPlane, kubesum: Path) -> None:
    """[C3] kubectl 1.37 counts them otherwise: 600m, 800m and 100m."""
    ours = await summaries(kubesum)
    with plane.client() as client:
        rule = resize_rule(client.get("/version")["gitVersion"])

    found = {
        name: ours.row(("blue", name))[0]["cpu"]
        for name in ("grows-and-shrinks", "resized-an-init", "is-infeasible-and-unreported")
    }

    assert (
        tuple(found.values())
        == {
            ResizeRule.PER_CONTAINER: (1000, 50, 120),
            ResizeRule.PER_POD: (600, 800, 100),
        }[rule]
    )


async def test_a_pod_is_resized_through_the_server(plane: ControlPlane, kubesum: Path) -> None:
    """[C3] What a user desires, through the subresource, and what a kubelet reports of it."""
    now, one_core, two_cores = datetime.now(UTC), requirements({"cpu": "1"}), requirements({"cpu": "2"})

    def containers(**reported: JsonObject) -> list[Part]:
        return [
            container(name, running(now), desired=one_core, resources=actual, allocatedResources=actual["requests"])
            for name, actual in reported.items()
        ]

    created = Draft("resized", RESIZING, apps=containers(a=one_core, b=one_core), conditions=SERVING).pod()
    resizes = (await summaries(kubesum)).nodes[RESIZING]["resizes"]
    _, _, cpu = before = await seen(kubesum, "resized", RESIZING)

    with plane.client() as client:
        enact_pod(client, created)
        await becomes(kubesum, "resized", ("Running", 0, cpu + 2000), RESIZING)
        desired = client.get("/api/v1/namespaces/blue/pods/resized")
        for one, resources in zip(desired["spec"]["containers"], (one_core, two_cores), strict=True):
            one["resources"] = resources
        client.update("/api/v1/namespaces/blue/pods/resized/resize", desired)
        await becomes(kubesum, "resized", ("Running", 0, cpu + 3000), RESIZING)
        report(client, created | {"status": created["status"] | {"conditions": [*SERVING, INFEASIBLE]}})
        await becomes(kubesum, "resized", ("Running", 0, cpu + 2000), RESIZING)
        ours = await summaries(kubesum)
        assert ours.pods["blue", "resized"]["resizePending"] == "Infeasible"
        assert ours.nodes[RESIZING]["resizes"] == resizes | {"infeasible": resizes["infeasible"] + 1}
        remove(client, created)
        await becomes(kubesum, "resized", before, RESIZING)


async def test_devices_of_claims_and_images_of_volumes_pass_through_the_server(
    plane: ControlPlane, kubesum: Path
) -> None:
    """[C13] [C16] The server keeps the fields of a pod that they are read from."""
    gpu, artifact = {"nvidia.com/gpu": "1"}, "quay.io/example/artifact:1.0.0"
    mapping = {"containerName": "app", "resourceName": "nvidia.com/gpu", "requestName": "container-0-request-0"}
    trainer = Draft(
        "trainer",
        "steady-1",
        apps=[container("app", running(datetime.now(UTC)), desired=requirements(gpu, gpu))],
        conditions=SERVING,
        spec={"volumes": [{"name": "model", "image": {"reference": artifact, "pullPolicy": "IfNotPresent"}}]},
        status={"extendedResourceClaimStatus": {"resourceClaimName": "trainer-gpu", "requestMappings": [mapping]}},
    ).pod()
    before = await seen(kubesum, "trainer")

    with plane.client() as client:
        enact_pod(client, trainer)
        await becomes(kubesum, "trainer", ("Running", 0, before[2]))
        ours = await summaries(kubesum)
        volumes = await kubectl(kubesum, "get", "cimgsum", "-o", "jsonpath={.items[*].status.volumes}")
        remove(client, trainer)
        await becomes(kubesum, "trainer", before)

    assert ours.pods["blue", "trainer"]["requests"]["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in ours.nodes["steady-1"]["requests"]
    assert "nvidia.com/gpu" not in ours.nodes["steady-1"]["free"]
    assert sum(map(int, volumes.split())) == 1


async def test_this_server_prints_what_the_one_that_was_recorded_did(plane: ControlPlane) -> None:
    recorded = recording.read()
    with plane.client() as client:
        here = of_table(client.send("GET", "/api/v1/pods", accept=TABLE).json())

    assert {key_of(pod): without_ages(here[key_of(pod)]) for pod in recorded.pods} == {
        key_of(pod): without_ages(cells) for pod, cells in zip(recorded.pods, recorded.cells, strict=True)
    }


async def test_a_pod_is_followed_from_its_creation_to_its_end(plane: ControlPlane, kubesum: Path) -> None:
    now = datetime.now(UTC)
    asked = requirements({"cpu": "150m"})
    new = Draft("followed", "steady-1", "Pending", [container("app", None, desired=asked)]).pod()
    up = Draft("followed", "steady-1", "Running", [container("app", running(now), desired=asked)]).pod()
    down = container("app", waiting("CrashLoopBackOff"), desired=asked, restartCount=1)
    crashed = Draft("followed", "steady-1", "Running", [down]).pod()
    _, _, cpu = before = await seen(kubesum, "followed")

    with plane.client() as client:
        enact_pod(client, new)
        await becomes(kubesum, "followed", ("Pending", 0, cpu + 150))
        report(client, up)
        await becomes(kubesum, "followed", ("Running", 0, cpu + 150))
        report(client, crashed)
        await becomes(kubesum, "followed", ("CrashLoopBackOff", 1, cpu + 150))
        remove(client, crashed)
        await becomes(kubesum, "followed", before)


async def seen(kubesum: Path, name: str, node: str = "steady-1") -> tuple[str, int, int]:
    """Displayed status and restarts of a pod, empty and 0 if there is none, and the cpu requests of its node."""
    ours = await summaries(kubesum)
    pod = ours.pods.get(("blue", name), {"reason": "", "restarts": 0})
    return pod["reason"], pod["restarts"], ours.total(node, "cpu")[0]


async def becomes(kubesum: Path, name: str, expected: tuple[str, int, int], node: str = "steady-1") -> None:
    """Waits until a pod and its node are seen as expected."""
    deadline = asyncio.get_running_loop().time() + FOLLOWS_WITHIN_S
    while (found := await seen(kubesum, name, node)) != expected:
        assert asyncio.get_running_loop().time() < deadline, found
