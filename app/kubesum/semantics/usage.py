"""Usage of pods and nodes, from the views of metrics.k8s.io.

It is rounded here, once, to what `kubectl top` shows: cpu up to millicores, memory down to Mi
(kubectl/pkg/metricsutil/metrics_printer.go). Sums are made of the rounded numbers, so that they agree with their
parts, and a smaller difference between two measurements is no change.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from kubesum.kube.objects.core import Quantities
from kubesum.kube.objects.metrics import NodeMetrics, PodMetrics
from kubesum.semantics.facts import Measurement, Usage
from kubesum.vocabulary.errors import ObjectError
from kubesum.vocabulary.quantity import CPU, MEMORY, uncached_nanos, whole

_MIB: Final = 1 << 20
# A million cores and an exbibyte: more is a mistake of the metrics server.
_MOST_CPU: Final = 10**9
_MOST_MEMORY: Final = 1 << 60


def pod_measurement(metrics: PodMetrics) -> Measurement:
    """The usage of a pod, summed over its containers; raises ObjectError."""
    return _measurement(metrics.timestamp, [container.usage for container in metrics.containers])


def node_measurement(metrics: NodeMetrics) -> Measurement:
    """The usage of a node, including processes outside of pods; raises ObjectError."""
    return _measurement(metrics.timestamp, [metrics.usage] if metrics.usage else [])


def usage_since(created: datetime | None, measurement: Measurement | None) -> Usage | None:
    """The usage of a pod or node created at `created`; None if the measurement is missing or not newer.

    Measurements name no uid, so an older one belongs to a deleted object of the same name. Both times have whole
    seconds, so one of the same second may be older too.
    """
    if measurement is None or (created is not None and measurement.at <= created):
        return None
    return Usage(measurement.cpu, measurement.memory)


def _measurement(at: datetime | None, parts: Iterable[Quantities]) -> Measurement:
    """The sum of `parts`, one or more, each rounded after the addition; one that lacks cpu or memory counts as 0."""
    cpu_nanos = memory_nanos = 0
    is_measured = False
    for part in parts:
        is_measured = True
        cpu_nanos += uncached_nanos(part[CPU]) if CPU in part else 0
        memory_nanos += uncached_nanos(part[MEMORY]) if MEMORY in part else 0
    if at is None or at.year == 1 or not is_measured:
        raise ObjectError("the metrics have no timestamp or no usage")
    cpu, memory = whole(CPU, cpu_nanos), whole(MEMORY, memory_nanos) // _MIB * _MIB
    if not (0 <= cpu <= _MOST_CPU and 0 <= memory <= _MOST_MEMORY):
        raise ObjectError(f"no machine uses {cpu} millicores and {memory} bytes")
    return Measurement(at, cpu, memory)
