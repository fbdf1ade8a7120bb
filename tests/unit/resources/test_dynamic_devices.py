"""Extended resources that a ResourceClaim provides to a pod are not taken from what the node lists (KEP-5004)."""

from typing import Any

import pytest

from tests.computation import Computation, JsonObject

GPU = "nvidia.com/gpu"
MAPPED = [("app", GPU)]


def node(name: str, gpus: str | None = None) -> JsonObject:
    devices = {} if gpus is None else {GPU: gpus}
    return {
        "metadata": {"name": name, "uid": name},
        "status": {
            "capacity": {"cpu": "8", "pods": "110", **devices},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def container(name: str, amounts: dict[str, str]) -> JsonObject:
    return {"name": name, "image": "app:1", "resources": {"requests": amounts, "limits": amounts}}


def pod(
    containers: dict[str, dict[str, str]],
    mappings: list[tuple[str, str]],
    init: dict[str, dict[str, str]] | None = None,
    **status: Any,
) -> JsonObject:
    requests = [
        {"containerName": name, "resourceName": resource, "requestName": f"container-0-request-{number}"}
        for number, (name, resource) in enumerate(mappings)
    ]
    return {
        "metadata": {"name": "trainer", "namespace": "ml", "uid": "trainer"},
        "spec": {
            "nodeName": "n1",
            "containers": [container(*one) for one in containers.items()],
            "initContainers": [container(*one) for one in (init or {}).items()],
        },
        "status": {
            "phase": "Running",
            "extendedResourceClaimStatus": {"resourceClaimName": "trainer-gpu", "requestMappings": requests},
            **status,
        },
    }


async def statuses(*nodes: JsonObject, pod: JsonObject) -> dict[str, JsonObject]:
    """The statuses of all rows, by the name of the row."""
    computation = Computation()
    for one in nodes:
        computation.put("nodes", one)
    computation.put("pods", pod)
    rows = await computation.everything()
    kinds = ("nodesummaries", "podsummaries", "namespacesummaries", "clustersummaries")
    return {name: row["status"] for kind in kinds for (_, name), row in rows[kind].items()}


@pytest.mark.parametrize(
    ("listed", "requests", "free", "largest"),
    [(None, None, None, None), ("0", "0", "0", "0"), ("4", "1", "3", "3")],
    ids=["the node does not list it", "none is allocatable", "the node lists it as well"],
)
async def test_a_device_of_a_claim_is_taken_only_from_a_node_that_lists_it(
    listed: str | None, requests: str | None, free: str | None, largest: str | None
) -> None:
    """It made free -1 and largestNodeFree 0."""
    found = await statuses(node("n1", listed), pod=pod({"app": {"cpu": "1", GPU: "1"}}, MAPPED))

    n1, cluster = found["n1"], found["cluster"]
    assert (n1["requests"].get(GPU), n1["free"].get(GPU)) == (requests, free)
    assert n1["limits"].get(GPU) == ("1" if listed == "4" else None)
    assert n1["requests"]["cpu"] == cluster["requests"]["cpu"] == "1"
    assert (cluster["free"].get(GPU, "0"), cluster["largestNodeFree"].get(GPU)) == (free or "0", largest)
    assert cluster["requests"].get(GPU, "0") == (requests or "0")
    assert found["trainer"]["requests"][GPU] == found["ml"]["requests"][GPU] == "1"


async def test_the_devices_of_another_node_stay_free() -> None:
    found = await statuses(node("n1"), node("n2", "8"), pod=pod({"app": {GPU: "1"}}, MAPPED))

    assert found["n2"]["free"][GPU] == "8"
    assert GPU not in found["n1"]["free"]
    assert found["cluster"]["free"][GPU] == found["cluster"]["largestNodeFree"][GPU] == "8"


async def test_a_request_that_no_claim_provides_counts_on_the_node() -> None:
    found = await statuses(node("n1"), pod=pod({"app": {GPU: "1"}, "other": {GPU: "1"}}, MAPPED))

    assert (found["n1"]["requests"][GPU], found["n1"]["free"][GPU]) == ("1", "-1")
    assert found["trainer"]["requests"][GPU] == "2"


@pytest.mark.parametrize(
    ("mappings", "rest"),
    [
        ([("app", GPU), ("load", GPU)], None),
        # While the init container runs, no other does.
        ([("app", GPU)], "2"),
        ([("load", GPU)], "1"),
        ([("app", "example.org/fpga")], "2"),
        ([("nobody", GPU)], "2"),
    ],
)
async def test_init_containers_take_the_devices_before_app_containers_do(
    mappings: list[tuple[str, str]], rest: str | None
) -> None:
    found = await statuses(node("n1"), pod=pod({"app": {GPU: "1"}}, mappings, init={"load": {GPU: "2"}}))

    assert found["n1"]["requests"].get(GPU) == rest
    assert found["trainer"]["requests"][GPU] == "2"


async def test_amounts_that_the_kubelet_reports_of_the_pod_include_devices_of_claims() -> None:
    reported = {"cpu": "1", GPU: "1"}
    trainer = pod({"app": reported}, MAPPED, allocatedResources=reported, resources={"requests": reported})

    found = await statuses(node("n1"), pod=trainer)

    assert GPU not in found["n1"]["requests"]
    assert GPU not in found["n1"]["free"]


async def test_a_class_may_name_its_devices_itself() -> None:
    implicit = "deviceclass.resource.kubernetes.io/gpu.example"

    found = await statuses(node("n1"), pod=pod({"app": {implicit: "1"}}, [("app", implicit)]))

    assert implicit not in found["n1"]["free"]
    assert implicit not in found["cluster"]["requests"]


async def test_a_pod_on_a_node_that_does_not_exist_counts_in_the_cluster_as_it_requests() -> None:
    found = await statuses(node("n2"), pod=pod({"app": {GPU: "1"}}, MAPPED))

    assert found["cluster"]["pods"]["orphaned"] == 1
    assert found["cluster"]["requests"][GPU] == "1"
