"""Applications that are made up at random, up to a number of pods.

Their requests are sized so that the workers are well utilized.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from kubesim.inventory.workloads import Workload
from kubesim.model.instancetypes import GPU
from kubesim.model.podtemplates import ContainerTemplate, PodTemplate, ResourceList
from kubesim.model.state import (
    NodeState,
    Stage,
)
from kubesim.quantities import CPU, MEMORY, canonical
from kubesim.world.cluster import Cluster
from kubesim.world.controllers import pod_name
from kubesim.world.existingworkloads import CLUSTER_AGE, JOBS_KEPT, add_workload, random_time
from kubesim.world.nodelifecycle import evict

_MIB: Final = 1 << 20
_USED_PERCENT: Final = 62

_SUBJECTS: Final = (
    *("orders", "users", "billing", "invoice", "stock", "price", "report", "mail", "image", "video", "profile"),
    *("session", "event", "audit", "search", "feed", "review", "coupon", "refund", "parcel", "route", "fleet"),
)
_ROLES: Final = ("api", "worker", "web", "sync", "gateway", "consumer", "indexer", "proxy", "admin", "export")
_REGISTRIES: Final = ("ghcr.io/acme", "quay.io/acme", "registry.example.com:5000/apps", "docker.io/acme", "acme")
_SHARES: Final = (25, 50, 75, 100, 100, 150, 200)

_UNHEALTHY_STAGES: Final = (
    *(Stage.BACKOFF, Stage.BACKOFF, Stage.CRASHED, Stage.UNREADY, Stage.UNREADY, Stage.CREATING),
    *(Stage.PULL_BACKOFF, Stage.CONFIG_ERROR),
)
_UNHEALTHY_SHARE: Final = 0.02


def add_applications(cluster: Cluster, pods: int, now: datetime) -> None:
    """Adds applications until the cluster has `pods` pods, some of which are evicted ones."""
    evicted_pods = max(0, min(pods // 150, pods - cluster.pod_count)) if cluster.nodes else 0
    missing = pods - evicted_pods - cluster.pod_count
    if missing > 0:
        _add_model_servers(cluster, pods - evicted_pods, now)
        missing = pods - evicted_pods - cluster.pod_count
        spaces = _team_namespaces(cluster, max(3, min(300, missing // 120)), now)
        cores, memory = _mean_request(cluster, missing)
        largest = 9 if pods < 3000 else 60
        while (room := pods - evicted_pods - cluster.pod_count) > 0:
            template = _application_template(cluster, cores, memory)
            workload = _application(cluster, template, cluster.rng.choice(spaces), min(room, largest))
            add_workload(cluster, workload, pods - evicted_pods, now)
    _add_evicted_pods(cluster, evicted_pods, now)


def _add_model_servers(cluster: Cluster, pods: int, now: datetime) -> None:
    """Adds Deployments that request most GPUs of the cluster."""
    nodes = [node for node in cluster.nodes.values() if GPU in node.allocatable]
    while pods > cluster.pod_count and _unrequested(nodes, GPU) > 0:
        gpus = str(cluster.rng.choice((1, 1, 2)))
        requests = {"cpu": "4", "memory": "24Gi", GPU: gpus}
        image = f"nvcr.io/nvidia/tritonserver:25.{cluster.rng.randint(1, 9):02d}-py3"
        server = ContainerTemplate(
            name="server", image=image, requests=requests, limits={"memory": "32Gi", GPU: gpus}
        )
        template = PodTemplate(
            app=f"{cluster.rng.choice(_SUBJECTS)}-model-{cluster.suffix(3)}",
            containers=(server,),
            tolerated_taints=(GPU,),
        )
        replicas = min(cluster.rng.randint(1, 6), pods - cluster.pod_count)
        workload = Workload(kind="Deployment", namespace="ml", template=template, replicas=replicas)
        add_workload(cluster, workload, pods, now)


def _team_namespaces(cluster: Cluster, count: int, now: datetime) -> list[str]:
    names = [f"{_SUBJECTS[i % len(_SUBJECTS)]}-{i // len(_SUBJECTS)}".removesuffix("-0") for i in range(count)]
    for name in names:
        cluster.add_namespace(name, {"team": name}, random_time(cluster, now - CLUSTER_AGE, now))
    return names


def _mean_request(cluster: Cluster, pods: int) -> tuple[int, int]:
    """The mean requests of `pods` more pods that bring the workers to _USED_PERCENT: millicores, MiB."""
    workers = [
        node for node in cluster.nodes.values() if not node.instance_type.taints or node.instance_type.pool == "spot"
    ]
    return (
        max(10, _unrequested(workers, CPU) // pods),
        max(16, _unrequested(workers, MEMORY) // _MIB // pods),
    )


def _unrequested(nodes: Iterable[NodeState], name: str) -> int:
    return sum(_USED_PERCENT * node.allocatable[name] // 100 - node.requested.get(name, 0) for node in nodes)


def _application_template(cluster: Cluster, cores: int, memory: int) -> PodTemplate:
    rng = cluster.rng
    subject, role = rng.choice(_SUBJECTS), rng.choice(_ROLES)
    tag = f"v{rng.randint(0, 6)}.{rng.randint(0, 30)}.{rng.randint(0, 9)}"
    cpu = canonical(CPU, max(5, cores * rng.choice(_SHARES) // 500 * 5))
    memory_text = canonical(MEMORY, max(8, memory * rng.choice(_SHARES) // 100) * _MIB)
    requests, limits = _application_resources(rng.random(), {"cpu": cpu, "memory": memory_text})
    main = ContainerTemplate(
        name=role,
        image=f"{rng.choice(_REGISTRIES)}/{subject}-{role}:{tag}",
        requests=requests,
        limits=limits,
    )
    sidecar = ContainerTemplate(
        name="otel-agent",
        image="docker.io/otel/opentelemetry-collector:0.136.0",
        requests={"cpu": "5m", "memory": "32Mi"},
        slim=True,
    )
    return PodTemplate(
        app=f"{subject}-{role}-{cluster.suffix(3)}",
        containers=(main, sidecar) if rng.random() < 0.15 else (main,),
        priority_class="production" if rng.random() < 0.2 else "",
    )


def _application_resources(draw: float, requests: ResourceList) -> tuple[ResourceList, ResourceList]:
    """Requests and limits in four common forms: none, equal, a limit of memory, no limits."""
    if draw < 0.05:
        return {}, {}
    if draw < 0.25:
        return requests, requests
    if draw < 0.8:
        return requests, {"memory": requests["memory"]}
    return requests, {}


def _application(cluster: Cluster, template: PodTemplate, namespace: str, most: int) -> Workload:
    draw = cluster.rng.random()
    replicas = min(most, cluster.rng.randint(2, max(2, most)))
    if draw < 0.08 and most > JOBS_KEPT:
        template = replace(template, restart_policy="Never")
        return Workload(kind="CronJob", namespace=namespace, template=template)
    is_unhealthy = cluster.rng.random() < _UNHEALTHY_SHARE * replicas
    stages = (cluster.rng.choice(_UNHEALTHY_STAGES),) if is_unhealthy else ()
    kind = "StatefulSet" if draw < 0.16 else "Deployment"
    return Workload(
        kind=kind,
        namespace=namespace,
        template=template,
        replicas=replicas,
        stages=stages,
        old_replica_sets=cluster.rng.randint(0, 1),
    )


def _add_evicted_pods(cluster: Cluster, count: int, now: datetime) -> None:
    """Adds evicted pods of ReplicaSets."""
    sets = [owner for owner in cluster.all_owners() if owner.kind == "ReplicaSet" and owner.pods]
    nodes = list(cluster.nodes.values())
    for _ in range(count if sets else 0):
        owner = cluster.rng.choice(sets)
        pod = cluster.add_pod(owner, pod_name(cluster, owner), random_time(cluster, owner.created, now))
        # It was evicted before other pods were bound, so its requests need not fit now.
        cluster.bind(pod, cluster.rng.choice(nodes), Stage.RUNNING, pod.created)
        evict(cluster, pod, random_time(cluster, pod.created, now))
