"""Views of core/v1: pods, nodes, namespaces, ConfigMaps; k8s.io/api/core/v1."""

from typing import Literal

import msgspec

from kubesum.kube.objects.meta import Condition, Identified, ListMetadata, Metadata, Time, drop_zero_times

Quantities = dict[str, str | int | float]
"""A ResourceList as decoded. Servers send strings; hand-written YAML may hold numbers."""


class NamespaceIdentities(msgspec.Struct, frozen=True, gc=False):
    """A NamespaceList of which only the metadata are read."""

    kind: Literal["NamespaceList"]
    metadata: ListMetadata = ListMetadata()
    items: tuple[Identified, ...] | None = ()


class Resources(msgspec.Struct, frozen=True, gc=False):
    """corev1.ResourceRequirements; None where a list is absent, which is not the same as an empty one in a status."""

    requests: Quantities | None = None
    limits: Quantities | None = None


class Container(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.Container; in initContainers a restart_policy of Always makes it a sidecar."""

    name: str = ""
    image: str = ""
    restart_policy: str = ""
    resources: Resources = Resources()


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """corev1.ContainerStateWaiting."""

    reason: str = ""
    message: str = ""


class Running(msgspec.Struct, frozen=True, gc=False):
    """corev1.ContainerStateRunning."""


class Terminated(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.ContainerStateTerminated."""

    reason: str = ""
    exit_code: int = 0
    signal: int = 0
    finished_at: Time | None = None

    def __post_init__(self) -> None:
        drop_zero_times(self, "finished_at")


class ContainerState(msgspec.Struct, frozen=True, gc=False):
    """corev1.ContainerState: at most one of the three is there."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class ImageVolumeStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.ImageVolumeStatus."""

    image_ref: str = ""


class VolumeStatus(msgspec.Struct, frozen=True, gc=False):
    """corev1.VolumeStatus."""

    image: ImageVolumeStatus | None = None


class VolumeMountStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.VolumeMountStatus; of a volume that is an image it may have the digest."""

    name: str = ""
    volume_status: VolumeStatus | None = None


class ContainerStatus(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={
        "restart_count": "restartCount",
        "image_id": "imageID",
        "last_state": "lastState",
        "allocated_resources": "allocatedResources",
        "volume_mounts": "volumeMounts",
    },
):
    """corev1.ContainerStatus. `resources` are the actual ones; None if the kubelet reports none."""

    name: str = ""
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    image_id: str = ""
    state: ContainerState = ContainerState()
    last_state: ContainerState = ContainerState()
    allocated_resources: Quantities | None = None
    resources: Resources | None = None
    volume_mounts: tuple[VolumeMountStatus, ...] = ()


class ImageVolumeSource(msgspec.Struct, frozen=True, gc=False):
    """corev1.ImageVolumeSource (KEP-4639)."""

    reference: str = ""


class Volume(msgspec.Struct, frozen=True, gc=False):
    """corev1.Volume; `image` is None for one of another type."""

    name: str = ""
    image: ImageVolumeSource | None = None


class SchedulingGate(msgspec.Struct, frozen=True, gc=False):
    """corev1.PodSchedulingGate."""

    name: str = ""


class SchedulingGroup(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.PodSchedulingGroup (Kubernetes 1.36)."""

    pod_group_name: str = ""


class WorkloadReference(msgspec.Struct, frozen=True, gc=False):
    """corev1.WorkloadReference (Kubernetes 1.35, later SchedulingGroup)."""

    name: str = ""


class PodSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.PodSpec; `resources` are the pod-level ones (KEP-2837)."""

    node_name: str = ""
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    overhead: Quantities = {}
    resources: Resources = Resources()
    priority: int = 0
    priority_class_name: str = ""
    scheduler_name: str = ""
    runtime_class_name: str = ""
    service_account_name: str = ""
    scheduling_gates: tuple[SchedulingGate, ...] = ()
    scheduling_group: SchedulingGroup = SchedulingGroup()
    workload_ref: WorkloadReference | None = None


class ExtendedResourceRequest(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.ContainerExtendedResourceRequest: an extended resource of a container that a ResourceClaim provides."""

    container_name: str = ""
    resource_name: str = ""


class ExtendedResourceClaimStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.PodExtendedResourceClaimStatus (KEP-5004)."""

    request_mappings: tuple[ExtendedResourceRequest, ...] = ()


class PodStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.PodStatus; `resources` and `allocated_resources` are the sums over the pod (KEP-5419).

    `resize` is of Kubernetes before 1.33, which has conditions in its place.
    """

    phase: str = ""
    reason: str = ""
    qos_class: str = ""
    conditions: tuple[Condition, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()
    resources: Resources | None = None
    allocated_resources: Quantities | None = None
    resize: str = ""
    extended_resource_claim_status: ExtendedResourceClaimStatus | None = None


class Pod(msgspec.Struct, frozen=True, gc=False):
    """corev1.Pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Taint(msgspec.Struct, frozen=True, gc=False):
    """corev1.Taint."""

    effect: str = ""


class NodeSpec(msgspec.Struct, frozen=True, gc=False):
    """corev1.NodeSpec."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()


class NodeInfo(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.NodeSystemInfo."""

    kubelet_version: str = ""


class NodeStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """corev1.NodeStatus."""

    capacity: Quantities = {}
    allocatable: Quantities = {}
    conditions: tuple[Condition, ...] = ()
    node_info: NodeInfo = NodeInfo()


class Node(msgspec.Struct, frozen=True, gc=False):
    """corev1.Node."""

    metadata: Metadata
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class NamespaceStatus(msgspec.Struct, frozen=True, gc=False):
    """corev1.NamespaceStatus."""

    phase: str = ""


class Namespace(msgspec.Struct, frozen=True, gc=False):
    """corev1.Namespace."""

    metadata: Metadata
    status: NamespaceStatus = NamespaceStatus()


class ConfigMap(msgspec.Struct, frozen=True, gc=False):
    """corev1.ConfigMap without binaryData."""

    metadata: Metadata
    data: dict[str, str] = {}
