"""The cells of each view, with and without usage, limits and devices."""

from typing import Any

import pytest

from kubesum.clients.model.cells import Cell, Gauge, Tone
from tests.unit.clients.topfixtures import DAY_BEFORE, NOW, arranged, image, namespace, node, pod, workload

GIB = 1 << 30


def row(view: str, document: dict[str, Any]) -> dict[str, str]:
    """The texts of the cells of one object, by column."""
    table = arranged(view, document)
    return {column.name: column.cell(table.rows[0], NOW).text for column in table.columns}


def cell(view: str, column: str, document: dict[str, Any]) -> Cell:
    """One cell of one object."""
    table = arranged(view, document)
    return next(one for one in table.columns if one.name == column).cell(table.rows[0], NOW)


def test_a_node_without_usage_and_limits() -> None:
    assert row("nodes", node("worker-1")) == {
        "NAME": "worker-1",
        "STATUS": "Ready",
        "ROLES": "worker",
        "PODS": "8/110",
        "NOT-READY": "1",
        "CPU%": "50%",
        "CPU-LIM%": "-",
        "CPU-USE%": "-",
        "MEM%": "40%",
        "MEM-LIM%": "-",
        "MEM-USE%": "-",
        "GPU": "-",
        "RESTARTS": "3",
        "VERSION": "v1.36.1",
        "AGE": "30d",
    }


def test_a_node_with_usage_limits_and_devices() -> None:
    document = node(
        "gpu-1",
        limitsPercent={"cpu": 120, "memory": 80},
        usagePercent={"cpu": 31, "memory": 95, "pods": 7},
        allocatable={"cpu": "4", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "8", "amd.com/gpu": "2"},
        requests={"cpu": "2", "memory": "6Gi", "nvidia.com/gpu": "6"},
    )

    seen = row("nodes", document)

    assert (seen["CPU-LIM%"], seen["CPU-USE%"], seen["MEM-LIM%"], seen["MEM-USE%"]) == ("120%", "31%", "80%", "95%")
    assert seen["GPU"] == "6/10"
    assert cell("nodes", "CPU%", document) == Cell("50%", None, Gauge(50, 120, 31))
    assert cell("nodes", "MEM%", document) == Cell("40%", None, Gauge(40, 80, 95))


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({}, Cell("Ready", Tone.GOOD)),
        ({"unschedulable": True}, Cell("Cordoned", Tone.WARNING)),
        ({"problems": ["DiskPressure", "MemoryPressure"]}, Cell("DiskPressure,MemoryPressure", Tone.WARNING)),
        ({"ready": "Unknown"}, Cell("NotReady", Tone.BAD)),
        ({"ready": "False", "unschedulable": True}, Cell("NotReady,Cordoned", Tone.BAD)),
    ],
)
def test_the_status_of_a_node_has_a_tone(status: dict[str, Any], shown: Cell) -> None:
    assert cell("nodes", "STATUS", node("worker-1", **status)) == shown


@pytest.mark.parametrize(
    ("share", "tone"), [(89, None), (90, Tone.WARNING), (99, Tone.WARNING), (100, Tone.BAD), (130, Tone.BAD)]
)
def test_the_tone_of_a_share(share: int, tone: Tone | None) -> None:
    assert cell("nodes", "CPU%", node("worker-1", cpu=share)).tone is tone


def test_a_namespace() -> None:
    assert row("namespaces", namespace("payments", usage={"cpu": "730m", "memory": "1Gi"})) == {
        "NAME": "payments",
        "PODS": "1/2",
        "WORKLOADS": "1/2",
        "DEGRADED": "1",
        "PENDING": "0",
        "CPU-REQ": "1500m",
        "CPU-LIM": "-",
        "CPU-USE": "730m",
        "MEM-REQ": "1840Mi",
        "MEM-LIM": "-",
        "MEM-USE": "1Gi",
        "RESTARTS": "4",
        "AGE": "30d",
    }


def test_a_workload() -> None:
    odd = [{"reason": "Running", "count": 3}, {"reason": "OOMKilled", "count": 1}, {"reason": "Error", "count": 2}]

    assert row("workloads", workload("ledger", health="Degraded", statusCounts=odd, restarts=12)) == {
        "NAMESPACE": "payments",
        "NAME": "deployment.ledger",
        "KIND": "Deployment",
        "READY": "2/2",
        "HEALTH": "Degraded",
        "STATUS": "Error x2",
        "RESTARTS": "12",
        "CPU-REQ": "500m",
        "CPU-USE": "-",
        "MEM-REQ": "256Mi",
        "MEM-USE": "-",
        "NODES": "2",
        "AGE": "30d",
    }


def test_a_workload_without_replicas_desires_its_active_pods() -> None:
    document = workload("etcd", replicas={}, pods={"active": 3, "ready": 2})

    assert cell("workloads", "READY", document) == Cell("2/3")


@pytest.mark.parametrize(
    ("health", "tone"),
    [
        ("Healthy", Tone.GOOD),
        ("Progressing", Tone.WARNING),
        ("Degraded", Tone.BAD),
        ("Suspended", Tone.IDLE),
        ("Idle", Tone.IDLE),
        ("Completed", Tone.IDLE),
        ("Enchanted", None),
    ],
)
def test_each_health_has_its_tone(health: str, tone: Tone | None) -> None:
    assert cell("workloads", "HEALTH", workload("ledger", health=health)) == Cell(health, tone)


def test_a_pod_that_has_restarted() -> None:
    document = pod(
        "ledger-x",
        reason="CrashLoopBackOff",
        healthy=False,
        readyContainers=0,
        restarts=7,
        lastRestartTime="2027-01-15T07:55:00Z",
        lastTerminationReason="OOMKilled",
        usage={"cpu": "12m", "memory": "97Mi"},
    )

    assert row("unhealthy", document) == {
        "NAMESPACE": "payments",
        "NAME": "ledger-x",
        "READY": "0/1",
        "STATUS": "CrashLoopBackOff",
        "RESTARTS": "7 (5m ago)",
        "NODE": "worker-1",
        "WORKLOAD": "deployment/ledger",
        "LAST-END": "OOMKilled",
        "CPU-REQ": "250m",
        "CPU-USE": "12m",
        "MEM-REQ": "128Mi",
        "MEM-USE": "97Mi",
        "AGE": "24h",
    }


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        ({}, Tone.GOOD),
        ({"phase": "Succeeded", "reason": "Completed"}, Tone.IDLE),
        ({"healthy": False, "reason": "Running", "reasonClass": "Running"}, Tone.WARNING),
        ({"healthy": False, "reason": "Init:1/3", "reasonClass": "Init"}, Tone.WARNING),
        ({"healthy": False, "reason": "SchedulingGated", "reasonClass": "SchedulingGated"}, Tone.WARNING),
        ({"healthy": False, "reason": "Init:Error", "reasonClass": "Init:Error"}, Tone.BAD),
        ({"healthy": False, "reason": "CrashLoopBackOff", "reasonClass": "CrashLoopBackOff"}, Tone.BAD),
    ],
)
def test_the_tone_of_a_pod(status: dict[str, Any], tone: Tone) -> None:
    assert cell("unhealthy", "STATUS", pod("ledger-x", **status)).tone is tone


def test_an_image() -> None:
    assert row("images", image("docker.io/library/nginx", pullFailures=2)) == {
        "REPOSITORY": "docker.io/library/nginx",
        "TAG": "v1",
        "PODS": "3",
        "WORKLOADS": "2",
        "NAMESPACES": "1",
        "NODES": "2",
        "PULL-FAIL": "2",
    }
    assert cell("images", "PULL-FAIL", image("a", pullFailures=2)).tone is Tone.BAD
    assert cell("images", "PULL-FAIL", image("a")).tone is None


def test_an_image_with_a_floating_tag_has_a_warning() -> None:
    assert cell("images", "TAG", image("a", "latest", floatingTag=True)) == Cell("latest", Tone.WARNING)


def test_an_object_with_only_a_name_is_shown() -> None:
    seen = row("nodes", {"metadata": {"name": "bare", "creationTimestamp": DAY_BEFORE}, "status": {}})

    assert (seen["NAME"], seen["STATUS"], seen["CPU%"], seen["PODS"]) == ("bare", "NotReady", "-", "0/0")


def test_an_object_with_invalid_quantities_is_left_out() -> None:
    assert arranged("nodes", node("lies", requests={"cpu": "much"}), node("honest")).rows[0].metadata.name == "honest"
