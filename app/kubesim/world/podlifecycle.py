"""What becomes of pods: they are scheduled, pull, initialize, start, crash, back off, finish and go.

Plays the scheduler's and the kubelets' part. Every pod that is not at rest has an entry in the agenda.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from kubesim.model.state import CANNOT_RUN, ERROR, EXIT_CODE, OOM_KILLED, SIGNAL, Cause, NodeState, PodState, Stage
from kubesim.world.cluster import Cluster
from kubesim.world.scheduler import refusals

BLOCKERS: Final = (
    "node(s) didn't match pod anti-affinity rules",
    "node(s) had volume node affinity conflict",
    "node(s) didn't match pod topology spread constraints",
    "node(s) didn't have free ports for the requested pod ports",
)
UNBOUND_VOLUME: Final = "pod has unbound immediate PersistentVolumeClaims"

_CAUSES: Final = (ERROR, ERROR, ERROR, OOM_KILLED, OOM_KILLED, CANNOT_RUN, EXIT_CODE, SIGNAL)


def soon(cluster: Cluster, pod: PodState, low: int, high: int) -> None:
    """Plans the next change of a pod, between `low` and `high` steps from now."""
    cluster.agenda.later(cluster.rng.randint(low, high), partial(advance, cluster, pod))


def kill(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """Deletes a pod with grace."""
    cluster.delete(pod, now)
    soon(cluster, pod, 2, 6)


def crash(cluster: Cluster, pod: PodState, now: datetime, cause: Cause | None = None) -> None:
    """Ends the main container of a running pod; without a cause a likely one is taken."""
    pod.cause = cause or cluster.rng.choice(_CAUSES)
    pod.ended = now
    cluster.move(pod, Stage.CRASHED, now)
    soon(cluster, pod, 1, 4)


def advance(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """The next change in the life of a pod; nothing if it is gone or at rest."""
    if pod.gone:
        return
    if pod.node and pod.node.ready == "Unknown" and pod.node.name in cluster.nodes:
        # Nobody hears from the kubelet: neither progress nor the end of a termination.
        soon(cluster, pod, 10, 30)
    elif pod.deleted:
        cluster.remove(pod)
    else:
        _NEXT.get(pod.stage, _rest)(cluster, pod, now)


def _rest(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """Nothing more will happen by itself."""


def _schedule(cluster: Cluster, pod: PodState, now: datetime) -> None:
    node = None if pod.blocker else _node_for(cluster, pod)
    if node is not None:
        cluster.bind(pod, node, Stage.CREATING, now)
        soon(cluster, pod, 1, 4)
        return
    message = unschedulable(cluster, pod)
    if message != pod.message:
        pod.message = message
        cluster.move(pod, Stage.PENDING, now)
    if cluster.rng.random() < 0.4:
        pod.blocker = ""
    soon(cluster, pod, 15, 60)


def unschedulable(cluster: Cluster, pod: PodState) -> str:
    """What the scheduler says about a pod that it cannot place."""
    if pod.blocker != UNBOUND_VOLUME:
        return cluster.scheduler.verdict(pod.plan, pod.blocker or "node(s) didn't match Pod's node affinity/selector")
    total = len(cluster.nodes)
    return (
        f"0/{total} nodes are available: {UNBOUND_VOLUME}. preemption: 0/{total} nodes are available: "
        f"{total} Preemption is not helpful for scheduling."
    )


def _node_for(cluster: Cluster, pod: PodState) -> NodeState | None:
    if pod.pinned is None:
        return cluster.scheduler.place(pod.plan)
    return None if refusals(pod.pinned, pod.plan) else pod.pinned


def _create(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.plan.broken_image:
        cluster.move(pod, Stage.PULL_ERROR, now)
        soon(cluster, pod, 2, 5)
    elif pod.plan.inits:
        pod.init_done = 0
        cluster.move(pod, Stage.INIT, now)
        soon(cluster, pod, 1, 4)
    else:
        _start(cluster, pod, now)


def _initialize(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if cluster.rng.random() < 0.03:
        pod.ended, pod.cause = now, ERROR
        cluster.move(pod, Stage.INIT_ERROR, now)
        soon(cluster, pod, 1, 4)
        return
    pod.init_done += 1
    if pod.init_done == len(pod.plan.inits):
        _start(cluster, pod, now)
        return
    pod.restarts = 0
    cluster.move(pod, Stage.INIT, now)
    soon(cluster, pod, 1, 4)


def _fail_init(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.plan.restart_policy == "Never":
        cluster.move(pod, Stage.FAILED, now)
        return
    cluster.move(pod, Stage.INIT_BACKOFF, now)
    soon(cluster, pod, 10, 30)


def _retry_init(cluster: Cluster, pod: PodState, now: datetime) -> None:
    pod.restarts += 1
    cluster.move(pod, Stage.INIT, now)
    soon(cluster, pod, 1, 4)


def _start(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.stage in (Stage.INIT, Stage.CREATING):
        pod.restarts, pod.ended = 0, None
    cluster.move(pod, Stage.UNREADY, now)
    soon(cluster, pod, 1, 3)


def _settle(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """A container that was started becomes ready, or ends again as it did before."""
    if pod.restarts and pod.ended and now - pod.ended < _CRASH_LOOP and cluster.rng.random() < 0.6:
        crash(cluster, pod, now, pod.cause)
        return
    cluster.move(pod, Stage.RUNNING, now)
    if pod.owner.kind == "Job":
        soon(cluster, pod, 20, 80)


# A container that ran for longer starts again with the shortest back-off: pkg/kubelet, MaxContainerBackOff.
_CRASH_LOOP: Final = timedelta(minutes=10)


def _finish(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.owner.kind != "Job":
        return
    failed = cluster.rng.random() < 0.12
    pod.ended = now
    pod.cause = cluster.rng.choice(_CAUSES) if failed else pod.cause
    cluster.move(pod, Stage.FAILED if failed else Stage.SUCCEEDED, now)


def _back_off(cluster: Cluster, pod: PodState, now: datetime) -> None:
    cluster.move(pod, Stage.BACKOFF, now)
    soon(cluster, pod, 10, 40)


def _restart(cluster: Cluster, pod: PodState, now: datetime) -> None:
    pod.restarts += 1
    cluster.move(pod, Stage.UNREADY, now)
    soon(cluster, pod, 1, 4)


def _pull_back_off(cluster: Cluster, pod: PodState, now: datetime) -> None:
    cluster.move(pod, Stage.PULL_BACKOFF, now)
    soon(cluster, pod, 60, 240)


def _pull_again(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """An image that exists was only out of reach."""
    if pod.plan.broken_image:
        cluster.move(pod, Stage.PULL_ERROR, now)
        soon(cluster, pod, 2, 5)
        return
    cluster.move(pod, Stage.CREATING, now)
    soon(cluster, pod, 1, 3)


_NEXT: Final[Mapping[Stage, Callable[[Cluster, PodState, datetime], None]]] = {
    Stage.PENDING: _schedule,
    Stage.CREATING: _create,
    Stage.CONFIG_ERROR: _start,
    Stage.PULL_ERROR: _pull_back_off,
    Stage.PULL_BACKOFF: _pull_again,
    Stage.INIT: _initialize,
    Stage.INIT_ERROR: _fail_init,
    Stage.INIT_BACKOFF: _retry_init,
    Stage.UNREADY: _settle,
    Stage.RUNNING: _finish,
    Stage.CRASHED: _back_off,
    Stage.BACKOFF: _restart,
}
