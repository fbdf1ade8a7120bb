"""The contributions of one pod to each group that it belongs to: node, namespace, workload, cluster.

They are two, because its counts change with its status, and its amounts hardly ever do.
"""

from functools import lru_cache
from typing import Final

import msgspec

from kubesum.semantics.facts import Resize
from kubesum.semantics.pods.requests import EffectiveResources
from kubesum.semantics.pods.resizes import DEFERRED, INFEASIBLE
from kubesum.semantics.pods.status import FAILED, SUCCEEDED, UNKNOWN
from kubesum.vocabulary.tally import Contribution

PODS: Final = "pods"
"""Keys total, active, ready, notReady, unscheduled, terminating, succeeded, failed, unknown."""
REQUESTS: Final = "requests"
"""By resource name, of active pods."""
LIMITS: Final = "limits"
"""By resource name, of active pods."""
DYNAMIC: Final = "dynamic"
"""The part of the requests and of the limits that ResourceClaims provide, by resource name, of active pods."""
STATUS_COUNTS: Final = "statusCounts"
"""By reason class, of all pods."""
RESTARTS: Final = "restarts"
"""One sum, of all pods, finished ones included."""
QOS: Final = "qos"
"""Keys guaranteed, burstable, bestEffort, of active pods."""
WITHOUT_REQUESTS: Final = "podsWithoutRequests"
"""Keys cpu and memory, of active pods."""
WITHOUT_LIMITS: Final = "podsWithoutLimits"
"""Keys cpu and memory, of active pods."""
PENDING_REASONS: Final = "pendingReasons"
"""By reason, of unscheduled pods; each pod counts once for each of its reasons."""
RESIZES: Final = "resizes"
"""Keys deferred, infeasible and inProgress, of active pods; a pod may have two of them."""
UNHEALTHY: Final = "unhealthy"
"""One sum, of all pods that are not healthy, failed ones included."""

_RESIZE_KEYS: Final = {DEFERRED: "deferred", INFEASIBLE: "infeasible"}
_QOS_KEYS: Final = {"Guaranteed": "guaranteed", "Burstable": "burstable", "BestEffort": "bestEffort"}


class Counted(msgspec.Struct, frozen=True, gc=False):
    """The fields of a pod that are counted."""

    phase: str
    active: bool
    assigned: bool
    ready: bool
    terminating: bool
    healthy: bool
    reason_class: str
    restarts: int
    qos: str
    pending: tuple[str, ...]
    resize: Resize


def counts(counted: Counted) -> Contribution:
    """What a pod contributes to counts."""
    entries: list[tuple[str, str, int]] = [(PODS, key, 1) for key in _pod_counts(counted)]
    entries.append((STATUS_COUNTS, counted.reason_class, 1))
    if counted.restarts:
        entries.append((RESTARTS, "", counted.restarts))
    if not counted.healthy:
        entries.append((UNHEALTHY, "", 1))
    entries += [(PENDING_REASONS, reason, 1) for reason in counted.pending]
    if counted.active:
        entries += [(RESIZES, key, 1) for key in _resize_keys(counted.resize)]
        if counted.qos in _QOS_KEYS:
            entries.append((QOS, _QOS_KEYS[counted.qos], 1))
    return tuple([_shared(*entry) for entry in entries])


@lru_cache(maxsize=8192)
def amounts(resources: EffectiveResources) -> Contribution:
    """What an active pod contributes to requests and limits; others contribute nothing to them."""
    return (
        *((REQUESTS, name, amount) for name, amount in resources.requests.items()),
        *((LIMITS, name, amount) for name, amount in resources.limits.items()),
        *((DYNAMIC, name, amount) for name, amount in resources.dynamic),
        *((WITHOUT_REQUESTS, name, 1) for name in resources.without_requests),
        *((WITHOUT_LIMITS, name, 1) for name in resources.without_limits),
    )


@lru_cache(maxsize=16_384)
def _shared(field: str, key: str, amount: int) -> tuple[str, str, int]:
    """One tuple for all equal entries: most running pods have the same few."""
    return field, key, amount


def _pod_counts(counted: Counted) -> list[str]:
    claims = {
        "total": True,
        "active": counted.active,
        "ready": counted.ready,
        "notReady": counted.active and counted.assigned and not counted.ready,
        "unscheduled": counted.active and not counted.assigned,
        "terminating": counted.active and counted.terminating,
        "succeeded": counted.phase == SUCCEEDED,
        "failed": counted.phase == FAILED,
        "unknown": counted.phase == UNKNOWN,
    }
    return [key for key, is_so in claims.items() if is_so]


def _resize_keys(resize: Resize) -> list[str]:
    pending = [_RESIZE_KEYS[resize.pending]] if resize.pending in _RESIZE_KEYS else []
    return [*pending, "inProgress"] if resize.in_progress else pending
