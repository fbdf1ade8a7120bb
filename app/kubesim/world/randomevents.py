"""What happens in a cluster by itself: the causes, drawn at random; the consequences are on the agenda."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import accumulate
from typing import Final

from kubesim.model.state import LAUNCHING, ROLLING, NodeState, Owner, PodState, Stage
from kubesim.world.cluster import Cluster
from kubesim.world.controllers import is_rolling, new_job, new_set
from kubesim.world.nodelifecycle import cordon, evict, fail, press, troubled
from kubesim.world.podlifecycle import crash, kill, soon

_DRAWS: Final = 12
_SCALING: Final = frozenset({"Deployment", "Rollout", "StatefulSet"})
_REPLACED: Final = frozenset({"ReplicaSet", "StatefulSet", "DaemonSet", "Cluster", "EphemeralRunner"})


def happen(cluster: Cluster, now: datetime) -> None:
    """One thing that nobody expected; now and then nothing, when there is nobody it could happen to."""
    drawn = cluster.rng.random() * _WEIGHTS[-1]
    index = next(index for index, weight in enumerate(_WEIGHTS) if drawn < weight)
    _HAPPENINGS[index][0](cluster, now)


def _workload(cluster: Cluster, wanted: Callable[[Owner], bool]) -> Owner | None:
    for _ in range(_DRAWS):
        if cluster.workloads and wanted(owner := cluster.rng.choice(cluster.workloads)):
            return None if owner.undisturbed else owner
    return None


def _running_pod(cluster: Cluster) -> PodState | None:
    owner = _workload(cluster, lambda one: one.kind not in LAUNCHING | {"Pod", "Node"})
    pods = [pod for pod in owner.every_pod() if _is_steady(pod)] if owner else []
    return cluster.rng.choice(pods) if pods else None


def _is_steady(pod: PodState) -> bool:
    return pod.live and pod.ready and pod.owner.kind in _REPLACED and not _is_silent(pod.node)


def _is_silent(node: NodeState | None) -> bool:
    return node is None or node.ready != "True"


def _crash(cluster: Cluster, now: datetime) -> None:
    if pod := _running_pod(cluster):
        crash(cluster, pod, now)


def _flap(cluster: Cluster, now: datetime) -> None:
    """A readiness probe fails for a moment."""
    if pod := _running_pod(cluster):
        cluster.move(pod, Stage.UNREADY, now)
        soon(cluster, pod, 2, 8)


def _delete(cluster: Cluster, now: datetime) -> None:
    if pod := _running_pod(cluster):
        kill(cluster, pod, now)


def _evict(cluster: Cluster, now: datetime) -> None:
    pod = _running_pod(cluster)
    if pod and pod.owner.kind == "ReplicaSet":
        evict(cluster, pod, now)


def _sweep(cluster: Cluster, now: datetime) -> None:
    """Somebody deletes the oldest remains of an evicted pod."""
    if cluster.litter:
        pod = cluster.litter.popleft()
        if not pod.gone:
            cluster.remove(pod)


def _roll_out(cluster: Cluster, now: datetime) -> None:
    owner = _workload(cluster, lambda one: one.kind in ROLLING and one.desired > 0 and not is_rolling(one))
    if owner:
        tag = f"v{cluster.rng.randint(1, 9)}.{cluster.rng.randint(0, 40)}.{cluster.rng.randint(0, 9)}"
        broken = cluster.rng.random() < 0.12
        plan = owner.plan.with_tag(f"{tag}-rc1" if broken else tag)
        owner.revision += 1
        owner.plan = replace(plan, broken_image=broken)
        new_set(cluster, owner, owner.plan, now)
        if broken:
            cluster.agenda.later(60, partial(_give_up, cluster, owner))


def _give_up(cluster: Cluster, owner: Owner, now: datetime) -> None:
    owner.stuck = owner.current.plan.broken_image
    cluster.touch_owner(owner)
    cluster.agenda.later(60, partial(_undo, cluster, owner))


def _undo(cluster: Cluster, owner: Owner, now: datetime) -> None:
    """Goes back to the latest ReplicaSet whose image exists."""
    sound = [child for child in owner.children if not child.plan.broken_image]
    if not sound:
        return
    target = max(sound, key=lambda child: child.revision)
    owner.revision += 1
    target.revision = owner.revision
    owner.plan, owner.stuck = target.plan, False
    cluster.touch_owner(target)


def _scale(cluster: Cluster, now: datetime) -> None:
    owner = _workload(cluster, lambda one: one.kind in _SCALING and one.usual > 1)
    if owner:
        low = max(1, 7 * owner.usual // 10)
        owner.desired = cluster.rng.randint(low, owner.usual + owner.usual - low)
        cluster.touch_owner(owner)


def _launch(cluster: Cluster, now: datetime) -> None:
    owner = _workload(cluster, lambda one: one.kind in LAUNCHING and not one.suspended)
    if owner and sum(not job.outcome for job in owner.children) < 2:
        new_job(cluster, owner, now)


def _suspend(cluster: Cluster, now: datetime) -> None:
    """Somebody switches a CronJob off, or on again."""
    owner = _workload(cluster, lambda one: one.kind == "CronJob")
    if owner:
        owner.suspended = not owner.suspended
        cluster.touch_owner(owner)


def _trouble_node(cluster: Cluster, now: datetime) -> None:
    nodes = list(cluster.nodes.values())
    workers = [node for node in nodes if node.machine.pool != "cp"]
    if len(workers) < 3 or sum(map(troubled, nodes)) > len(nodes) // 12:
        return
    node = cluster.rng.choice(workers)
    if not troubled(node):
        cluster.rng.choice((cordon, cordon, fail, press))(cluster, node, now)


def _relabel(cluster: Cluster, now: datetime) -> None:
    """Somebody changes a label of a node or of a namespace."""
    value = cluster.rng.choice(("mon", "tue", "wed", "thu", "fri"))
    if cluster.nodes and cluster.rng.random() < 0.5:
        node = cluster.rng.choice(list(cluster.nodes.values()))
        node.labels["maintenance-window"] = value
        cluster.touch_node(node)
        return
    namespace = cluster.rng.choice(list(cluster.namespaces.values()))
    namespace.labels["release-day"] = value
    cluster.touch_namespace(namespace)


_HAPPENINGS: Final[tuple[tuple[Callable[[Cluster, datetime], None], int], ...]] = (
    (_crash, 30),
    (_flap, 16),
    (_delete, 6),
    (_evict, 3),
    (_sweep, 4),
    (_roll_out, 5),
    (_scale, 6),
    (_launch, 12),
    (_suspend, 1),
    (_trouble_node, 12),
    (_relabel, 3),
)
_WEIGHTS: Final = tuple(accumulate(weight for _, weight in _HAPPENINGS))
