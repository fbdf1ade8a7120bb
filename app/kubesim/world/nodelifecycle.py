"""The lifecycle of nodes: they join, are cordoned, drained and replaced, lose their kubelet, run short of memory."""

from datetime import datetime
from functools import partial

from kubesim.model.instancetypes import KUBELETS, InstanceType
from kubesim.model.podtemplates import EVERY_TAINT
from kubesim.model.state import FINISHED, NodeState, PodState, Stage
from kubesim.world.cluster import Cluster
from kubesim.world.podlifecycle import terminate


def new_node(cluster: Cluster, instance_type: InstanceType, zone: str, now: datetime) -> NodeState:
    """Adds a node; its name contains pool and zone."""
    cluster.node_serial += 1
    serial = cluster.node_serial
    zone_part = "" if instance_type.pool == "cp" else f"{zone[-1]}-"
    name = f"{instance_type.pool}-{zone_part}{serial:02d}"
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
    if instance_type.pool != "cp":
        labels["karpenter.sh/nodepool"] = instance_type.pool
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
    """Whether a node is cordoned, under memory pressure or not ready."""
    return node.cordoned or node.memory_pressure or node.ready != "True"


def cordon(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """Cordons a node; later it is uncordoned, or drained and replaced."""
    node.cordoned, node.transitioned_at = True, now
    cluster.mark_node_dirty(node)
    is_replaced = cluster.rng.random() < 0.3
    after = partial(_drain if is_replaced else _uncordon, cluster, node)
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
    replacement = new_node(cluster, node.instance_type, node.zone, now)
    replacement.ready = "False"
    cluster.queue.schedule(4, partial(_restore_kubelet, cluster, replacement))
    cluster.queue.schedule(6, partial(_collect_orphans, cluster, node))


def _collect_orphans(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """Removes the pods of a node that does not exist, as the pod garbage collector does."""
    for pod in list(node.pods.values()):
        cluster.remove(pod)


def lose_kubelet(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """The kubelet of a node becomes unreachable, until some time later."""
    node.ready, node.transitioned_at = "Unknown", now
    cluster.mark_node_dirty(node)
    for pod in node.pods.values():
        if pod.stage not in FINISHED:
            pod.node_lost, pod.transitioned_at = True, now
            cluster.mark_pod_dirty(pod)
    cluster.queue.schedule(25, partial(_evict_unreachable, cluster, node))
    cluster.queue.schedule(cluster.rng.randint(150, 500), partial(_restore_kubelet, cluster, node))


def _evict_unreachable(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """Deletes the pods of an unreachable node after tolerationSeconds, as taint eviction does."""
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
    """A node runs short of memory and evicts pods in order of their QoS class."""
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
    """The kubelet evicts a pod for lack of memory; the failed pod stays until it is deleted."""
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
