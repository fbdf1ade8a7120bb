"""Usage of pods and nodes, rounded as `kubectl top` rounds it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.metrics import NodeMetrics, PodMetrics
from kubesum.semantics.facts import Measurement
from kubesum.semantics.usage import node_measurement, pod_measurement
from kubesum.vocabulary.errors import ObjectError

AT = datetime(2026, 3, 1, 12, 0, 15, tzinfo=UTC)
MIB = 1 << 20


def of_pod(*usages: dict[str, Any], timestamp: str | None = "2026-03-01T12:00:15Z") -> Measurement:
    document = {
        "metadata": {"name": "a", "namespace": "blue"},
        "timestamp": timestamp,
        "window": "15.042s",
        "containers": [{"name": f"c{n}", "usage": usage} for n, usage in enumerate(usages)],
    }
    return pod_measurement(msgspec.json.decode(msgspec.json.encode(document), type=PodMetrics))


def of_node(usage: dict[str, Any]) -> Measurement:
    document = {"metadata": {"name": "n"}, "timestamp": "2026-03-01T12:00:15Z", "window": "-1h", "usage": usage}
    return node_measurement(msgspec.json.decode(msgspec.json.encode(document), type=NodeMetrics))


def test_containers_are_added_up_before_cpu_is_rounded_up() -> None:
    measured = of_pod({"cpu": "400000n", "memory": "0"}, {"cpu": "400000n", "memory": "0"})

    assert measured == Measurement(AT, 1, 0)


def test_containers_are_added_up_before_memory_is_rounded_down_to_mi() -> None:
    measured = of_pod({"cpu": "0", "memory": "1535Ki"}, {"cpu": "0", "memory": "1536Ki"})

    assert measured == Measurement(AT, 0, 2 * MIB)


@pytest.mark.parametrize(
    ("cpu", "millicores"), [("1n", 1), ("1000000n", 1), ("1000001n", 2), ("1250u", 2), ("250m", 250), ("2", 2000)]
)
def test_cpu_is_rounded_up_to_millicores(cpu: str, millicores: int) -> None:
    assert of_node({"cpu": cpu, "memory": "1Gi"}) == Measurement(AT, millicores, 1024 * MIB)


def test_a_resource_that_is_not_measured_counts_as_zero() -> None:
    assert of_pod({"cpu": "3m"}, {"memory": "5Mi"}) == Measurement(AT, 3, 5 * MIB)


@pytest.mark.parametrize(
    "usage",
    [
        {"cpu": "-5m", "memory": "1Mi"},
        {"cpu": "1e30", "memory": "1Mi"},
        {"cpu": "1000001", "memory": "1Mi"},
        {"cpu": "1m", "memory": "2Ei"},
        {"cpu": "lots", "memory": "1Mi"},
        {"cpu": "", "memory": "1Mi"},
        {"cpu": float("1e300"), "memory": "1Mi"},
    ],
)
def test_an_impossible_amount_is_invalid(usage: dict[str, Any]) -> None:
    with pytest.raises(ObjectError):
        of_pod({"cpu": "1m", "memory": "1Mi"}, usage)
    with pytest.raises(ObjectError):
        of_node(usage)


def test_metrics_without_usage_or_timestamp_are_invalid() -> None:
    with pytest.raises(ObjectError):
        of_pod()
    with pytest.raises(ObjectError):
        of_pod({"cpu": "1m", "memory": "1Mi"}, timestamp=None)
    with pytest.raises(ObjectError):
        of_pod({"cpu": "1m", "memory": "1Mi"}, timestamp="0001-01-01T00:00:00Z")
    with pytest.raises(ObjectError):
        of_node({})
