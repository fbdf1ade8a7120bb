"""Pods with amounts beyond 63 bits, which kube-apiserver accepts, count like all others, and exactly."""

from typing import Any

from tests.computation import Computation

NODE = {
    "metadata": {"name": "n1", "uid": "n1"},
    "status": {
        "capacity": {"cpu": "8", "memory": "32Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True"}],
    },
}


def pod(name: str, requests: dict[str, Any], limits: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name},
        "spec": {
            "nodeName": "n1",
            "containers": [
                {"name": "a", "image": "app:1", "resources": {"requests": requests, "limits": limits or {}}}
            ],
        },
        "status": {"phase": "Running"},
    }


async def statuses(*pods: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The status of the node and that of the cluster."""
    computation = Computation()
    computation.put("nodes", NODE)
    for one in pods:
        computation.put("pods", one)
    rows = await computation.everything()
    return rows["nodesummaries"]["", "n1"]["status"], rows["clustersummaries"]["", "cluster"]["status"]


async def test_requests_and_limits_beyond_63_bits_are_exact() -> None:
    greedy = pod("greedy", {"memory": "1Gi", "cpu": "100m"}, {"memory": "100E"})
    huge = pod("huge-cpu", {"cpu": "10E", "memory": "1Gi"})

    node, cluster = await statuses(greedy, huge)

    assert node["requests"] == {"cpu": "10000000000000000000100m", "memory": "2Gi", "pods": "2"}
    assert node["limits"] == {"memory": "100E"}
    assert node["free"] == {"cpu": "-9999999999999999992100m", "memory": "30Gi", "pods": "108"}
    assert cluster["largestNodeFree"] == {"cpu": "0", "memory": "30Gi", "pods": "108"}


async def test_percents_end_at_the_largest_number_of_32_bits() -> None:
    node, cluster = await statuses(pod("huge-cpu", {"cpu": "10E", "memory": "1Gi"}, {"memory": "100E"}))

    assert node["requestsPercent"] == {"cpu": 2_147_483_647, "memory": 3, "pods": 0}
    assert node["limitsPercent"] == {"memory": 2_147_483_647}
    assert cluster["requestsPercent"]["cpu"] == 2_147_483_647


async def test_numbers_beyond_64_bits_need_no_quotes() -> None:
    node, _ = await statuses(pod("unquoted", {"memory": 123456789012345678901234567890}))

    assert node["requests"]["memory"] == "1000000000E"
    assert node["pods"]["active"] == 1
