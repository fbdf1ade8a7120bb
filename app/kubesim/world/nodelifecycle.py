"""What happens to nodes: they are cordoned, fail, run short of memory, are replaced, and recover."""

from datetime import datetime
from functools import partial

from kubesim.model.instancetypes import KUBELETS, InstanceType
from kubesim.model.podtemplates import EVERY_TAINT
from kubesim.model.state import FINISHED, NodeState, PodState, Stage
from kubesim.world.cluster import Cluster
from kubesim.world.podlifecycle import terminate


def new_node(cluster: Cluster, instance_type: InstanceType, zone: str, now: datetime) -> NodeState:
    """A node that has just joined; its name tells pool and zone."""
    cluster.node_serial += 1
    serial = cluster.node_serial
    place = "" if instance_type.pool == "cp" else f"{zone[-1]}-"
    name = f"{instance_type.pool}-{place}{serial:02d}"
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": instance_type.name,
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        **instance_type.labels,
    }
    node = NodeState(
        name=name,
        uid=cluster.uid(),
        created=now,
        transitioned_at=now,
        instance_type=instance_type,
        zone=zone,
        version=KUBELETS[serial % 7 == 3],
        address=f"10.0.{serial >> 8 & 255}.{serial & 255}",
        labels=labels,
    )
    cluster.add_node(node)
    return node


def is_disrupted(node: NodeState) -> bool:
    """Whether something is the matter with a node."""
    return node.cordoned or node.memory_pressure or node.ready != "True"


def cordon(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """Somebody takes a node out of service, for maintenance or for good."""
    node.cordoned, node.transitioned_at = True, now
    cluster.mark_node_dirty(node)
    leaving = cluster.rng.random() < 0.3
    after = partial(_drain if leaving else _uncordon, cluster, node)
    cluster.queue.schedule(cluster.rng.randint(150, 500), after)


def _uncordon(cluster: Cluster, node: NodeState, now: datetime) -> None:
    node.cordoned, node.transitioned_at = False, now
    cluster.mark_node_dirty(node)


def _drain(cluster: Cluster, node: NodeState, now: datetime) -> None:
    for pod in _evictable_pods(node):
        terminate(cluster, pod, now)
    cluster.queue.schedule(12, partial(_replace, cluster, node))
    cluster.mark_node_dirty(node)


def _replace(cluster: Cluster, node: NodeState, now: datetime) -> None:
    cluster.remove_node(node)
    fresh = new_node(cluster, node.instance_type, node.zone, now)
    fresh.ready = "False"
    cluster.queue.schedule(4, partial(_restore_kubelet, cluster, fresh))
    cluster.queue.schedule(6, partial(_collect_orphans, cluster, node))


def _collect_orphans(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """The part of the pod garbage collector: pods of a node that does not exist go without grace."""
    for pod in list(node.pods.values()):
        cluster.remove(pod)


def lose_kubelet(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """A node falls silent; it is back some time later."""
    node.ready, node.transitioned_at = "Unknown", now
    cluster.mark_node_dirty(node)
    for pod in node.pods.values():
        if pod.stage not in FINISHED:
            pod.node_lost, pod.transitioned_at = True, now
            cluster.mark_pod_dirty(pod)
    cluster.queue.schedule(25, partial(_evict_unreachable, cluster, node))
    cluster.queue.schedule(cluster.rng.randint(150, 500), partial(_restore_kubelet, cluster, node))


def _evict_unreachable(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """After their toleration has run out, the pods of a silent node are to be replaced."""
    if node.ready == "Unknown":
        for pod in _evictable_pods(node):
            terminate(cluster, pod, now)


def _restore_kubelet(cluster: Cluster, node: NodeState, now: datetime) -> None:
    node.ready, node.transitioned_at = "True", now
    cluster.mark_node_dirty(node)
    for pod in node.pods.values():
        if pod.node_lost:
            pod.node_lost, pod.transitioned_at = False, now
            cluster.mark_pod_dirty(pod)


def start_memory_pressure(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """A node runs short of memory and evicts what it promised least to."""
    node.memory_pressure, node.transitioned_at = True, now
    cluster.mark_node_dirty(node)
    ranks = {"BestEffort": 0, "Burstable": 1, "Guaranteed": 2}
    victims = sorted(_evictable_pods(node), key=lambda pod: ranks[pod.template.qos_class])
    for pod in [pod for pod in victims if pod.stage is Stage.RUNNING and pod.owner.kind == "ReplicaSet"][:2]:
        evict(cluster, pod, now)
    cluster.queue.schedule(cluster.rng.randint(100, 400), partial(_end_memory_pressure, cluster, node))


def _end_memory_pressure(cluster: Cluster, node: NodeState, now: datetime) -> None:
    node.memory_pressure, node.transitioned_at = False, now
    cluster.mark_node_dirty(node)


def evict(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """The kubelet ends a pod for lack of memory; what is left of it stays for somebody to look at."""
    name = pod.template.containers[0].name
    pod.message = (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 83412Ki. "
        f"Container {name} was using 912Mi, request is {pod.template.containers[0].requests.get('memory', '0')}. "
    )
    cluster.set_stage(pod, Stage.EVICTED, now)
    cluster.evicted_pods.append(pod)


def _evictable_pods(node: NodeState) -> list[PodState]:
    pods = node.pods.values()
    return [
        pod
        for pod in pods
        if pod.active and EVERY_TAINT not in pod.template.tolerated_taints and pod.owner.kind != "Pod"
    ]
