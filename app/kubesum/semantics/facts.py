"""Facts: the compact, immutable values that the cache stores in place of watched objects.

`WatchedResource.transform` makes them of decoded views, as a TransformFunc does in client-go. They leave out what
changes without any effect on summaries, such as resourceVersions, heartbeats and annotations that no definition may
read, so an update that gives equal facts changes nothing that is served. Strings, label maps, resource lists and
contributions are interned, since thousands of pods have equal ones.

`gc=False` excludes them from garbage collection, which would walk every pod of a large cluster. That is safe because
facts contain no reference cycles.
"""

from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import Key
from kubesum.vocabulary.tally import Contribution

Labels = dict[str, str]


class Replicas(msgspec.Struct, frozen=True, gc=False):
    """Numbers of pods in an owner's spec and status; None where its kind has no such field."""

    desired: int | None = None
    current: int | None = None
    ready: int | None = None
    updated: int | None = None
    available: int | None = None


class WorkloadRef(msgspec.Struct, frozen=True, gc=False):
    """A reference to the owner of pods. `row`, the name of its WorkloadSummary, depends on all fields but the uid."""

    api_version: str
    kind: str
    name: str
    uid: str
    row: str


class ImageUser(Enum):
    """What uses an image in a pod; the value is the field that counts it."""

    CONTAINER = "containers"
    """An app or ephemeral container."""
    INIT_CONTAINER = "initContainers"
    VOLUME = "volumes"
    """A volume with the files of an image or another artifact (KEP-4639)."""


class UsedImage(msgspec.Struct, frozen=True, gc=False):
    """The use of one image by one container or volume of a pod."""

    row: str
    """Name of the ImageSummary."""
    image: str
    """Normalised reference: registry/repository:tag, registry/repository@digest or both."""
    registry: str
    repository: str
    """Repository with its registry, `docker.io/library/nginx`."""
    tag: str
    """Empty where the reference has only a digest."""
    digest: str
    """Digest of the image in use, `sha256:...`, from the status of a container; empty until the status has it."""
    floating: bool
    """The tag is `latest` or absent, and no digest pins the image."""
    user: ImageUser
    pull_failures: int
    """Number of containers that wait because it can't be pulled: that container, or those that mount the volume."""


class Resize(msgspec.Struct, frozen=True, gc=False):
    """What the kubelet says of the resize of one pod."""

    pending: str = ""
    """Why it has not begun, such as Deferred or Infeasible; empty unless it is pending."""
    in_progress: bool = False
    """Amounts are allocated that the containers do not have yet; another resize may be pending meanwhile."""


class PodState(msgspec.Struct, frozen=True, gc=False):
    """State and resources of a pod; nothing that identifies the pod, so that pods in the same state share one."""

    active: bool
    phase: str
    reason: str
    """Displayed status, as `kubectl get pods` prints it."""
    reason_class: str
    """The reason without its variable part."""
    healthy: bool
    bad: bool
    """The phase is Unknown, or the reason one that needs attention, such as CrashLoopBackOff."""
    ready: bool
    ready_containers: int
    total_containers: int
    restarts: int
    last_termination_reason: str
    qos: str
    priority_class: str
    requests: ResourceList
    """Effective requests, with `pods: 1` for an active assigned pod."""
    limits: ResourceList
    pending: tuple[tuple[str, int], ...]
    """(reason, nodes) of a pod that the scheduler could not place."""
    resize: Resize
    counts: Contribution
    """What such a pod contributes to the counts of every group: see kubesum.semantics.pods.totals."""
    amounts: Contribution
    """What it contributes to requests and limits; pods with equal containers share it, whatever their state."""
    terminating: bool
    """It is being deleted."""
    priority: int
    scheduler: str
    """Name of its scheduler."""
    runtime_class: str
    service_account: str
    resources_left_out: int
    """How many resource names requests and limits leave out: see kubesum.semantics.pods.bounds."""


class PodFacts(msgspec.Struct, frozen=True, gc=False):
    """One pod."""

    key: Key
    """Namespace and name: one tuple, which the cache's indexes and the rows refer to as well."""
    uid: str
    created: datetime | None
    labels: Labels
    node: str
    """Empty while unscheduled."""
    state: PodState
    last_restart: datetime | None
    owner: WorkloadRef
    """The immediate owner: the controller reference, a static pod's manifest, or the pod itself."""
    images: tuple[UsedImage, ...]
    annotations: Labels = {}
    """Those that the server is set to read, for the keys of rollup definitions."""

    @property
    def namespace(self) -> str:
        """Namespace of the pod."""
        return self.key[0]


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Cpu and memory in use, rounded as `kubectl top` rounds them."""

    cpu: int
    """Millicores."""
    memory: int
    """Bytes, in whole Mi."""


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod's facts, joined with its workload, the zone of its node, and its usage."""

    facts: PodFacts
    workload: WorkloadRef
    """The topmost owner that the cache has, or a reference to it."""
    zone: str | None
    """Zone of its node, empty if the node has none; None while the node is not in the cache."""
    usage: Usage | None
    """None without a measurement, and for a finished pod."""

    @property
    def uid(self) -> str:
        """Uid of the pod."""
        return self.facts.uid

    @property
    def created(self) -> datetime | None:
        """creationTimestamp of the pod."""
        return self.facts.created

    @property
    def labels(self) -> Labels:
        """Labels of the pod."""
        return self.facts.labels

    @property
    def state(self) -> PodState:
        """State, resources and contribution of the pod."""
        return self.facts.state

    @property
    def orphaned(self) -> bool:
        """Active, and assigned to a node that does not exist."""
        return self.state.active and self.facts.node != "" and self.zone is None


class Measurement(msgspec.Struct, frozen=True, gc=False):
    """Usage of a pod or node from metrics.k8s.io, which names the pod or node but not its uid."""

    at: datetime
    """End of the measured window."""
    cpu: int
    """Millicores."""
    memory: int
    """Bytes, in whole Mi."""


class NodeFacts(msgspec.Struct, frozen=True, gc=False):
    """One node."""

    name: str
    uid: str
    created: datetime | None
    labels: Labels
    zone: str
    ready: str
    """Status of the condition Ready: True, False or Unknown."""
    reason: str
    """Displayed status, as `kubectl get nodes` prints it."""
    unschedulable: bool
    """Cordoned: spec.unschedulable."""
    roles: tuple[str, ...]
    problems: tuple[str, ...]
    taints: int
    tainted: bool
    """Some taint keeps pods away: NoSchedule or NoExecute."""
    kubelet_version: str
    capacity: ResourceList
    allocatable: ResourceList


class MeasuredNode(msgspec.Struct, frozen=True, gc=False):
    """A node's facts with its usage, which includes processes outside of pods."""

    facts: NodeFacts
    usage: Usage | None
    """None without a measurement."""

    @property
    def uid(self) -> str:
        """Uid of the node."""
        return self.facts.uid

    @property
    def created(self) -> datetime | None:
        """creationTimestamp of the node."""
        return self.facts.created

    @property
    def labels(self) -> Labels:
        """Labels of the node."""
        return self.facts.labels


class NamespaceFacts(msgspec.Struct, frozen=True, gc=False):
    """One namespace."""

    name: str
    uid: str
    created: datetime | None
    labels: Labels
    phase: str


class JoinedMember(msgspec.Struct, frozen=True, gc=False):
    """A member of a source with its namespace and its node; None while they are not in the cache, or it has none."""

    key: Key
    """Its own key: namespace and name."""
    member: Any
    """What the source holds; of a computed resource, a RowMember."""
    namespace: NamespaceFacts | None
    node: NodeFacts | None


class RowMember(msgspec.Struct, frozen=True, gc=False):
    """A row of a computed resource as a member of another one: its subject and its status."""

    subject: Any
    status: Any


class LastJob(msgspec.Struct, frozen=True, gc=False):
    """How a Job ended."""

    name: str
    result: str
    """Complete or Failed."""
    completed: datetime | None
    """status.completionTime, which only a complete Job has."""


class OwnerFacts(msgspec.Struct, frozen=True, gc=False):
    """One Deployment, StatefulSet, DaemonSet, CronJob, ReplicaSet or Job."""

    namespace: str
    name: str
    uid: str
    created: datetime | None
    labels: Labels
    ref: WorkloadRef
    """A reference to this very object."""
    controller: WorkloadRef | None
    """Its own controller reference."""
    replicas: Replicas
    suspended: bool = False
    """Suspended by its spec: a Job that has not ended, or a CronJob."""
    failed: bool = False
    """Its controller reports a failure; of a CronJob, its last Job failed."""
    complete: bool = False
    """A Job with the condition Complete."""
    paused: bool = False
    """A Deployment whose rollout is paused."""
    rolling: bool = False
    """The spec is not observed yet, or pods that it asks for are missing, old or not available."""
    idle: bool = False
    """It wants no pods, and is not rolling."""
    ended: LastJob | None = None
    """How a Job ended, or the last one of a CronJob that has; None before."""
    deleting: bool = False
    """It has a deletionTimestamp."""


class SourceFacts(msgspec.Struct, frozen=True, gc=False):
    """The state of one watched or polled resource."""

    resource: str
    synced: bool
    lost: datetime | None
    """When it stopped being synced; None while it is synced, and if it never was."""
    optional: bool
    """A cluster need not have it, so the condition Synced ignores it."""
