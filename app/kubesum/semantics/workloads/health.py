"""The health of a workload, with the status names of Argo CD, and Idle and Completed."""

from typing import Final

import msgspec

from kubesum.semantics.facts import OwnerFacts

HEALTHY: Final = "Healthy"
PROGRESSING: Final = "Progressing"
DEGRADED: Final = "Degraded"
SUSPENDED: Final = "Suspended"
IDLE: Final = "Idle"
COMPLETED: Final = "Completed"


class PodsByState(msgspec.Struct, frozen=True, gc=False):
    """Numbers of a workload's pods; all but `succeeded` and `failed` are of active ones."""

    active: int = 0
    ready: int = 0
    unscheduled: int = 0
    bad: int = 0
    """In a state that does not recover by itself."""
    succeeded: int = 0
    failed: int = 0
    terminating: int = 0


def health(owner: OwnerFacts | None, pods: PodsByState) -> str:
    """The health of a workload from its owner's spec and status, and from its pods.

    `owner` is None for kinds that are not watched, and for pods that nothing owns. The first that applies:

    - Progressing: the owner is being deleted, or all active pods are if it is not watched (GetResourceHealth of Argo
      CD, gitops-engine/pkg/health/health.go).
    - Completed, Suspended: the owner is complete, or suspended by its spec.
    - Suspended or Degraded: a Deployment is paused, without or with an active pod in a bad state.
    - Idle: no pods are desired, and the rollout is complete.
    - Degraded: the owner failed, or an active pod is in a bad state.
    - Progressing: the spec is not observed, or desired pods are missing, unscheduled, old, not ready, or not
      available.
    - Healthy.
    """
    if owner is None:
        return _by_pods(pods) if pods.active else _by_ended(pods)
    if owner.deleting:
        return PROGRESSING
    return _by_spec(owner, pods) or _by_progress(owner, pods)


def _by_spec(owner: OwnerFacts, pods: PodsByState) -> str:
    """The health of an owner that does not want its pods to run, empty for any other one."""
    if owner.complete:
        return COMPLETED
    if owner.suspended:
        return SUSPENDED
    if owner.paused:
        return DEGRADED if pods.bad else SUSPENDED
    return IDLE if owner.idle else ""


def _by_progress(owner: OwnerFacts, pods: PodsByState) -> str:
    if owner.failed or pods.bad:
        return DEGRADED
    # A CronJob has no number of ready pods, nor has a Job before Kubernetes 1.24.
    falls_short = owner.replicas.ready is None and pods.ready < pods.active
    return PROGRESSING if owner.rolling or pods.unscheduled or falls_short else HEALTHY


def _by_pods(pods: PodsByState) -> str:
    if pods.terminating == pods.active:
        return PROGRESSING
    if pods.bad:
        return DEGRADED
    return PROGRESSING if pods.unscheduled or pods.ready < pods.active else HEALTHY


def _by_ended(pods: PodsByState) -> str:
    if pods.failed:
        return DEGRADED
    return COMPLETED if pods.succeeded else IDLE
