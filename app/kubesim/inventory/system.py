"""The workloads of the cluster itself: static pods of the control plane, DaemonSets, and CoreDNS."""

from collections.abc import Mapping
from typing import Final

from kubesim.inventory.containers import Resources, burstable, container
from kubesim.inventory.workloads import Workload
from kubesim.model.podtemplates import EVERY_TAINT, ContainerPlan, Plan

SYSTEM_NAMESPACES: Final[Mapping[str, Mapping[str, str]]] = {"default": {}, "kube-system": {}, "kube-public": {}}

_SYSTEM: Final = "kube-system"
_CRITICAL: Final = "system-node-critical"
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"


def _static(name: str, cpu: str) -> Workload:
    image = f"registry.k8s.io/{name}:{'3.6.5-0' if name == 'etcd' else 'v1.36.1'}"
    plan = Plan(
        app=name,
        containers=(container(name, image, Resources(cpu=cpu, memory="100Mi" if name == "etcd" else "")),),
        priority_class=_CRITICAL,
        tolerates=(EVERY_TAINT,),
        host_network=True,
    )
    return Workload(kind="Node", namespace=_SYSTEM, plan=plan)


def _daemon(namespace: str, containers: tuple[ContainerPlan, ...], inits: tuple[ContainerPlan, ...] = ()) -> Workload:
    plan = Plan(
        app=containers[0].name,
        containers=containers,
        inits=inits,
        priority_class=_CRITICAL,
        tolerates=(EVERY_TAINT,),
        host_network=True,
    )
    return Workload(kind="DaemonSet", namespace=namespace, plan=plan)


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
        plan=Plan(
            app="nvidia-device-plugin",
            containers=(container("plugin", "nvcr.io/nvidia/k8s-device-plugin:v0.17.4"),),
            tolerates=(EVERY_TAINT,),
            selects={"nvidia.com/gpu.present": "true"},
        ),
    ),
    Workload(
        kind="Deployment",
        namespace=_SYSTEM,
        replicas=2,
        old_sets=1,
        plan=Plan(
            app="coredns",
            containers=(
                container("coredns", "registry.k8s.io/coredns/coredns:v1.13.1", burstable("100m", "70Mi", "170Mi")),
            ),
            priority_class="system-cluster-critical",
            tolerates=(_CONTROL_PLANE,),
        ),
    ),
)
"""What runs in every cluster; DaemonSets in the order in which small clusters do without."""
