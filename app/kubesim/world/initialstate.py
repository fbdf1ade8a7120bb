"""The first state of a simulated cluster: a cluster that has been running for a hundred days.

The inventory comes first; ordinary applications fill up to the wanted number of pods, and ask for as much as
makes the nodes well used. A cluster without pods is an empty one: nodes and namespaces only.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from kubesim.installation import Installation
from kubesim.inventory.teams import (
    API_VERSIONS,
    APPLICATIONS,
    SYSTEM,
    SYSTEM_NAMESPACES,
    TEAM_NAMESPACES,
    Blueprint,
    installed,
)
from kubesim.model.instancetypes import GPU, ZONES, control_plane, worker_machines
from kubesim.model.podtemplates import ContainerPlan, Plan, Quantities
from kubesim.model.state import (
    FINISHED,
    INITIALIZING,
    LAUNCHING,
    OOM_KILLED,
    ORDINAL,
    ROLLING,
    NodeState,
    Owner,
    PodState,
    Stage,
)
from kubesim.objects.workloads import wanted_nodes
from kubesim.quantities import CPU, MEMORY, canonical
from kubesim.world.cluster import Cluster, NamespaceState
from kubesim.world.controllers import new_job, new_set, ordinal_names, pod_name
from kubesim.world.nodelifecycle import cordon, evict, fail, new_node, press
from kubesim.world.podlifecycle import soon, unschedulable

_AGE: Final = timedelta(days=100)
_MIB: Final = 1 << 20
_USED_PERCENT: Final = 62
_DAEMON_SHARE: Final = 3
_HISTORY: Final = 3

_SUBJECTS: Final = (
    *("orders", "users", "billing", "invoice", "stock", "price", "report", "mail", "image", "video", "profile"),
    *("session", "event", "audit", "search", "feed", "review", "coupon", "refund", "parcel", "route", "fleet"),
)
_ROLES: Final = ("api", "worker", "web", "sync", "gateway", "consumer", "indexer", "proxy", "admin", "export")
_REGISTRIES: Final = ("ghcr.io/acme", "quay.io/acme", "registry.example.com:5000/apps", "docker.io/acme", "acme")
_SHARES: Final = (25, 50, 75, 100, 100, 150, 200)

_AFFLICTIONS: Final = (
    *(Stage.BACKOFF, Stage.BACKOFF, Stage.CRASHED, Stage.UNREADY, Stage.UNREADY, Stage.CREATING),
    *(Stage.PULL_BACKOFF, Stage.CONFIG_ERROR),
)
_AFFLICTED: Final = 0.02
_RESTARTED: Final = 0.08


def settled(seed: int, nodes: int, pods: int, now: datetime, installation: Installation) -> Cluster:
    """A cluster of exactly so many nodes and pods; what of the inventory does not fit into it is left out."""
    cluster = Cluster(seed)
    born = now - _AGE
    for name, labels in _namespaces(installation).items():
        _add_namespace(cluster, name, labels, born)
    _add_nodes(cluster, nodes, pods, now)
    _add_daemons(cluster, pods, now)
    deployed = (one for one in SYSTEM if one.kind == "Deployment")
    for blueprint in (*deployed, installed(installation.deployment), *APPLICATIONS):
        _add_blueprint(cluster, blueprint, pods, now)
    _add_oddities(cluster, pods, now)
    _add_ordinary(cluster, pods, now)
    _add_trouble(cluster, now)
    return cluster


def _namespaces(installation: Installation) -> Mapping[str, Mapping[str, str]]:
    """The labels of each namespace by name."""
    metadata = installation.namespace["metadata"]
    return {**SYSTEM_NAMESPACES, metadata["name"]: metadata.get("labels", {}), **TEAM_NAMESPACES}


def _add_namespace(cluster: Cluster, name: str, labels: Mapping[str, str], created: datetime) -> NamespaceState:
    space = NamespaceState(name=name, uid=cluster.uid(), created=created, labels=dict(labels))
    cluster.namespaces[name] = space
    return space


def _add_nodes(cluster: Cluster, nodes: int, pods: int, now: datetime) -> None:
    alone = nodes == 1
    leaders = 3 if nodes >= 7 else 1
    for index in range(min(nodes, leaders)):
        new_node(cluster, control_plane(alone=alone), ZONES[index], now - _AGE)
    machines = worker_machines(pods // max(1, nodes))
    for index in range(nodes - leaders):
        age = timedelta(hours=cluster.rng.uniform(30, 2399))
        new_node(cluster, machines[index % len(machines)], ZONES[index % len(ZONES)], now - age)


def _add_daemons(cluster: Cluster, pods: int, now: datetime) -> None:
    for blueprint in SYSTEM:
        if blueprint.kind == "Deployment":
            continue
        owner = _new_owner(cluster, blueprint, now - _AGE)
        if blueprint.kind == "Node":
            owner.plan = replace(owner.plan, selects={"node-role.kubernetes.io/control-plane": ""})
        nodes = wanted_nodes(owner, cluster.nodes.values())
        if not nodes or _DAEMON_SHARE * (cluster.pod_count + len(nodes)) > pods:
            continue
        cluster.add_owner(owner)
        for node in nodes:
            name = f"{owner.name}-{node.name}" if owner.kind == "Node" else pod_name(cluster, owner)
            pod = cluster.add_pod(owner, name, max(node.created, owner.created))
            pod.pinned = node
            cluster.bind(pod, node, Stage.RUNNING, pod.created + timedelta(seconds=9))


def _new_owner(cluster: Cluster, blueprint: Blueprint, created: datetime) -> Owner:
    kind = blueprint.kind
    return Owner(
        kind=kind,
        api_version=API_VERSIONS[kind],
        namespace=blueprint.namespace,
        name=blueprint.plan.app,
        uid=cluster.uid(),
        created=created,
        plan=blueprint.plan,
        desired=blueprint.replicas,
        usual=blueprint.replicas,
        suffix=cluster.suffix(10),
        suspended=blueprint.suspended,
        stuck=blueprint.stuck,
        undisturbed=blueprint.undisturbed,
    )


def _add_blueprint(cluster: Cluster, blueprint: Blueprint, pods: int, now: datetime) -> None:
    room = pods - cluster.pod_count
    if room < blueprint.replicas + blueprint.stuck:
        return
    owner = cluster.add_owner(_new_owner(cluster, blueprint, _moment(cluster, now - _AGE, now - timedelta(hours=3))))
    if owner.kind in ROLLING:
        _add_sets(cluster, owner, blueprint, now)
    elif owner.kind in LAUNCHING:
        _add_history(cluster, owner, room, now)
    elif not owner.suspended:
        _add_pods(cluster, owner, blueprint.stages, now)
    for pod in [*owner.every_pod()][: blueprint.terminating]:
        cluster.delete(pod, now)


def _moment(cluster: Cluster, low: datetime, high: datetime) -> datetime:
    # Most of what runs is younger than the middle of its time.
    return high - (high - low) * cluster.rng.random() ** 2


def _add_sets(cluster: Cluster, owner: Owner, blueprint: Blueprint, now: datetime) -> None:
    """The ReplicaSets of a Deployment: earlier ones scaled down, unless the present one is stuck."""
    for index in range(blueprint.old_sets):
        old = new_set(cluster, owner, owner.plan.with_tag(f"v0.{index}.{cluster.rng.randint(0, 9)}"), owner.created)
        owner.revision += 1
        if blueprint.stuck:
            old.desired = 1
            _add_pods(cluster, old, (), now)
    current = new_set(cluster, owner, owner.plan, _moment(cluster, owner.created, now))
    current.desired = owner.desired
    _add_pods(cluster, current, blueprint.stages, now)


def _add_history(cluster: Cluster, owner: Owner, room: int, now: datetime) -> None:
    """Jobs of the last hours: all but the last have finished."""
    if owner.suspended:
        return
    count = min(_HISTORY if owner.kind == "CronJob" else 2, room // max(1, owner.desired))
    for index in range(count):
        started = now - timedelta(minutes=17 * (count - index))
        job = new_job(cluster, owner, started)
        is_last = index == count - 1
        stage = Stage.RUNNING if is_last else Stage.SUCCEEDED
        _add_pods(cluster, job, (stage,) * job.desired, started + timedelta(minutes=8))
        if not is_last:
            job.outcome, job.finished = "Complete", started + timedelta(minutes=8)


def _add_pods(cluster: Cluster, owner: Owner, stages: tuple[Stage, ...], now: datetime) -> None:
    names = _names(cluster, owner)
    for index, name in enumerate(names):
        stage = stages[index] if index < len(stages) else Stage.RUNNING
        pod = cluster.add_pod(owner, name, _moment(cluster, owner.created, now))
        _bring_to(cluster, pod, stage, now)
    if owner.kind == "Job" and Stage.FAILED in stages:
        owner.outcome, owner.finished = "Failed", now


def _names(cluster: Cluster, owner: Owner) -> list[str]:
    if owner.kind in ORDINAL:
        return ordinal_names(owner)
    if owner.kind == "Pod":
        return [owner.name]
    return [f"{owner.name}-{cluster.suffix()}" for _ in range(owner.desired)]


def _bring_to(cluster: Cluster, pod: PodState, stage: Stage, now: datetime) -> None:
    """Places a new pod and lets it be at a stage; if no node takes it, it stays pending."""
    if pod.stage is Stage.GATED:
        return
    node = None if stage is Stage.PENDING else cluster.scheduler.place(pod.plan)
    if node is None:
        pod.created = pod.moved = now - timedelta(minutes=cluster.rng.randint(1, 600))
        pod.message = unschedulable(cluster, pod)
        _rest_for_a_while(cluster, pod)
        return
    pod.created = max(pod.created, min(node.created, now))
    pod.ended, pod.restarts = _past(cluster, pod, stage, now)
    pod.cause = OOM_KILLED if cluster.rng.random() < 0.3 else pod.cause
    cluster.bind(pod, node, stage, max(pod.created, pod.ended or pod.created) + timedelta(seconds=7))
    if stage not in FINISHED and (stage is not Stage.RUNNING or pod.owner.kind == "Job"):
        _rest_for_a_while(cluster, pod)


def _rest_for_a_while(cluster: Cluster, pod: PodState) -> None:
    # In a large cluster more pods are on their way at any time, and each has to wait longer for its turn.
    soon(cluster, pod, 5, max(200, cluster.pod_count // 2))


def _past(cluster: Cluster, pod: PodState, stage: Stage, now: datetime) -> tuple[datetime | None, int]:
    """When the main container ended last, if it did, and how often it was restarted."""
    if stage in FINISHED or stage is Stage.PARTIAL:
        return now, 0
    if stage in (Stage.BACKOFF, Stage.CRASHED) or stage in INITIALIZING - {Stage.INIT}:
        return now - timedelta(minutes=cluster.rng.randint(1, 5)), cluster.rng.randint(2, 90)
    if stage is Stage.RUNNING and pod.owner.kind != "Job" and cluster.rng.random() < _RESTARTED:
        return _moment(cluster, pod.created, now), cluster.rng.randint(1, 9)
    return None, 0


def _add_oddities(cluster: Cluster, pods: int, now: datetime) -> None:
    """What every old cluster has somewhere: orphans, the unheard of, the half deleted."""
    if not cluster.nodes or pods - cluster.pod_count < 8:
        return
    plan = Plan(app="batch-import", containers=(ContainerPlan(name="import", image="python:3-slim"),))
    gone = NodeState(
        name="worker-a-00",
        uid=cluster.uid(),
        created=now - _AGE,
        changed=now,
        machine=worker_machines(0)[0],
        zone=ZONES[0],
        version="v1.35.4",
        address="10.0.255.1",
        labels={},
        ready="Unknown",
    )
    node = [*cluster.nodes.values()][-1]
    for name, home, stage in (
        ("batch-import", gone, Stage.RUNNING),
        ("batch-retry", gone, Stage.LOST),
        ("probe", node, Stage.LOST),
    ):
        _bind_by_hand(cluster, replace(plan, app=name, scheduler="by-hand"), home, stage, now)
    fpga = ContainerPlan(
        name="probe",
        image="localhost:5000/fpga-probe",
        requests={"example.com/fpga": "1"},
        limits={"example.com/fpga": "1"},
    )
    _bind_by_hand(cluster, Plan(app="fpga-probe", containers=(fpga,), scheduler="by-hand"), node, Stage.RUNNING, now)
    space = _add_namespace(cluster, "staging-42", {"team": "shop"}, now - timedelta(days=3))
    space.deleted = now - timedelta(minutes=50)
    leftover = Plan(app="leftover", containers=(ContainerPlan(name="app", image="acme/leftover:dev"),))
    blueprint = Blueprint(kind="Deployment", namespace="staging-42", plan=leftover, replicas=2, terminating=2)
    _add_blueprint(cluster, blueprint, pods, now)


def _bind_by_hand(cluster: Cluster, plan: Plan, node: NodeState, stage: Stage, now: datetime) -> None:
    blueprint = Blueprint(kind="Pod", namespace="default", plan=plan)
    created = _moment(cluster, node.created, now)
    owner = cluster.add_owner(_new_owner(cluster, blueprint, created))
    cluster.bind(cluster.add_pod(owner, plan.app, created), node, stage, created)


def _add_ordinary(cluster: Cluster, pods: int, now: datetime) -> None:
    """Applications like any other, until there are as many pods as wanted."""
    litter = max(0, min(pods // 150, pods - cluster.pod_count)) if cluster.nodes else 0
    wanted = pods - litter - cluster.pod_count
    if wanted > 0:
        _add_model_servers(cluster, pods - litter, now)
        wanted = pods - litter - cluster.pod_count
        spaces = _team_namespaces(cluster, max(3, min(300, wanted // 120)), now)
        cores, memory = _mean_request(cluster, wanted)
        largest = 9 if pods < 3000 else 60
        while (room := pods - litter - cluster.pod_count) > 0:
            plan = _ordinary_plan(cluster, cores, memory)
            blueprint = _ordinary_blueprint(cluster, plan, cluster.rng.choice(spaces), min(room, largest))
            _add_blueprint(cluster, blueprint, pods - litter, now)
    _add_litter(cluster, litter, now)


def _add_model_servers(cluster: Cluster, pods: int, now: datetime) -> None:
    """Work for most GPUs of the cluster."""
    nodes = [node for node in cluster.nodes.values() if GPU in node.allocatable]
    while pods > cluster.pod_count and _left(nodes, GPU) > 0:
        gpus = str(cluster.rng.choice((1, 1, 2)))
        asked = {"cpu": "4", "memory": "24Gi", GPU: gpus}
        image = f"nvcr.io/nvidia/tritonserver:25.{cluster.rng.randint(1, 9):02d}-py3"
        server = ContainerPlan(name="server", image=image, requests=asked, limits={"memory": "32Gi", GPU: gpus})
        plan = Plan(
            app=f"{cluster.rng.choice(_SUBJECTS)}-model-{cluster.suffix(3)}", containers=(server,), tolerates=(GPU,)
        )
        replicas = min(cluster.rng.randint(1, 6), pods - cluster.pod_count)
        blueprint = Blueprint(kind="Deployment", namespace="ml", plan=plan, replicas=replicas)
        _add_blueprint(cluster, blueprint, pods, now)


def _team_namespaces(cluster: Cluster, count: int, now: datetime) -> list[str]:
    names = [f"{_SUBJECTS[i % len(_SUBJECTS)]}-{i // len(_SUBJECTS)}".removesuffix("-0") for i in range(count)]
    for name in names:
        _add_namespace(cluster, name, {"team": name}, _moment(cluster, now - _AGE, now))
    return names


def _mean_request(cluster: Cluster, pods: int) -> tuple[int, int]:
    """Millicores and MiB that each of so many pods may ask for on average, for well used workers."""
    workers = [node for node in cluster.nodes.values() if not node.machine.taints or node.machine.pool == "spot"]
    return (
        max(10, _left(workers, CPU) // pods),
        max(16, _left(workers, MEMORY) // _MIB // pods),
    )


def _left(nodes: Iterable[NodeState], name: str) -> int:
    return sum(_USED_PERCENT * node.allocatable[name] // 100 - node.used.get(name, 0) for node in nodes)


def _ordinary_plan(cluster: Cluster, cores: int, memory: int) -> Plan:
    rng = cluster.rng
    subject, role = rng.choice(_SUBJECTS), rng.choice(_ROLES)
    tag = f"v{rng.randint(0, 6)}.{rng.randint(0, 30)}.{rng.randint(0, 9)}"
    cpu = canonical(CPU, max(5, cores * rng.choice(_SHARES) // 500 * 5))
    bytes_asked = canonical(MEMORY, max(8, memory * rng.choice(_SHARES) // 100) * _MIB)
    requests, limits = _ordinary_resources(rng.random(), {"cpu": cpu, "memory": bytes_asked})
    main = ContainerPlan(
        name=role,
        image=f"{rng.choice(_REGISTRIES)}/{subject}-{role}:{tag}",
        requests=requests,
        limits=limits,
    )
    sidecar = ContainerPlan(
        name="otel-agent",
        image="docker.io/otel/opentelemetry-collector:0.136.0",
        requests={"cpu": "5m", "memory": "32Mi"},
        slim=True,
    )
    return Plan(
        app=f"{subject}-{role}-{cluster.suffix(3)}",
        containers=(main, sidecar) if rng.random() < 0.15 else (main,),
        priority_class="production" if rng.random() < 0.2 else "",
    )


def _ordinary_resources(drawn: float, asked: Quantities) -> tuple[Quantities, Quantities]:
    """Requests and limits as people set them: equal, memory only limited, no limits, nothing at all."""
    if drawn < 0.05:
        return {}, {}
    if drawn < 0.25:
        return asked, asked
    if drawn < 0.8:
        return asked, {"memory": asked["memory"]}
    return asked, {}


def _ordinary_blueprint(cluster: Cluster, plan: Plan, namespace: str, most: int) -> Blueprint:
    drawn = cluster.rng.random()
    replicas = min(most, cluster.rng.randint(2, max(2, most)))
    if drawn < 0.08 and most > _HISTORY:
        plan = replace(plan, restart_policy="Never")
        return Blueprint(kind="CronJob", namespace=namespace, plan=plan)
    afflicted = cluster.rng.random() < _AFFLICTED * replicas
    stages = (cluster.rng.choice(_AFFLICTIONS),) if afflicted else ()
    kind = "StatefulSet" if drawn < 0.16 else "Deployment"
    return Blueprint(
        kind=kind,
        namespace=namespace,
        plan=plan,
        replicas=replicas,
        stages=stages,
        old_sets=cluster.rng.randint(0, 1),
    )


def _add_litter(cluster: Cluster, count: int, now: datetime) -> None:
    """The remains of evicted pods."""
    sets = [owner for owner in cluster.every_owner() if owner.kind == "ReplicaSet" and owner.pods]
    nodes = list(cluster.nodes.values())
    for _ in range(count if sets else 0):
        owner = cluster.rng.choice(sets)
        pod = cluster.add_pod(owner, pod_name(cluster, owner), _moment(cluster, owner.created, now))
        # It may have been evicted long ago: there need not be room for it now.
        cluster.bind(pod, cluster.rng.choice(nodes), Stage.RUNNING, pod.created)
        evict(cluster, pod, _moment(cluster, pod.created, now))


def _add_trouble(cluster: Cluster, now: datetime) -> None:
    """A few nodes of each trouble, where there are enough to spare."""
    workers = [node for node in cluster.nodes.values() if node.machine.pool == "worker"]
    troubles: tuple[Callable[[Cluster, NodeState, datetime], None], ...] = (cordon, fail, press)
    if len(workers) <= 2 * len(troubles):
        return
    each = 1 + len(workers) // 200
    for index, node in enumerate(cluster.rng.sample(workers, each * len(troubles))):
        troubles[index % len(troubles)](cluster, node, now - timedelta(minutes=cluster.rng.randint(1, 40)))
