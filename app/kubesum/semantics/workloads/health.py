"""Whether a workload is well, in Argo CD's words, which user interfaces know."""

from typing import Final

from kubesum.semantics.facts import OwnerFacts, Replicas

HEALTHY: Final = "Healthy"
PROGRESSING: Final = "Progressing"
DEGRADED: Final = "Degraded"
SUSPENDED: Final = "Suspended"
IDLE: Final = "Idle"
COMPLETED: Final = "Completed"


def health(owner: OwnerFacts | None, active: int, ready: int, unscheduled: int, bad: int) -> str:
    """The health of a workload from what its owner says and how many of its active pods are in which state.

    `owner` is None for kinds that are not watched: they are taken to want the active pods that they have.
    The first that applies, in this order:

    - Completed, Suspended: final or wished for, and such an owner wants no pods, which is not mere idleness.
    - Idle: no pod is wanted, so what a rollout to none left behind is no trouble.
    - Degraded: the owner gave up, or an active pod is in a state that does not mend itself.
    - Progressing: pods that are wanted are not there, not ready, or not up to date.
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
