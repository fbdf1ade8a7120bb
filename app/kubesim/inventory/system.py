"""The workloads of the cluster itself: static pods of the control plane, DaemonSets, and CoreDNS."""

from collections.abc import Mapping
from typing import Final

from kubesim.inventory.containers import Resources, burstable, container
from kubesim.inventory.workloads import Workload
from kubesim.model.podtemplates import EVERY_TAINT, ContainerTemplate, PodTemplate

SYSTEM_NAMESPACES: Final[Mapping[str, Mapping[str, str]]] = {"default": {}, "kube-system": {}, "kube-public": {}}

_SYSTEM: Final = "kube-system"
_CRITICAL: Final = "system-node-critical"
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"


def _static(name: str, cpu: str) -> Workload:
    image = f"registry.k8s.io/{name}:{'3.6.5-0' if name == 'etcd' else 'v1.36.1'}"
    template = PodTemplate(
        app=name,
        containers=(container(name, image, Resources(cpu=cpu, memory="100Mi" if name == "etcd" else "")),),
        priority_class=_CRITICAL,
        tolerated_taints=(EVERY_TAINT,),
        host_network=True,
    )
    return Workload(kind="Node", namespace=_SYSTEM, template=template)


def _daemon(
    namespace: str, containers: tuple[ContainerTemplate, ...], init_containers: tuple[ContainerTemplate, ...] = ()
) -> Workload:
    template = PodTemplate(
        app=containers[0].name,
        containers=containers,
        init_containers=init_containers,
        priority_class=_CRITICAL,
        tolerated_taints=(EVERY_TAINT,),
        host_network=True,
    )
    return Workload(kind="DaemonSet", namespace=namespace, template=template)


SYSTEM: Final = (
    _static("etcd", "100m"),
    _static("kube-apiserver", "250m"),
    _static("kube-controller-manager", "200m"),
    _static("kube-scheduler", "100m"),
    _daemon(_SYSTEM, (container("kube-proxy", "registry.k8s.io/kube-proxy:v1.36.1"),)),
    _daemon(
        _SYSTEM,
        (container("cilium-agent", "quay.io/cilium/cilium:v1.18.2", burstable("100m", "256Mi", "1Gi"), slim=True),),
        (
            container("config", "quay.io/cilium/cilium:v1.18.2", slim=True),
            container("mount-bpf-fs", "quay.io/cilium/cilium:v1.18.2", slim=True),
        ),
    ),
    _daemon(
        "monitoring",
        (container("node-exporter", "quay.io/prometheus/node-exporter:v1.9.1", burstable("20m", "48Mi", "96Mi")),),
    ),
    _daemon(
        _SYSTEM,
        (
            container("ebs-csi-node", "public.ecr.aws/ebs-csi-driver/aws-ebs-csi-driver:v1.48.0", slim=True),
            container(
                "node-driver-registrar", "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.15.0", slim=True
            ),
        ),
    ),
    Workload(
        kind="DaemonSet",
        namespace=_SYSTEM,
        template=PodTemplate(
            app="nvidia-device-plugin",
            containers=(container("plugin", "nvcr.io/nvidia/k8s-device-plugin:v0.17.4"),),
            tolerated_taints=(EVERY_TAINT,),
            node_selector={"nvidia.com/gpu.present": "true"},
        ),
    ),
    Workload(
        kind="Deployment",
        namespace=_SYSTEM,
        replicas=2,
        old_replica_sets=1,
        template=PodTemplate(
            app="coredns",
            containers=(
                container("coredns", "registry.k8s.io/coredns/coredns:v1.13.1", burstable("100m", "70Mi", "170Mi")),
            ),
            priority_class="system-cluster-critical",
            tolerated_taints=(_CONTROL_PLANE,),
        ),
    ),
)
"""The workloads of every cluster; small clusters lack the later DaemonSets."""
