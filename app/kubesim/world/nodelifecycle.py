"""What happens to nodes: they are cordoned, fail, run short of memory, are replaced, and recover."""

from datetime import datetime
from functools import partial

from kubesim.model.instancetypes import KUBELETS, Machine
from kubesim.model.podtemplates import EVERY_TAINT
from kubesim.model.state import FINISHED, NodeState, PodState, Stage
from kubesim.world.cluster import Cluster
from kubesim.world.podlifecycle import kill


def new_node(cluster: Cluster, machine: Machine, zone: str, now: datetime) -> NodeState:
    """A node that has just joined; its name tells pool and zone."""
    cluster.node_serial += 1
    serial = cluster.node_serial
    place = "" if machine.pool == "cp" else f"{zone[-1]}-"
    name = f"{machine.pool}-{place}{serial:02d}"
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": machine.instance_type,
        "topology.kubernetes.io/region": zone[:-1],
        "topology.kubernetes.io/zone": zone,
        **machine.labels,
    }
    node = NodeState(
        name=name,
        uid=cluster.uid(),
        created=now,
        changed=now,
        machine=machine,
        zone=zone,
        version=KUBELETS[serial % 7 == 3],
        address=f"10.0.{serial >> 8 & 255}.{serial & 255}",
        labels=labels,
    )
    cluster.add_node(node)
    return node


def troubled(node: NodeState) -> bool:
    """Whether something is the matter with a node."""
    return node.cordoned or node.pressed or node.ready != "True"


def cordon(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """Somebody takes a node out of service, for maintenance or for good."""
    node.cordoned, node.changed = True, now
    cluster.touch_node(node)
    leaving = cluster.rng.random() < 0.3
    after = partial(_drain if leaving else _uncordon, cluster, node)
    cluster.agenda.later(cluster.rng.randint(150, 500), after)


def _uncordon(cluster: Cluster, node: NodeState, now: datetime) -> None:
    node.cordoned, node.changed = False, now
    cluster.touch_node(node)


def _drain(cluster: Cluster, node: NodeState, now: datetime) -> None:
    for pod in _movable(node):
        kill(cluster, pod, now)
    cluster.agenda.later(12, partial(_replace, cluster, node))
    cluster.touch_node(node)


def _replace(cluster: Cluster, node: NodeState, now: datetime) -> None:
    cluster.remove_node(node)
    fresh = new_node(cluster, node.machine, node.zone, now)
    fresh.ready = "False"
    cluster.agenda.later(4, partial(_recover, cluster, fresh))
    cluster.agenda.later(6, partial(_collect_orphans, cluster, node))


def _collect_orphans(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """The part of the pod garbage collector: pods of a node that does not exist go without grace."""
    for pod in list(node.pods.values()):
        cluster.remove(pod)


def fail(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """A node falls silent; it is back some time later."""
    node.ready, node.changed = "Unknown", now
    cluster.touch_node(node)
    for pod in node.pods.values():
        if pod.stage not in FINISHED:
            pod.node_lost, pod.moved = True, now
            cluster.touch(pod)
    cluster.agenda.later(25, partial(_abandon, cluster, node))
    cluster.agenda.later(cluster.rng.randint(150, 500), partial(_recover, cluster, node))


def _abandon(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """After their toleration has run out, the pods of a silent node are to be replaced."""
    if node.ready == "Unknown":
        for pod in _movable(node):
            kill(cluster, pod, now)


def _recover(cluster: Cluster, node: NodeState, now: datetime) -> None:
    node.ready, node.changed = "True", now
    cluster.touch_node(node)
    for pod in node.pods.values():
        if pod.node_lost:
            pod.node_lost, pod.moved = False, now
            cluster.touch(pod)


def press(cluster: Cluster, node: NodeState, now: datetime) -> None:
    """A node runs short of memory and evicts what it promised least to."""
    node.pressed, node.changed = True, now
    cluster.touch_node(node)
    ranks = {"BestEffort": 0, "Burstable": 1, "Guaranteed": 2}
    victims = sorted(_movable(node), key=lambda pod: ranks[pod.plan.qos_class])
    for pod in [pod for pod in victims if pod.stage is Stage.RUNNING and pod.owner.kind == "ReplicaSet"][:2]:
        evict(cluster, pod, now)
    cluster.agenda.later(cluster.rng.randint(100, 400), partial(_relieve, cluster, node))


def _relieve(cluster: Cluster, node: NodeState, now: datetime) -> None:
    node.pressed, node.changed = False, now
    cluster.touch_node(node)


def evict(cluster: Cluster, pod: PodState, now: datetime) -> None:
    """The kubelet ends a pod for lack of memory; what is left of it stays for somebody to look at."""
    name = pod.plan.containers[0].name
    pod.message = (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 83412Ki. "
        f"Container {name} was using 912Mi, request is {pod.plan.containers[0].requests.get('memory', '0')}. "
    )
    cluster.move(pod, Stage.EVICTED, now)
    cluster.litter.append(pod)


def _movable(node: NodeState) -> list[PodState]:
    pods = node.pods.values()
    return [pod for pod in pods if pod.live and EVERY_TAINT not in pod.plan.tolerates and pod.owner.kind != "Pod"]
