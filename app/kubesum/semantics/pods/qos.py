"""The quality-of-service class of a pod; computed for pods whose status has none, such as those in files.

Follows ComputePodQOS of kubernetes/pkg/apis/core/v1/helper/qos/qos.go (Kubernetes 1.36).
"""

from collections.abc import Iterable
from typing import Final

from kubesum.kube.objects.core import Pod, Quantities
from kubesum.vocabulary.quantity import CPU, MEMORY, nanos

GUARANTEED: Final = "Guaranteed"
BURSTABLE: Final = "Burstable"
BEST_EFFORT: Final = "BestEffort"

_COMPUTE: Final = (CPU, MEMORY)


def qos_class(pod: Pod) -> str:
    """The class in the pod's status, else the one that kube-apiserver would set for its spec."""
    return pod.status.qos_class or _computed(pod)


def _computed(pod: Pod) -> str:
    spec = pod.spec
    if spec.resources.requests or spec.resources.limits:
        resources = [spec.resources]
    else:
        # Ephemeral containers have no resources.
        resources = [one.resources for one in (*spec.containers, *spec.init_containers)]
    requests = _sum(one.requests for one in resources)
    limits = _sum(one.limits for one in resources)
    if not requests and not limits:
        return BEST_EFFORT
    has_all_limits = all(_positive(one.limits).keys() == set(_COMPUTE) for one in resources)
    return GUARANTEED if has_all_limits and requests == limits else BURSTABLE


def _sum(lists: Iterable[Quantities | None]) -> dict[str, int]:
    total: dict[str, int] = {}
    for quantities in lists:
        for name, value in _positive(quantities).items():
            total[name] = total.get(name, 0) + value
    return total


def _positive(quantities: Quantities | None) -> dict[str, int]:
    amounts = {name: nanos(quantities[name]) for name in _COMPUTE if name in quantities} if quantities else {}
    return {name: value for name, value in amounts.items() if value > 0}
