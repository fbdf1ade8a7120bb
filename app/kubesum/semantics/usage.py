"""What pods and nodes were found to use, from the views of metrics.k8s.io.

Rounded here, once, to what `kubectl top` shows: cpu up to millicores, memory down to Mi
(kubectl/pkg/metricsutil/metrics_printer.go). Everything that is added up later is made of these numbers, so that
sums agree with their parts, and a measurement that differs by less is no news.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from kubesum.kube.objects import NodeMetrics, PodMetrics, Quantities
from kubesum.semantics.facts import Measurement, Usage
from kubesum.vocabulary.errors import ObjectError
from kubesum.vocabulary.quantity import CPU, MEMORY, fresh_nanos, whole

_MIB: Final = 1 << 20
# A million cores and an exbibyte: no machine has them, and what claims to use more of them is nonsense.
_MOST_CPU: Final = 10**9
_MOST_MEMORY: Final = 1 << 60


def pod_measurement(metrics: PodMetrics) -> Measurement:
    """What a pod uses: the sum over its containers; raises ObjectError."""
    return _measurement(metrics.timestamp, [container.usage for container in metrics.containers])


def node_measurement(metrics: NodeMetrics) -> Measurement:
    """What a node uses, daemons outside of pods included; raises ObjectError."""
    return _measurement(metrics.timestamp, [metrics.usage] if metrics.usage else [])


def usage_since(created: datetime | None, measurement: Measurement | None) -> Usage | None:
    """What something uses that was created then, None where nothing was measured of it.

    Measurements name no uid: one that was taken before is about a predecessor of the same name. Both times are in
    whole seconds, so that one of the same second may be.
    """
    if measurement is None or (created is not None and measurement.at <= created):
        return None
    return Usage(measurement.cpu, measurement.memory)


def _measurement(at: datetime | None, parts: list[Quantities]) -> Measurement:
    if at is None or not parts:
        raise ObjectError("nothing was measured")
    cpu, memory = whole(CPU, _sum(CPU, parts)), whole(MEMORY, _sum(MEMORY, parts)) // _MIB * _MIB
    if cpu > _MOST_CPU or memory > _MOST_MEMORY:
        raise ObjectError(f"{cpu} millicores and {memory} bytes are more than there can be")
    return Measurement(at, cpu, memory)


def _sum(name: str, parts: Iterable[Quantities]) -> int:
    """Billionths; what a container says nothing of counts as nothing, as for kubectl."""
    return sum([fresh_nanos(part[name]) for part in parts if name in part])
