"""The health of a workload, with the status names of Argo CD, and Idle and Completed."""

from typing import Final

from kubesum.semantics.facts import OwnerFacts, Replicas

HEALTHY: Final = "Healthy"
PROGRESSING: Final = "Progressing"
DEGRADED: Final = "Degraded"
SUSPENDED: Final = "Suspended"
IDLE: Final = "Idle"
COMPLETED: Final = "Completed"


def health(owner: OwnerFacts | None, active: int, ready: int, unscheduled: int, bad: int) -> str:
    """The health of a workload from its owner's spec and status and from the numbers of its active pods by state.

    `owner` is None for kinds that are not watched; the number of their active pods counts as the desired one.
    The first that applies, in this order:

    - Completed, Suspended: the owner is complete, or suspended by its spec.
    - Idle: no pods are desired; pods left over from scaling to 0 do not count.
    - Degraded: the owner failed, or an active pod is in a bad state, which does not recover by itself.
    - Progressing: desired pods are missing, unscheduled, not ready, or not updated.
    - Healthy.
    """
    if owner is None:
        return _by_pods(Replicas(desired=active, ready=ready), unscheduled, bad)
    if owner.complete:
        return COMPLETED
    if owner.suspended:
        return SUSPENDED
    if owner.failed and owner.replicas.desired != 0:
        return DEGRADED
    return _by_pods(owner.replicas, unscheduled, bad)


def _by_pods(replicas: Replicas, unscheduled: int, bad: int) -> str:
    if replicas.desired == 0:
        return IDLE
    if bad:
        return DEGRADED
    if unscheduled or _falls_short(replicas.ready, replicas) or _falls_short(replicas.updated, replicas):
        return PROGRESSING
    return HEALTHY


def _falls_short(count: int | None, replicas: Replicas) -> bool:
    return count is not None and replicas.desired is not None and count < replicas.desired
