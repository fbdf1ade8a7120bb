"""The workloads that every simulated cluster has, as data.

Together they show every kind of owner, every way to ask for resources and every state a pod can be in; the rest
of a cluster is made of ordinary applications (see initialstate).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from kubesim.model.podtemplates import EVERY_TAINT, ContainerPlan, Plan
from kubesim.model.state import LAUNCHER, Stage
from kubesim.store.store import JsonObject

API_VERSIONS: Final = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Pod": "v1",
    "Node": "v1",
    "Rollout": "argoproj.io/v1alpha1",
    "Cluster": "postgres.example.com/v1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "EphemeralRunner": "actions.github.com/v1alpha1",
    LAUNCHER: "",
}

SYSTEM_NAMESPACES: Final[Mapping[str, Mapping[str, str]]] = {"default": {}, "kube-system": {}, "kube-public": {}}
TEAM_NAMESPACES: Final[Mapping[str, Mapping[str, str]]] = {
    "monitoring": {"team": "platform"},
    "payments": {"team": "payments", "cost-center": "4711", "pod-security.kubernetes.io/enforce": "restricted"},
    "shop": {"team": "shop", "cost-center": "4712"},
    "ml": {"team": "research", "cost-center": "4800"},
    "ci": {"team": "platform"},
    "data": {"team": "data", "cost-center": "4720"},
    "empty": {"team": "nobody"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Blueprint:
    """One workload of the inventory; its name is `plan.app`.

    `stages` are those of its first pods, the others run. `old_sets` counts earlier ReplicaSets, `terminating`
    the pods that are being deleted. A DaemonSet and a Node (static pods) have a pod per node that matches. Random
    events spare the pods of an `undisturbed` workload.
    """

    kind: str
    namespace: str
    plan: Plan
    replicas: int = 1
    stages: tuple[Stage, ...] = ()
    old_sets: int = 0
    terminating: int = 0
    suspended: bool = False
    stuck: bool = False
    undisturbed: bool = False


def installed(deployment: JsonObject) -> Blueprint:
    """The workload of a Deployment manifest; random events spare it, so that the extension server stays reachable."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    template = spec["template"]["spec"]
    plan = Plan(
        app=metadata["name"],
        containers=tuple(_installed_container(one) for one in template["containers"]),
        service_account=template["serviceAccountName"],
    )
    return Blueprint(
        kind="Deployment", namespace=metadata["namespace"], plan=plan, replicas=spec["replicas"], undisturbed=True
    )


def _installed_container(container: JsonObject) -> ContainerPlan:
    given = {name: value for name, value in container.items() if name not in ("name", "image", "resources")}
    resources = container["resources"]
    return ContainerPlan(
        name=container["name"],
        image=container["image"],
        requests=resources["requests"],
        limits=resources["limits"],
        slim=True,
        more=given,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ask:
    """Shorthand for what a container asks for: `cpu` and `memory` requested, and limits where they differ."""

    cpu: str = ""
    memory: str = ""
    cpu_limit: str = ""
    memory_limit: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def requests(self) -> dict[str, str]:
        asked = {"cpu": self.cpu, "memory": self.memory}
        return {name: text for name, text in asked.items() if text} | dict(self.more)

    @property
    def limits(self) -> dict[str, str]:
        asked = {"cpu": self.cpu_limit, "memory": self.memory_limit}
        # Requests and limits of extended resources and huge pages have to be equal.
        equal = {name: text for name, text in self.more.items() if name != "ephemeral-storage"}
        return {name: text for name, text in asked.items() if text} | equal


def _one(name: str, image: str, ask: _Ask = _Ask(), *, slim: bool = False) -> ContainerPlan:
    return ContainerPlan(name=name, image=image, requests=ask.requests, limits=ask.limits, slim=slim)


def _side(name: str, image: str, ask: _Ask) -> ContainerPlan:
    return ContainerPlan(name=name, image=image, requests=ask.requests, limits=ask.limits, sidecar=True, slim=True)


def _small(cpu: str, memory: str, limit: str = "") -> _Ask:
    return _Ask(cpu=cpu, memory=memory, memory_limit=limit)


def _equal(cpu: str, memory: str) -> _Ask:
    return _Ask(cpu=cpu, memory=memory, cpu_limit=cpu, memory_limit=memory)


_SYSTEM: Final = "kube-system"
_CRITICAL: Final = "system-node-critical"
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_GPU: Final = "nvidia.com/gpu"
_PROXY: Final = _side("istio-proxy", "docker.io/istio/proxyv2:1.27.1", _small("50m", "64Mi", "256Mi"))


def _static(name: str, cpu: str) -> Blueprint:
    image = f"registry.k8s.io/{name}:{'3.6.5-0' if name == 'etcd' else 'v1.36.1'}"
    plan = Plan(
        app=name,
        containers=(_one(name, image, _Ask(cpu=cpu, memory="100Mi" if name == "etcd" else "")),),
        priority_class=_CRITICAL,
        tolerates=(EVERY_TAINT,),
        host_network=True,
    )
    return Blueprint(kind="Node", namespace=_SYSTEM, plan=plan)


def _daemon(
    namespace: str, containers: tuple[ContainerPlan, ...], inits: tuple[ContainerPlan, ...] = ()
) -> Blueprint:
    plan = Plan(
        app=containers[0].name,
        containers=containers,
        inits=inits,
        priority_class=_CRITICAL,
        tolerates=(EVERY_TAINT,),
        host_network=True,
    )
    return Blueprint(kind="DaemonSet", namespace=namespace, plan=plan)


SYSTEM: Final = (
    _static("etcd", "100m"),
    _static("kube-apiserver", "250m"),
    _static("kube-controller-manager", "200m"),
    _static("kube-scheduler", "100m"),
    _daemon(_SYSTEM, (_one("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.1"),)),
    _daemon(
        _SYSTEM,
        (_one("cilium-agent", "quay.io/cilium/cilium:v1.18.2", _small("100m", "256Mi", "1Gi"), slim=True),),
        (
            _one("config", "quay.io/cilium/cilium:v1.18.2", slim=True),
            _one("mount-bpf-fs", "quay.io/cilium/cilium:v1.18.2", slim=True),
        ),
    ),
    _daemon(
        "monitoring",
        (_one("node-exporter", "quay.io/prometheus/node-exporter:v1.9.1", _small("20m", "48Mi", "96Mi")),),
    ),
    _daemon(
        _SYSTEM,
        (
            _one("ebs-csi-node", "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.48.0", slim=True),
            _one("node-driver-registrar", "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.15.0", slim=True),
        ),
    ),
    Blueprint(
        kind="DaemonSet",
        namespace=_SYSTEM,
        plan=Plan(
            app="nvidia-device-plugin",
            containers=(_one("plugin", "nvcr.io/nvidia/k8s-device-plugin:v0.17.4"),),
            tolerates=(EVERY_TAINT,),
            selects={"nvidia.com/gpu.present": "true"},
        ),
    ),
    Blueprint(
        kind="Deployment",
        namespace=_SYSTEM,
        replicas=2,
        old_sets=1,
        plan=Plan(
            app="coredns",
            containers=(_one("coredns", "registry.k8s.io/coredns/coredns:v1.13.1", _small("100m", "70Mi", "170Mi")),),
            priority_class="system-cluster-critical",
            tolerates=(_CONTROL_PLANE,),
        ),
    ),
)
"""What runs in every cluster; DaemonSets in the order in which small clusters do without."""


def _deployed(namespace: str, plan: Plan, replicas: int, *stages: Stage) -> Blueprint:
    return Blueprint(kind="Deployment", namespace=namespace, plan=plan, replicas=replicas, stages=stages, old_sets=1)


_PAYMENTS: Final = (
    _deployed(
        "payments",
        Plan(
            app="ledger",
            containers=(_one("ledger", "ghcr.io/acme/ledger:v4.7.1", _small("500m", "256Mi", "512Mi")),),
            inits=(_one("migrate", "ghcr.io/acme/ledger-migrations:v4.7.1", _small("1", "128Mi"), slim=True),),
            priority_class="production",
        ),
        3,
        Stage.BACKOFF,
    ),
    _deployed(
        "payments",
        Plan(
            app="gateway",
            containers=(_one("gateway", "registry.example.com:5000/payments/gateway:2.19", _equal("1", "1Gi")),),
            inits=(_PROXY,),
            priority_class="production",
        ),
        6,
        Stage.UNREADY,
    ),
    Blueprint(
        kind="Cluster",
        namespace="payments",
        replicas=3,
        plan=Plan(
            app="postgres",
            containers=(_one("postgres", "ghcr.io/cloudnative-pg/postgresql:17.6", _equal("2", "4Gi")),),
            inits=(_one("bootstrap", "ghcr.io/cloudnative-pg/cloudnative-pg:1.27.0", slim=True),),
            priority_class="production",
        ),
    ),
    Blueprint(
        kind="CronJob",
        namespace="payments",
        plan=Plan(
            app="settlement",
            containers=(_one("settlement", "ghcr.io/acme/settlement:v1.9.0", _small("250m", "256Mi", "512Mi")),),
            restart_policy="Never",
        ),
    ),
    Blueprint(
        kind="CronJob",
        namespace="payments",
        suspended=True,
        plan=Plan(
            app="archive",
            containers=(_one("archive", "ghcr.io/acme/archive:v0.8.3", _small("1", "1Gi")),),
            restart_policy="OnFailure",
        ),
    ),
)

_SHOP: Final = (
    _deployed(
        "shop",
        Plan(
            app="web",
            containers=(
                _one("web", "nginx", _small("100m", "128Mi", "256Mi")),
                _one("metrics", "docker.io/nginx/nginx-prometheus-exporter:1.5", _small("10m", "16Mi"), slim=True),
            ),
        ),
        8,
    ),
    _deployed(
        "shop",
        Plan(
            app="search",
            containers=(_one("search", "acme/search:latest", _small("500m", "1Gi", "2Gi")),),
            broken_image=True,
        ),
        3,
        Stage.PULL_BACKOFF,
        Stage.PULL_ERROR,
    ),
    Blueprint(
        kind="Rollout",
        namespace="shop",
        replicas=4,
        old_sets=1,
        plan=Plan(
            app="checkout",
            containers=(_one("checkout", "ghcr.io/acme/checkout:v12.0.3", _small("250m", "512Mi", "512Mi")),),
        ),
    ),
    Blueprint(
        kind="StatefulSet",
        namespace="shop",
        replicas=3,
        plan=Plan(
            app="cart",
            containers=(_one("redis", "library/redis:8.2", _equal("200m", "512Mi")),),
            inits=(_side("backup", "quay.io/acme/redis-backup:1.4", _small("20m", "64Mi")),),
        ),
    ),
    Blueprint(
        kind="ReplicaSet",
        namespace="shop",
        replicas=2,
        plan=Plan(app="legacy-feed", containers=(_one("feed", "quay.io/acme/feed@sha256:" + "5f" * 32),)),
    ),
    _deployed("shop", Plan(app="holiday-banner", containers=(_one("banner", "acme/banner:2025"),)), 0),
)

_ML: Final = (
    _deployed(
        "ml",
        Plan(
            app="inference",
            containers=(
                _one(
                    "server",
                    "nvcr.io/nvidia/tritonserver:25.08-py3",
                    _Ask(cpu="4", memory="16Gi", memory_limit="32Gi", more={_GPU: "1", "ephemeral-storage": "8Gi"}),
                ),
            ),
            inits=(_one("fetch-model", "docker.io/amazon/aws-cli:2.31.4", _small("500m", "1Gi"), slim=True),),
            tolerates=(_GPU,),
        ),
        3,
        Stage.INIT,
    ),
    Blueprint(
        kind="JobSet",
        namespace="ml",
        replicas=2,
        plan=Plan(
            app="train",
            containers=(
                _one(
                    "trainer",
                    "registry.example.com:5000/ml/trainer:nightly@sha256:" + "c3" * 32,
                    _Ask(cpu="6", memory="48Gi", more={_GPU: "4"}),
                ),
            ),
            inits=(_one("fetch-data", "docker.io/amazon/aws-cli:2.31.4", _small("1", "2Gi"), slim=True),),
            tolerates=(_GPU,),
            restart_policy="Never",
            priority_class="batch",
        ),
    ),
    _deployed(
        "ml",
        Plan(
            app="giant",
            containers=(_one("giant", "nvcr.io/nvidia/nemo:25.07", _Ask(cpu="8", memory="64Gi", more={_GPU: "16"})),),
            tolerates=(_GPU,),
        ),
        1,
        Stage.PENDING,
    ),
    Blueprint(
        kind="Job",
        namespace="ml",
        replicas=2,
        stages=(Stage.GATED, Stage.GATED),
        plan=Plan(
            app="sweep",
            containers=(_one("sweep", "ghcr.io/acme/sweep:0.3", _small("2", "8Gi")),),
            gate="kueue.x-k8s.io/admission",
            restart_policy="Never",
        ),
    ),
    Blueprint(
        kind="Job",
        namespace="ml",
        suspended=True,
        plan=Plan(
            app="export",
            containers=(_one("export", "ghcr.io/acme/export:1.0.0", _small("2", "8Gi")),),
            restart_policy="OnFailure",
        ),
    ),
    Blueprint(
        kind="Pod",
        namespace="ml",
        plan=Plan(
            app="notebook-ada",
            containers=(_one("notebook", "quay.io/jupyter/scipy-notebook:2025-09-15", _small("500m", "2Gi")),),
            overhead={"cpu": "250m", "memory": "160Mi"},
        ),
    ),
)

_DATA: Final = (
    Blueprint(
        kind="StatefulSet",
        namespace="data",
        replicas=3,
        stages=(Stage.RUNNING, Stage.RUNNING, Stage.INIT_BACKOFF),
        plan=Plan(
            app="kafka",
            containers=(_one("broker", "apache/kafka:4.1.0", _small("1", "4Gi", "4Gi"), slim=True),),
            inits=(
                _one("format-storage", "apache/kafka:4.1.0", _small("500m", "512Mi"), slim=True),
                _side("log-shipper", "cr.fluentbit.io/fluent/fluent-bit:4.1", _small("50m", "64Mi")),
                _one("await-quorum", "apache/kafka:4.1.0", _small("1500m", "256Mi"), slim=True),
            ),
        ),
    ),
    _deployed(
        "data",
        Plan(
            app="stream-join",
            containers=(
                _one("join", "ghcr.io/acme/stream-join:v3.2.0", _small("200m", "256Mi")),
                _one("state", "ghcr.io/acme/rocks:v1.0.0", slim=True),
            ),
            pod_requests={"cpu": "600m", "memory": "1Gi"},
            pod_limits={"cpu": "1200m", "memory": "2Gi"},
        ),
        2,
    ),
    _deployed(
        "data",
        Plan(
            app="growing",
            containers=(
                ContainerPlan(
                    name="growing",
                    image="ghcr.io/acme/growing:v1.1.0",
                    requests={"cpu": "100m", "memory": "256Mi"},
                    limits={"cpu": "1", "memory": "512Mi"},
                    allotted={"cpu": "500m", "memory": "256Mi"},
                ),
            ),
            resize="InProgress",
        ),
        2,
    ),
    _deployed(
        "data",
        Plan(
            app="too-big",
            containers=(
                ContainerPlan(
                    name="too-big",
                    image="ghcr.io/acme/growing:v1.1.0",
                    requests={"cpu": "400", "memory": "256Mi"},
                    limits={"cpu": "400", "memory": "512Mi"},
                    allotted={"cpu": "250m", "memory": "256Mi"},
                ),
            ),
            resize="Infeasible",
        ),
        1,
    ),
    _deployed(
        "data",
        Plan(
            app="buffer-pool",
            containers=(
                _one(
                    "pool",
                    "ghcr.io/acme/buffer-pool:v2",
                    _Ask(cpu="500m", memory="1Gi", memory_limit="1Gi", more={"hugepages-2Mi": "512Mi"}),
                ),
            ),
        ),
        2,
    ),
    _deployed(
        "data",
        Plan(app="cache-warmer", containers=(_one("warmer", "acme/warmer:0.1", _small("50m", "64Mi", "64Mi")),)),
        2,
        Stage.CRASHED,
    ),
)

_CI: Final = (
    Blueprint(
        kind="EphemeralRunner",
        namespace="ci",
        replicas=3,
        stages=(Stage.RUNNING, Stage.PARTIAL, Stage.CONFIG_ERROR),
        plan=Plan(
            app="runner-linux",
            containers=(
                _one("runner", "ghcr.io/actions/actions-runner:2.328.0", _small("500m", "1Gi")),
                _one("dind", "docker:28-dind", slim=True),
            ),
            restart_policy="Never",
        ),
    ),
    Blueprint(
        kind="Job",
        namespace="ci",
        stages=(Stage.FAILED,),
        plan=Plan(
            app="nightly-e2e",
            containers=(_one("e2e", "ghcr.io/acme/e2e:nightly", _small("1", "2Gi")),),
            restart_policy="Never",
        ),
    ),
    Blueprint(
        kind=LAUNCHER,
        namespace="ci",
        plan=Plan(
            app="image-build",
            containers=(_one("buildkit", "docker.io/moby/buildkit:v0.24.0", _small("1", "2Gi")),),
            restart_policy="Never",
        ),
    ),
    _deployed(
        "ci",
        Plan(app="sandbox", containers=(_one("shell", "alpine"),), debugger="busybox:latest"),
        3,
        Stage.RUNNING,
        Stage.CREATING,
    ),
    Blueprint(
        kind="StatefulSet",
        namespace="monitoring",
        replicas=2,
        plan=Plan(
            app="prometheus",
            containers=(
                _one("prometheus", "quay.io/prometheus/prometheus:v3.6.0", _small("500m", "4Gi", "8Gi")),
                _one("reloader", "quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0", slim=True),
            ),
        ),
    ),
    Blueprint(
        kind="Deployment",
        namespace="monitoring",
        replicas=1,
        stages=(Stage.PULL_BACKOFF,),
        stuck=True,
        old_sets=1,
        plan=Plan(
            app="alert-bridge",
            containers=(_one("bridge", "registry.example.com:5000/alert-bridge:v0.0.9-typo", _small("50m", "64Mi")),),
            broken_image=True,
        ),
    ),
)

APPLICATIONS: Final = (*_PAYMENTS, *_SHOP, *_ML, *_DATA, *_CI)
"""What the teams of a cluster run, besides the ordinary."""
