"""The lifecycle of pods: they are scheduled, pull images, initialize, start, crash, back off, finish, terminate.

Acts as kube-scheduler and as the kubelets. Every pod whose stage does not last has an action in the event queue.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from kubesim.model.state import (
    CANNOT_RUN,
    ERROR,
    EXIT_CODE,
    OOM_KILLED,
    SIGNAL,
    NodeState,
    PodState,
    Stage,
    Termination,
)
from kubesim.world.cluster import Cluster
from kubesim.world.scheduler import filter_reasons

UNSCHEDULABLE_REASONS: Final = (
    "node(s) didn't match pod anti-affinity rules",
    "node(s) had volume node affinity conflict",
    "node(s) didn't match pod topology spread constraints",
    "node(s) didn't have free ports for the requested pod ports",
)
UNBOUND_VOLUME: Final = "pod has unbound immediate PersistentVolumeClaims"

_TERMINATIONS: Final = (ERROR, ERROR, ERROR, OOM_KILLED, OOM_KILLED, CANNOT_RUN, EXIT_CODE, SIGNAL)


def schedule_change(cluster: Cluster, pod: PodState, low: int, high: int) -> None:
    """Schedules the next change of a pod, `low` to `high` steps from now."""
    cluster.queue.schedule(cluster.rng.randint(low, high), partial(advance, cluster, pod))


def terminate(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """Deletes a pod with a grace period."""
    cluster.delete(pod, now)
    schedule_change(cluster, pod, 2, 6)


def crash(cluster: Cluster, pod: PodState, now: datetime, termination: Termination | None = None) -> None:
    """Ends the main container of a running pod, without `termination` in a random way."""
    pod.termination = termination or cluster.rng.choice(_TERMINATIONS)
    pod.finished_at = now
    cluster.set_stage(pod, Stage.CRASHED, now)
    schedule_change(cluster, pod, 1, 4)


def advance(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """Makes the next change of a pod; none if it was removed or its stage lasts."""
    if pod.removed:
        return
    if pod.node and pod.node.ready == "Unknown" and pod.node.name in cluster.nodes:
        # The kubelet is unreachable, so no change of the pod is reported.
        schedule_change(cluster, pod, 10, 30)
    elif pod.deletion_timestamp:
        cluster.remove(pod)
    else:
        _NEXT.get(pod.stage, _stay)(cluster, pod, now)


def _stay(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """The stage lasts."""


def _schedule(cluster: Cluster, pod: PodState, now: datetime) -> None:
    node = None if pod.unschedulable_reason else _node_for(cluster, pod)
    if node is not None:
        cluster.bind(pod, node, Stage.CREATING, now)
        schedule_change(cluster, pod, 1, 4)
        return
    message = unschedulable_message(cluster, pod)
    if message != pod.message:
        pod.message = message
        cluster.set_stage(pod, Stage.PENDING, now)
    if cluster.rng.random() < 0.4:
        pod.unschedulable_reason = ""
    schedule_change(cluster, pod, 15, 60)


def unschedulable_message(cluster: Cluster, pod: PodState) -> str:
    """The message of the scheduler for a pod that no node fits."""
    if pod.unschedulable_reason != UNBOUND_VOLUME:
        return cluster.scheduler.fit_error(
            pod.template, pod.unschedulable_reason or "node(s) didn't match Pod's node affinity/selector"
        )
    total = len(cluster.nodes)
    return (
        f"0/{total} nodes are available: {UNBOUND_VOLUME}. preemption: 0/{total} nodes are available: "
        f"{total} Preemption is not helpful for scheduling."
    )


def _node_for(cluster: Cluster, pod: PodState) -> NodeState | None:
    if pod.required_node is None:
        return cluster.scheduler.find_node(pod.template)
    return None if filter_reasons(pod.required_node, pod.template) else pod.required_node


def _create(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.template.broken_image:
        cluster.set_stage(pod, Stage.PULL_ERROR, now)
        schedule_change(cluster, pod, 2, 5)
    elif pod.template.init_containers:
        pod.init_done = 0
        cluster.set_stage(pod, Stage.INIT, now)
        schedule_change(cluster, pod, 1, 4)
    else:
        _start(cluster, pod, now)


def _initialize(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if cluster.rng.random() < 0.03:
        pod.finished_at, pod.termination = now, ERROR
        cluster.set_stage(pod, Stage.INIT_ERROR, now)
        schedule_change(cluster, pod, 1, 4)
        return
    pod.init_done += 1
    if pod.init_done == len(pod.template.init_containers):
        _start(cluster, pod, now)
        return
    pod.restarts = 0
    cluster.set_stage(pod, Stage.INIT, now)
    schedule_change(cluster, pod, 1, 4)


def _fail_init(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.template.restart_policy == "Never":
        cluster.set_stage(pod, Stage.FAILED, now)
        return
    cluster.set_stage(pod, Stage.INIT_BACKOFF, now)
    schedule_change(cluster, pod, 10, 30)


def _retry_init(cluster: Cluster, pod: PodState, now: datetime) -> None:
    pod.restarts += 1
    cluster.set_stage(pod, Stage.INIT, now)
    schedule_change(cluster, pod, 1, 4)


def _start(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.stage in (Stage.INIT, Stage.CREATING):
        pod.restarts, pod.finished_at = 0, None
    cluster.set_stage(pod, Stage.UNREADY, now)
    schedule_change(cluster, pod, 1, 3)


def _become_ready(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """The started container becomes ready, or exits again as it did before."""
    if pod.restarts and pod.finished_at and now - pod.finished_at < _CRASH_LOOP and cluster.rng.random() < 0.6:
        crash(cluster, pod, now, pod.termination)
        return
    cluster.set_stage(pod, Stage.RUNNING, now)
    if pod.owner.kind == "Job":
        schedule_change(cluster, pod, 20, 80)


# After a longer run the back-off starts anew (pkg/kubelet, MaxContainerBackOff).
_CRASH_LOOP: Final = timedelta(minutes=10)


def _end_job_container(cluster: Cluster, pod: PodState, now: datetime) -> None:
    if pod.owner.kind != "Job":
        return
    failed = cluster.rng.random() < 0.12
    pod.finished_at = now
    pod.termination = cluster.rng.choice(_TERMINATIONS) if failed else pod.termination
    cluster.set_stage(pod, Stage.FAILED if failed else Stage.SUCCEEDED, now)


def _back_off(cluster: Cluster, pod: PodState, now: datetime) -> None:
    cluster.set_stage(pod, Stage.BACKOFF, now)
    schedule_change(cluster, pod, 10, 40)


def _restart(cluster: Cluster, pod: PodState, now: datetime) -> None:
    pod.restarts += 1
    cluster.set_stage(pod, Stage.UNREADY, now)
    schedule_change(cluster, pod, 1, 4)


def _pull_back_off(cluster: Cluster, pod: PodState, now: datetime) -> None:
    cluster.set_stage(pod, Stage.PULL_BACKOFF, now)
    schedule_change(cluster, pod, 60, 240)


def _retry_pull(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """An image that exists is pulled now."""
    if pod.template.broken_image:
        cluster.set_stage(pod, Stage.PULL_ERROR, now)
        schedule_change(cluster, pod, 2, 5)
        return
    cluster.set_stage(pod, Stage.CREATING, now)
    schedule_change(cluster, pod, 1, 3)


_NEXT: Final[Mapping[Stage, Callable[[Cluster, PodState, datetime], None]]] = {
    Stage.PENDING: _schedule,
    Stage.CREATING: _create,
    Stage.CONFIG_ERROR: _start,
    Stage.PULL_ERROR: _pull_back_off,
    Stage.PULL_BACKOFF: _retry_pull,
    Stage.INIT: _initialize,
    Stage.INIT_ERROR: _fail_init,
    Stage.INIT_BACKOFF: _retry_init,
    Stage.UNREADY: _become_ready,
    Stage.RUNNING: _end_job_container,
    Stage.CRASHED: _back_off,
    Stage.BACKOFF: _restart,
}
