"""Views of Kubernetes objects: typed structs with only the fields that kubesum reads.

msgspec skips all other fields while it parses, which keeps an initial list of 20,000 pods cheap. Absent fields get
their Kubernetes default here, so that code which reads them need not check. A JSON null where a list or map belongs
does not fit a view; the decoder makes such objects fit (kube/fitting.py).
Names and shapes: k8s.io/api/core/v1, apps/v1, batch/v1, k8s.io/metrics/pkg/apis/metrics/v1 and v1beta1.
"""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

Quantities = dict[str, str | int | float]
"""A ResourceList as decoded. Servers send strings; hand-written YAML may hold numbers."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""A metav1.Time: RFC 3339 always names the zone, so that any two can be compared.

Some clients write Go's zero time, 0001-01-01T00:00:00Z, where there is none; metav1.Time itself is null then
(k8s.io/apimachinery/pkg/apis/meta/v1/time.go, MarshalJSON). The views hold None for it.
"""


def _drop_zero_times(view: msgspec.Struct, *names: str) -> None:
    for name in names:
        time = getattr(view, name)
        if time is not None and time.year == 1:
            msgspec.structs.force_setattr(view, name, None)


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """The annotations that kubesum reads."""

    mirror: str | None = msgspec.field(default=None, name="kubernetes.io/config.mirror")
    initial_events_end: str | None = msgspec.field(default=None, name="k8s.io/initial-events-end")


class OwnerReference(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.OwnerReference."""

    kind: str
    name: str
    uid: str = ""
    api_version: str = "v1"
    controller: bool = False


class Metadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.ObjectMeta."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = {}
    annotations: Annotations = Annotations()
    owner_references: tuple[OwnerReference, ...] = ()

    def __post_init__(self) -> None:
        _drop_zero_times(self, "creation_timestamp", "deletion_timestamp")


class ListMetadata(
    msgspec.Struct,
    frozen=True,
    gc=False,
    rename={"continue_": "continue", "resource_version": "resourceVersion"},
):
    """metav1.ListMeta."""

    resource_version: str = ""
    continue_: str = ""


class Identified(msgspec.Struct, frozen=True, gc=False):
    """An object of which only its metadata are read."""

    metadata: Metadata = Metadata()


class NamespaceIdentities(msgspec.Struct, frozen=True, gc=False):
    """A NamespaceList of which only the metadata are read."""

    kind: Literal["NamespaceList"]
    metadata: ListMetadata = ListMetadata()
    items: tuple[Identified, ...] | None = ()


class Condition(msgspec.Struct, frozen=True, gc=False):
    """The common part of PodCondition, NodeCondition, DeploymentCondition and JobCondition."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


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
        _drop_zero_times(self, "finished_at")


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


class RollingUpdate(msgspec.Struct, frozen=True, gc=False):
    """appsv1.RollingUpdateStatefulSetStrategy. kube-apiserver sets the default partition, 0."""

    partition: int = 0


class UpdateStrategy(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """appsv1.StatefulSetUpdateStrategy."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class ReplicatedSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The parts read of DeploymentSpec, StatefulSetSpec and ReplicaSetSpec; replicas defaults to 1.

    Only Deployments have `paused`, only StatefulSets `update_strategy`.
    """

    replicas: int = 1
    paused: bool = False
    min_ready_seconds: int = 0
    update_strategy: UpdateStrategy = UpdateStrategy()


class ReplicatedStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The parts read of the status of the same three; only StatefulSets have revisions."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    conditions: tuple[Condition, ...] = ()


class Replicated(msgspec.Struct, frozen=True, gc=False):
    """appsv1.Deployment, appsv1.StatefulSet or appsv1.ReplicaSet."""

    metadata: Metadata
    spec: ReplicatedSpec = ReplicatedSpec()
    status: ReplicatedStatus = ReplicatedStatus()


class DaemonSetUpdateStrategy(msgspec.Struct, frozen=True, gc=False):
    """appsv1.DaemonSetUpdateStrategy; its parameters are not read."""

    type: str = "RollingUpdate"


class DaemonSetSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """appsv1.DaemonSetSpec."""

    update_strategy: DaemonSetUpdateStrategy = DaemonSetUpdateStrategy()


class DaemonSetStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """appsv1.DaemonSetStatus."""

    observed_generation: int = 0
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0


class DaemonSet(msgspec.Struct, frozen=True, gc=False):
    """appsv1.DaemonSet."""

    metadata: Metadata
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


class CronJobSpec(msgspec.Struct, frozen=True, gc=False):
    """batchv1.CronJobSpec."""

    suspend: bool = False


class ActiveJob(msgspec.Struct, frozen=True, gc=False):
    """corev1.ObjectReference, as CronJobStatus.active holds it."""

    name: str = ""


class CronJobStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """batchv1.CronJobStatus."""

    active: tuple[ActiveJob, ...] = ()
    last_schedule_time: Time | None = None
    last_successful_time: Time | None = None

    def __post_init__(self) -> None:
        _drop_zero_times(self, "last_schedule_time", "last_successful_time")


class CronJob(msgspec.Struct, frozen=True, gc=False):
    """batchv1.CronJob."""

    metadata: Metadata
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()


class JobSpec(msgspec.Struct, frozen=True, gc=False):
    """batchv1.JobSpec; with `parallelism` alone, the success of any pod ends the Job (a work queue)."""

    suspend: bool = False
    parallelism: int | None = None
    completions: int | None = None


class JobStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """batchv1.JobStatus; `ready` is None before the first status, and from servers before Kubernetes 1.24.

    `failed_indexes` is there with backoffLimitPerIndex (KEP-3850) and has the form `1,3-5`.
    """

    active: int = 0
    ready: int | None = None
    succeeded: int = 0
    failed_indexes: str = ""
    completion_time: Time | None = None
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        _drop_zero_times(self, "completion_time")


class Job(msgspec.Struct, frozen=True, gc=False):
    """batchv1.Job."""

    metadata: Metadata
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class MetricsMetadata(msgspec.Struct, frozen=True, gc=False):
    """The part of metav1.ObjectMeta that names the measured object: metrics have no uid."""

    name: str = ""
    namespace: str = ""


class ContainerMetrics(msgspec.Struct, frozen=True, gc=False):
    """metricsv1beta1.ContainerMetrics."""

    usage: Quantities = {}


class PodMetrics(msgspec.Struct, frozen=True, gc=False):
    """metricsv1beta1.PodMetrics; the timestamp is the end of the window that was measured.

    It may be the zero time: a poll has tens of thousands of these, so that `semantics.usage` checks it.
    """

    metadata: MetricsMetadata
    timestamp: Time | None = None
    containers: tuple[ContainerMetrics, ...] = ()


class NodeMetrics(msgspec.Struct, frozen=True, gc=False):
    """metricsv1beta1.NodeMetrics; the timestamp is that of PodMetrics."""

    metadata: MetricsMetadata
    timestamp: Time | None = None
    usage: Quantities = {}


T = TypeVar("T")


class WatchEvent(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """metav1.WatchEvent with the view of one kind."""

    type: str
    object: T


class GroupVersion(msgspec.Struct, frozen=True, gc=False):
    """metav1.GroupVersionForDiscovery."""

    version: str = ""


class ApiGroup(msgspec.Struct, frozen=True, gc=False):
    """metav1.APIGroup."""

    versions: tuple[GroupVersion, ...] = ()


class Status(msgspec.Struct, frozen=True, gc=False):
    """metav1.Status of a failed request."""

    code: int = 0
    reason: str = ""
    message: str = ""


class ConfigMap(msgspec.Struct, frozen=True, gc=False):
    """corev1.ConfigMap without binaryData."""

    metadata: Metadata
    data: dict[str, str] = {}
