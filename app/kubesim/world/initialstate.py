"""The initial state of a simulated cluster, which has been running for a hundred days.

The workloads of the inventory come first; applications that are made up bring the cluster to the number of pods. A
cluster without pods has nodes and namespaces only.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from kubesim.installation import Installation
from kubesim.inventory.system import SYSTEM, SYSTEM_NAMESPACES
from kubesim.inventory.teams import APPLICATIONS, TEAM_NAMESPACES
from kubesim.inventory.workloads import Workload, installed
from kubesim.model.instancetypes import ZONES, control_plane, worker_instance_types
from kubesim.model.podtemplates import ContainerTemplate, PodTemplate
from kubesim.model.state import (
    NodeState,
    Stage,
)
from kubesim.objects.workloads import daemon_nodes
from kubesim.world.applications import add_applications
from kubesim.world.cluster import Cluster
from kubesim.world.controllers import pod_name
from kubesim.world.existingworkloads import CLUSTER_AGE, add_workload, new_owner, random_time
from kubesim.world.nodelifecycle import cordon, lose_kubelet, new_node, start_memory_pressure

_DAEMON_SHARE: Final = 3


def initial_state(seed: int, nodes: int, pods: int, now: datetime, installation: Installation) -> Cluster:
    """A cluster of exactly `nodes` nodes and `pods` pods; workloads of the inventory that do not fit are left out."""
    cluster = Cluster(seed)
    created = now - CLUSTER_AGE
    for name, labels in _namespaces(installation).items():
        cluster.add_namespace(name, labels, created)
    _add_nodes(cluster, nodes, pods, now)
    _add_daemons(cluster, pods, now)
    deployed = (one for one in SYSTEM if one.kind == "Deployment")
    for workload in (*deployed, installed(installation.deployment), *APPLICATIONS):
        add_workload(cluster, workload, pods, now)
    _add_edge_cases(cluster, pods, now)
    add_applications(cluster, pods, now)
    _disrupt_nodes(cluster, now)
    return cluster


def _namespaces(installation: Installation) -> Mapping[str, Mapping[str, str]]:
    """The labels of each namespace by name."""
    metadata = installation.namespace["metadata"]
    return {**SYSTEM_NAMESPACES, metadata["name"]: metadata.get("labels", {}), **TEAM_NAMESPACES}


def _add_nodes(cluster: Cluster, nodes: int, pods: int, now: datetime) -> None:
    is_single = nodes == 1
    control_planes = 3 if nodes >= 7 else 1
    for index in range(min(nodes, control_planes)):
        new_node(cluster, control_plane(alone=is_single), ZONES[index], now - CLUSTER_AGE)
    instance_types = worker_instance_types(pods // max(1, nodes))
    for index in range(nodes - control_planes):
        age = timedelta(hours=cluster.rng.uniform(30, 2399))
        new_node(cluster, instance_types[index % len(instance_types)], ZONES[index % len(ZONES)], now - age)


def _add_daemons(cluster: Cluster, pods: int, now: datetime) -> None:
    for workload in SYSTEM:
        if workload.kind == "Deployment":
            continue
        owner = new_owner(cluster, workload, now - CLUSTER_AGE)
        if workload.kind == "Node":
            owner.template = replace(owner.template, node_selector={"node-role.kubernetes.io/control-plane": ""})
        nodes = daemon_nodes(owner, cluster.nodes.values())
        if not nodes or _DAEMON_SHARE * (cluster.pod_count + len(nodes)) > pods:
            continue
        cluster.add_owner(owner)
        for node in nodes:
            name = f"{owner.name}-{node.name}" if owner.kind == "Node" else pod_name(cluster, owner)
            pod = cluster.add_pod(owner, name, max(node.created, owner.created))
            pod.required_node = node
            cluster.bind(pod, node, Stage.RUNNING, pod.created + timedelta(seconds=9))


def _add_edge_cases(cluster: Cluster, pods: int, now: datetime) -> None:
    """Adds orphans, pods in unusual states, an unknown extended resource, and a terminating namespace."""
    if not cluster.nodes or pods - cluster.pod_count < 8:
        return
    template = PodTemplate(app="batch-import", containers=(ContainerTemplate(name="import", image="python:3-slim"),))
    removed_node = NodeState(
        name="worker-a-00",
        uid=cluster.uid(),
        created=now - CLUSTER_AGE,
        transitioned_at=now,
        instance_type=worker_instance_types(0)[0],
        zone=ZONES[0],
        version="v1.35.4",
        address="10.0.255.1",
        labels={},
        ready="Unknown",
    )
    node = [*cluster.nodes.values()][-1]
    for name, home, stage in (
        ("batch-import", removed_node, Stage.RUNNING),
        ("batch-retry", removed_node, Stage.LOST),
        ("probe", node, Stage.LOST),
    ):
        _bind_by_hand(cluster, replace(template, app=name, scheduler="by-hand"), home, stage, now)
    fpga = ContainerTemplate(
        name="probe",
        image="localhost:5000/fpga-probe",
        requests={"example.com/fpga": "1"},
        limits={"example.com/fpga": "1"},
    )
    _bind_by_hand(
        cluster, PodTemplate(app="fpga-probe", containers=(fpga,), scheduler="by-hand"), node, Stage.RUNNING, now
    )
    space = cluster.add_namespace("staging-42", {"team": "shop"}, now - timedelta(days=3))
    space.deletion_timestamp = now - timedelta(minutes=50)
    leftover = PodTemplate(app="leftover", containers=(ContainerTemplate(name="app", image="acme/leftover:dev"),))
    workload = Workload(kind="Deployment", namespace="staging-42", template=leftover, replicas=2, terminating=2)
    add_workload(cluster, workload, pods, now)


def _bind_by_hand(cluster: Cluster, template: PodTemplate, node: NodeState, stage: Stage, now: datetime) -> None:
    workload = Workload(kind="Pod", namespace="default", template=template)
    created = random_time(cluster, node.created, now)
    owner = cluster.add_owner(new_owner(cluster, workload, created))
    cluster.bind(cluster.add_pod(owner, template.app, created), node, stage, created)


def _disrupt_nodes(cluster: Cluster, now: datetime) -> None:
    """Disrupts a few workers in each way, if there are enough of them."""
    workers = [node for node in cluster.nodes.values() if node.instance_type.pool == "worker"]
    disruptions: tuple[Callable[[Cluster, NodeState, datetime], None], ...] = (
        cordon,
        lose_kubelet,
        start_memory_pressure,
    )
    if len(workers) <= 2 * len(disruptions):
        return
    each = 1 + len(workers) // 200
    for index, node in enumerate(cluster.rng.sample(workers, each * len(disruptions))):
        disruptions[index % len(disruptions)](cluster, node, now - timedelta(minutes=cluster.rng.randint(1, 40)))
