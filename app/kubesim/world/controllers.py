"""The workload controllers: each call of `reconcile` brings the pods of an owner closer to its desired state.

Level-triggered, as in Kubernetes: `reconcile` may be called at any time, and changes nothing in the desired state.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final

from kubesim.model.podtemplates import PodTemplate
from kubesim.model.state import FINISHED, JOB_CREATORS, ORDINAL_KINDS, ROLLING_KINDS, UNBOUND, Owner, PodState, Stage
from kubesim.objects.workloads import daemon_nodes
from kubesim.world.cluster import Cluster
from kubesim.world.podlifecycle import UNBOUND_VOLUME, UNSCHEDULABLE_REASONS, schedule_change, terminate

_BATCH: Final = 8
_REVISIONS_KEPT: Final = 2
_BACKOFF_LIMIT: Final = 2
_UNSCHEDULABLE_SHARE: Final = 0.06


def reconcile(cluster: Cluster, owner: Owner, now: datetime) -> None:
    """Brings the pods or children of an owner one step closer to its desired state."""
    if owner.removed:
        return
    _RECONCILERS.get(owner.kind, _do_nothing)(cluster, owner, now)


def _do_nothing(cluster: Cluster, owner: Owner, now: datetime) -> None:
    """Bare and static pods have no controller."""


def new_replica_set(cluster: Cluster, owner: Owner, template: PodTemplate, now: datetime) -> Owner:
    """A new ReplicaSet of a Deployment or Rollout, with 0 replicas."""
    suffix = cluster.suffix(10)
    child = Owner(
        kind="ReplicaSet",
        api_version="apps/v1",
        namespace=owner.namespace,
        name=f"{owner.name}-{suffix}",
        uid=cluster.uid(),
        created=now,
        template=template,
        desired=0,
        parent=owner,
        suffix=suffix,
        revision=owner.revision,
    )
    return cluster.add_owner(child)


def new_job(cluster: Cluster, owner: Owner, now: datetime) -> Owner:
    """A new Job of a CronJob or of another creator of Jobs, without pods."""
    serial = int(now.timestamp()) // 60 if owner.kind == "CronJob" else cluster.suffix()
    taken = {child.name for child in owner.children}
    name = f"{owner.name}-{serial}"
    owner.last_schedule = now
    return cluster.add_owner(
        Owner(
            kind="Job",
            api_version="batch/v1",
            namespace=owner.namespace,
            name=name if name not in taken else f"{name}-{cluster.suffix(3)}",
            uid=cluster.uid(),
            created=now,
            template=owner.template,
            desired=owner.desired,
            parent=owner,
        )
    )


def pod_name(cluster: Cluster, owner: Owner) -> str:
    """An unused generated name for a pod of an owner."""
    name = f"{owner.name}-{cluster.suffix()}"
    return name if name not in owner.pods else pod_name(cluster, owner)


def ordinal_names(owner: Owner) -> list[str]:
    """The names of the pods of an owner that numbers them."""
    first = 0 if owner.kind == "StatefulSet" else 1
    return [f"{owner.name}-{index}" for index in range(first, first + owner.desired)]


def create_pod(cluster: Cluster, owner: Owner, name: str, now: datetime) -> PodState:
    """A new pod that is scheduled soon; a few are unschedulable for some time."""
    pod = cluster.add_pod(owner, name, now)
    if cluster.rng.random() < _UNSCHEDULABLE_SHARE:
        pod.unschedulable_reason = cluster.rng.choice((*UNSCHEDULABLE_REASONS, UNBOUND_VOLUME))
    schedule_change(cluster, pod, 1, 2)
    return pod


def _reconcile_replicas(cluster: Cluster, owner: Owner, now: datetime) -> None:
    active = [pod for pod in owner.pods.values() if pod.active]
    for _ in range(min(_BATCH, owner.desired - len(active))):
        create_pod(cluster, owner, pod_name(cluster, owner), now)
    surplus = len(active) - owner.desired
    if surplus > 0:
        for pod in sorted(active, key=_deletion_order)[: min(_BATCH, surplus)]:
            terminate(cluster, pod, now)


def _deletion_order(pod: PodState) -> tuple[bool, bool, float]:
    """The order in which a ReplicaSet deletes surplus pods (pkg/controller, ActivePodsWithRanks)."""
    return pod.stage not in UNBOUND, pod.ready, -pod.created.timestamp()


def _reconcile_ordinals(cluster: Cluster, owner: Owner, now: datetime) -> None:
    names = ordinal_names(owner)
    for pod in [pod for pod in owner.pods.values() if pod.stage in FINISHED]:
        cluster.remove(pod)
        return
    for pod in [pod for pod in owner.pods.values() if pod.name not in names and pod.active]:
        terminate(cluster, pod, now)
        return
    missing = next((name for name in names if name not in owner.pods), None)
    if missing:
        create_pod(cluster, owner, missing, now)


def _reconcile_daemons(cluster: Cluster, owner: Owner, now: datetime) -> None:
    covered = {pod.required_node.name for pod in owner.pods.values() if pod.active and pod.required_node}
    required = {node.name: node for node in daemon_nodes(owner, cluster.nodes.values())}
    for name in [name for name in required if name not in covered]:
        pod = cluster.add_pod(owner, pod_name(cluster, owner), now)
        pod.required_node = required[name]
        schedule_change(cluster, pod, 1, 2)
    for pod in [pod for pod in owner.pods.values() if pod.stage in FINISHED and pod.deletion_timestamp is None]:
        terminate(cluster, pod, now)


def _reconcile_job(cluster: Cluster, job: Owner, now: datetime) -> None:
    if job.suspended or job.outcome:
        return
    succeeded = sum(pod.stage is Stage.SUCCEEDED for pod in job.pods.values())
    failed = sum(pod.stage in (Stage.FAILED, Stage.EVICTED) for pod in job.pods.values())
    active = [pod for pod in job.pods.values() if pod.active]
    if failed > _BACKOFF_LIMIT or succeeded >= job.desired:
        job.outcome = "Failed" if failed > _BACKOFF_LIMIT else "Complete"
        job.finished = now
        cluster.mark_owner_dirty(job)
        for pod in active:
            terminate(cluster, pod, now)
        return
    for _ in range(min(_BATCH, job.desired - succeeded - len(active))):
        create_pod(cluster, job, pod_name(cluster, job), now)


def _limit_jobs(cluster: Cluster, owner: Owner, now: datetime) -> None:
    keep = {"Complete": 3, "Failed": 1} if owner.kind == "CronJob" else {"Complete": 1, "Failed": 1}
    for outcome, limit in keep.items():
        old = [job for job in owner.children if job.outcome == outcome][:-limit]
        for job in old:
            cluster.remove_owner(job)
            cluster.queue.schedule(1, partial(_collect_dependents, cluster, job))


def _collect_dependents(cluster: Cluster, owner: Owner, now: datetime) -> None:
    """Deletes the pods of a removed owner, as the garbage collector does."""
    for pod in list(owner.pods.values()):
        if pod.stage in FINISHED:
            cluster.remove(pod)
        elif pod.deletion_timestamp is None:
            terminate(cluster, pod, now)


def _rolling_update(cluster: Cluster, owner: Owner, now: datetime) -> None:
    target = owner.current
    old = [child for child in owner.children if child is not target]
    surge, max_unavailable = -(-owner.desired // 4), owner.desired // 4
    room = owner.desired + surge - sum(child.desired for child in owner.children)
    _set_replicas(cluster, target, min(owner.desired, target.desired + max(0, room)))
    ready = sum(pod.ready and pod.active for pod in owner.all_pods())
    spare = ready - (owner.desired - max_unavailable)
    for child in old:
        unready = child.desired - sum(pod.ready and pod.active for pod in child.pods.values())
        cut = min(child.desired, max(0, unready) + max(0, spare))
        spare -= max(0, cut - max(0, unready))
        _set_replicas(cluster, child, child.desired - cut)
    if not is_rolling(owner):
        if owner.deadline_exceeded:
            owner.deadline_exceeded = False
            cluster.mark_owner_dirty(owner)
        _limit_revisions(cluster, owner)


def is_rolling(owner: Owner) -> bool:
    """Whether a rollout has not completed."""
    target = owner.current
    if any(child.desired or child.pods for child in owner.children if child is not target):
        return True
    return target.desired != owner.desired or sum(pod.ready for pod in target.pods.values()) < owner.desired


def _set_replicas(cluster: Cluster, child: Owner, desired: int) -> None:
    if desired != child.desired:
        child.desired = desired
        cluster.mark_owner_dirty(child)


def _limit_revisions(cluster: Cluster, owner: Owner) -> None:
    idle = sorted((one for one in owner.children if not one.desired and not one.pods), key=lambda one: one.revision)
    target = owner.current
    for child in [one for one in idle if one is not target][:-_REVISIONS_KEPT]:
        cluster.remove_owner(child)


_RECONCILERS: Final[Mapping[str, Callable[[Cluster, Owner, datetime], None]]] = {
    "ReplicaSet": _reconcile_replicas,
    "EphemeralRunner": _reconcile_replicas,
    "DaemonSet": _reconcile_daemons,
    "Job": _reconcile_job,
    **dict.fromkeys(ORDINAL_KINDS, _reconcile_ordinals),
    **dict.fromkeys(JOB_CREATORS, _limit_jobs),
    **dict.fromkeys(ROLLING_KINDS, _rolling_update),
}
