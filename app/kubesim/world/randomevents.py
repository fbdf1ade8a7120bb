"""Random events of a cluster; what follows from them is scheduled in the event queue."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Final

from kubesim.model.state import JOB_CREATORS, ROLLING_KINDS, NodeState, Owner, PodState, Stage
from kubesim.world.cluster import Cluster
from kubesim.world.controllers import is_rolling, new_job, new_replica_set
from kubesim.world.nodelifecycle import cordon, evict, is_disrupted, lose_kubelet, start_memory_pressure
from kubesim.world.podlifecycle import crash, schedule_change, terminate

_ATTEMPTS: Final = 12
_SCALING: Final = frozenset({"Deployment", "Rollout", "StatefulSet"})
_CONTROLLED: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "Cluster", "EphemeralRunner"})


def random_event(cluster: Cluster, now: datetime) -> None:
    """One random event; it changes nothing if no object is suitable for it."""
    drawn = cluster.rng.random() * _WEIGHTS[-1]
    index = next(index for index, weight in enumerate(_WEIGHTS) if drawn < weight)
    _EVENTS[index][0](cluster, now)


def _random_workload(cluster: Cluster, matches: Callable[[Owner], bool]) -> Owner | None:
    for _ in range(_ATTEMPTS):
        if cluster.workloads and matches(owner := cluster.rng.choice(cluster.workloads)):
            return None if owner.undisturbed else owner
    return None


def _random_running_pod(cluster: Cluster) -> PodState | None:
    owner = _random_workload(cluster, lambda one: one.kind not in JOB_CREATORS | {"Pod", "Node"})
    pods = [pod for pod in owner.all_pods() if _is_steady(pod)] if owner else []
    return cluster.rng.choice(pods) if pods else None


def _is_steady(pod: PodState) -> bool:
    return pod.active and pod.ready and pod.owner.kind in _CONTROLLED and not _is_unreachable(pod.node)


def _is_unreachable(node: NodeState | None) -> bool:
    return node is None or node.ready != "True"


def _crash_container(cluster: Cluster, now: datetime) -> None:
    if pod := _random_running_pod(cluster):
        crash(cluster, pod, now)


def _fail_readiness_probe(cluster: Cluster, now: datetime) -> None:
    """A readiness probe fails for some steps."""
    if pod := _random_running_pod(cluster):
        cluster.set_stage(pod, Stage.UNREADY, now)
        schedule_change(cluster, pod, 2, 8)


def _delete_pod(cluster: Cluster, now: datetime) -> None:
    if pod := _random_running_pod(cluster):
        terminate(cluster, pod, now)


def _evict_pod(cluster: Cluster, now: datetime) -> None:
    pod = _random_running_pod(cluster)
    if pod and pod.owner.kind == "ReplicaSet":
        evict(cluster, pod, now)


def _delete_evicted_pod(cluster: Cluster, now: datetime) -> None:
    """The oldest evicted pod is deleted."""
    if cluster.evicted_pods:
        pod = cluster.evicted_pods.popleft()
        if not pod.removed:
            cluster.remove(pod)


def _roll_out(cluster: Cluster, now: datetime) -> None:
    owner = _random_workload(
        cluster, lambda one: one.kind in ROLLING_KINDS and one.desired > 0 and not is_rolling(one)
    )
    if owner:
        tag = f"v{cluster.rng.randint(1, 9)}.{cluster.rng.randint(0, 40)}.{cluster.rng.randint(0, 9)}"
        broken = cluster.rng.random() < 0.12
        template = owner.template.with_tag(f"{tag}-rc1" if broken else tag)
        owner.revision += 1
        owner.template = replace(template, broken_image=broken)
        new_replica_set(cluster, owner, owner.template, now)
        if broken:
            cluster.queue.schedule(60, partial(_exceed_deadline, cluster, owner))


def _exceed_deadline(cluster: Cluster, owner: Owner, now: datetime) -> None:
    owner.deadline_exceeded = owner.current.template.broken_image
    cluster.mark_owner_dirty(owner)
    cluster.queue.schedule(60, partial(_roll_back, cluster, owner))


def _roll_back(cluster: Cluster, owner: Owner, now: datetime) -> None:
    """Rolls back to the latest ReplicaSet whose image exists."""
    working = [child for child in owner.children if not child.template.broken_image]
    if not working:
        return
    target = max(working, key=lambda child: child.revision)
    owner.revision += 1
    target.revision = owner.revision
    owner.template, owner.deadline_exceeded = target.template, False
    cluster.mark_owner_dirty(target)


def _scale_workload(cluster: Cluster, now: datetime) -> None:
    owner = _random_workload(cluster, lambda one: one.kind in _SCALING and one.baseline > 1)
    if owner:
        low = max(1, 7 * owner.baseline // 10)
        owner.desired = cluster.rng.randint(low, owner.baseline + owner.baseline - low)
        cluster.mark_owner_dirty(owner)


def _create_job(cluster: Cluster, now: datetime) -> None:
    owner = _random_workload(cluster, lambda one: one.kind in JOB_CREATORS and not one.suspended)
    if owner and sum(not job.outcome for job in owner.children) < 2:
        new_job(cluster, owner, now)


def _toggle_suspension(cluster: Cluster, now: datetime) -> None:
    """A CronJob is suspended or resumed."""
    owner = _random_workload(cluster, lambda one: one.kind == "CronJob")
    if owner:
        owner.suspended = not owner.suspended
        cluster.mark_owner_dirty(owner)


def _disrupt_node(cluster: Cluster, now: datetime) -> None:
    nodes = list(cluster.nodes.values())
    workers = [node for node in nodes if node.instance_type.pool != "cp"]
    if len(workers) < 3 or sum(map(is_disrupted, nodes)) > len(nodes) // 12:
        return
    node = cluster.rng.choice(workers)
    if not is_disrupted(node):
        cluster.rng.choice((cordon, cordon, lose_kubelet, start_memory_pressure))(cluster, node, now)


def _relabel(cluster: Cluster, now: datetime) -> None:
    """A label of a node or of a namespace changes."""
    value = cluster.rng.choice(("mon", "tue", "wed", "thu", "fri"))
    if cluster.nodes and cluster.rng.random() < 0.5:
        node = cluster.rng.choice(list(cluster.nodes.values()))
        node.labels["maintenance-window"] = value
        cluster.mark_node_dirty(node)
        return
    namespace = cluster.rng.choice(list(cluster.namespaces.values()))
    namespace.labels["release-day"] = value
    cluster.mark_namespace_dirty(namespace)


_EVENTS: Final[tuple[tuple[Callable[[Cluster, datetime], None], int], ...]] = (
    (_crash_container, 30),
    (_fail_readiness_probe, 16),
    (_delete_pod, 6),
    (_evict_pod, 3),
    (_delete_evicted_pod, 4),
    (_roll_out, 5),
    (_scale_workload, 6),
    (_create_job, 12),
    (_toggle_suspension, 1),
    (_disrupt_node, 12),
    (_relabel, 3),
)
_WEIGHTS: Final = tuple(accumulate(weight for _, weight in _EVENTS))
