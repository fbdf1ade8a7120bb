"""Workloads that have existed for a while: owners, their earlier ReplicaSets and Jobs, and pods at any stage."""

from datetime import datetime, timedelta
from typing import Final

from kubesim.inventory.workloads import API_VERSIONS, Workload
from kubesim.model.state import (
    FINISHED,
    INITIALIZING,
    JOB_CREATORS,
    OOM_KILLED,
    ORDINAL_KINDS,
    ROLLING_KINDS,
    Owner,
    PodState,
    Stage,
)
from kubesim.world.cluster import Cluster
from kubesim.world.controllers import new_job, new_replica_set, ordinal_names
from kubesim.world.podlifecycle import schedule_change, unschedulable_message

CLUSTER_AGE: Final = timedelta(days=100)
JOBS_KEPT: Final = 3
_RESTARTED_SHARE: Final = 0.08


def new_owner(cluster: Cluster, workload: Workload, created: datetime) -> Owner:
    """The owner at the top of a workload, not yet part of the cluster."""
    kind = workload.kind
    return Owner(
        kind=kind,
        api_version=API_VERSIONS[kind],
        namespace=workload.namespace,
        name=workload.template.app,
        uid=cluster.uid(),
        created=created,
        template=workload.template,
        desired=workload.replicas,
        baseline=workload.replicas,
        suffix=cluster.suffix(10),
        suspended=workload.suspended,
        deadline_exceeded=workload.deadline_exceeded,
        undisturbed=workload.undisturbed,
    )


def add_workload(cluster: Cluster, workload: Workload, pods: int, now: datetime) -> None:
    """Adds a workload with its pods, unless the cluster would have more than `pods` of them."""
    room = pods - cluster.pod_count
    if room < workload.replicas + workload.deadline_exceeded:
        return
    owner = cluster.add_owner(
        new_owner(cluster, workload, random_time(cluster, now - CLUSTER_AGE, now - timedelta(hours=3)))
    )
    if owner.kind in ROLLING_KINDS:
        _add_replica_sets(cluster, owner, workload, now)
    elif owner.kind in JOB_CREATORS:
        _add_jobs(cluster, owner, room, now)
    elif not owner.suspended:
        _add_pods(cluster, owner, workload.stages, now)
    for pod in [*owner.all_pods()][: workload.terminating]:
        cluster.delete(pod, now)


def random_time(cluster: Cluster, low: datetime, high: datetime) -> datetime:
    """A time between the two, more often near the later one."""
    return high - (high - low) * cluster.rng.random() ** 2


def _add_replica_sets(cluster: Cluster, owner: Owner, workload: Workload, now: datetime) -> None:
    """Adds the ReplicaSets of a Deployment; earlier ones have pods only if the current rollout has failed."""
    for index in range(workload.old_replica_sets):
        old = new_replica_set(
            cluster, owner, owner.template.with_tag(f"v0.{index}.{cluster.rng.randint(0, 9)}"), owner.created
        )
        owner.revision += 1
        if workload.deadline_exceeded:
            old.desired = 1
            _add_pods(cluster, old, (), now)
    current = new_replica_set(cluster, owner, owner.template, random_time(cluster, owner.created, now))
    current.desired = owner.desired
    _add_pods(cluster, current, workload.stages, now)


def _add_jobs(cluster: Cluster, owner: Owner, room: int, now: datetime) -> None:
    """Adds the Jobs of the last hour, of which all but the last have finished."""
    if owner.suspended:
        return
    count = min(JOBS_KEPT if owner.kind == "CronJob" else 2, room // max(1, owner.desired))
    for index in range(count):
        started = now - timedelta(minutes=17 * (count - index))
        job = new_job(cluster, owner, started)
        is_last = index == count - 1
        stage = Stage.RUNNING if is_last else Stage.SUCCEEDED
        _add_pods(cluster, job, (stage,) * job.desired, started + timedelta(minutes=8))
        if not is_last:
            job.outcome, job.finished = "Complete", started + timedelta(minutes=8)


def _add_pods(cluster: Cluster, owner: Owner, stages: tuple[Stage, ...], now: datetime) -> None:
    names = _pod_names(cluster, owner)
    for index, name in enumerate(names):
        stage = stages[index] if index < len(stages) else Stage.RUNNING
        pod = cluster.add_pod(owner, name, random_time(cluster, owner.created, now))
        _bind_at_stage(cluster, pod, stage, now)
    if owner.kind == "Job" and Stage.FAILED in stages:
        owner.outcome, owner.finished = "Failed", now


def _pod_names(cluster: Cluster, owner: Owner) -> list[str]:
    if owner.kind in ORDINAL_KINDS:
        return ordinal_names(owner)
    if owner.kind == "Pod":
        return [owner.name]
    return [f"{owner.name}-{cluster.suffix()}" for _ in range(owner.desired)]


def _bind_at_stage(cluster: Cluster, pod: PodState, stage: Stage, now: datetime) -> None:
    """Binds a new pod and sets its stage; it stays pending if no node fits."""
    if pod.stage is Stage.GATED:
        return
    node = None if stage is Stage.PENDING else cluster.scheduler.find_node(pod.template)
    if node is None:
        pod.created = pod.transitioned_at = now - timedelta(minutes=cluster.rng.randint(1, 600))
        pod.message = unschedulable_message(cluster, pod)
        _queue_next_change(cluster, pod)
        return
    pod.created = max(pod.created, min(node.created, now))
    pod.finished_at, pod.restarts = _restarts(cluster, pod, stage, now)
    pod.termination = OOM_KILLED if cluster.rng.random() < 0.3 else pod.termination
    cluster.bind(pod, node, stage, max(pod.created, pod.finished_at or pod.created) + timedelta(seconds=7))
    if stage not in FINISHED and (stage is not Stage.RUNNING or pod.owner.kind == "Job"):
        _queue_next_change(cluster, pod)


def _queue_next_change(cluster: Cluster, pod: PodState) -> None:
    # A large cluster has more pods that change, so the changes of each are further apart.
    schedule_change(cluster, pod, 5, max(200, cluster.pod_count // 2))


def _restarts(cluster: Cluster, pod: PodState, stage: Stage, now: datetime) -> tuple[datetime | None, int]:
    """The time of the latest exit of the main container, None without one, and the number of restarts."""
    if stage in FINISHED or stage is Stage.PARTIAL:
        return now, 0
    if stage in (Stage.BACKOFF, Stage.CRASHED) or stage in INITIALIZING - {Stage.INIT}:
        return now - timedelta(minutes=cluster.rng.randint(1, 5)), cluster.rng.randint(2, 90)
    if stage is Stage.RUNNING and pod.owner.kind != "Job" and cluster.rng.random() < _RESTARTED_SHARE:
        return random_time(cluster, pod.created, now), cluster.rng.randint(1, 9)
    return None, 0
