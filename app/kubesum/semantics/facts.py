"""Facts: what kubesum keeps of each watched object.

A fact is a compact, immutable value; equal facts mean that nothing we serve has changed. Strings, label maps,
resource lists and contributions are interned, since thousands of pods share them. Nothing here holds what
changes without meaning: no resourceVersion, no heartbeat, no annotation.

`gc=False` keeps the garbage collector from walking every pod of a large cluster; it is safe because facts
never refer back to themselves.
"""

from datetime import datetime

import msgspec

from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import Key
from kubesum.vocabulary.tally import Contribution

Labels = dict[str, str]


class Replicas(msgspec.Struct, frozen=True, gc=False):
    """What an owner wants and has, in pods; None where its kind does not say."""

    desired: int | None = None
    current: int | None = None
    ready: int | None = None
    updated: int | None = None
    available: int | None = None


class WorkloadRef(msgspec.Struct, frozen=True, gc=False):
    """Who a pod runs for. `row` names its WorkloadSummary: a pure function of everything here but the uid."""

    api_version: str
    kind: str
    name: str
    uid: str
    row: str


class ContainerImage(msgspec.Struct, frozen=True, gc=False):
    """The use of one image by one container of a pod."""

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
    """What runs, `sha256:...`, from the container's status; empty until it is known."""
    floating: bool
    """The tag is `latest` or absent, and no digest pins the image."""
    init: bool
    pull_failing: bool


class PodState(msgspec.Struct, frozen=True, gc=False):
    """How a pod is and what it asks for: nothing of its own, so that all its equals share one."""

    active: bool
    phase: str
    reason: str
    """Displayed status, as `kubectl get pods` prints it."""
    reason_class: str
    """The reason without its variable part."""
    healthy: bool
    bad: bool
    """The reason is one of those that a human has to look at."""
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
    totals: Contribution
    """What such a pod adds to any group that counts it: see kubesum.semantics.pods.totals."""


class PodFacts(msgspec.Struct, frozen=True, gc=False):
    """One pod."""

    key: Key
    """Namespace and name: the one tuple that stores and rows share."""
    uid: str
    created: datetime | None
    labels: Labels
    node: str
    """Empty while unscheduled."""
    state: PodState
    last_restart: datetime | None
    owner: WorkloadRef
    """The immediate owner: the controller reference, a static pod's manifest, or the pod itself."""
    images: tuple[ContainerImage, ...]

    @property
    def namespace(self) -> str:
        """Namespace of the pod."""
        return self.key[0]


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod in its place: its facts and what other objects say about it."""

    facts: PodFacts
    workload: WorkloadRef
    """The topmost owner known."""
    zone: str | None
    """Zone of its node, empty where the node has none; None while there is no such node in the cache."""

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
        """How the pod is, what it asks for, and what it adds to every group."""
        return self.facts.state

    @property
    def orphaned(self) -> bool:
        """Active, and assigned to a node that does not exist."""
        return self.state.active and self.facts.node != "" and self.zone is None


class Usage(msgspec.Struct, frozen=True, gc=False):
    """What something uses, as `kubectl top` shows it."""

    cpu: int
    """Millicores."""
    memory: int
    """Bytes, in whole Mi."""


class Measurement(msgspec.Struct, frozen=True, gc=False):
    """What was measured of a pod or node, which is known by its name alone."""

    at: datetime
    """End of the time that was measured."""
    cpu: int
    """Millicores."""
    memory: int
    """Bytes, in whole Mi."""


class MeasuredPod(Pod, frozen=True, gc=False):
    """A pod in its place, and what it uses.

    It is a Pod, not one that refers to a Pod: that takes no more memory than the Pod alone.
    """

    usage: Usage | None
    """None while nothing is measured of it, and once it has finished."""


class NodeFacts(msgspec.Struct, frozen=True, gc=False):
    """One node."""

    name: str
    uid: str
    created: datetime | None
    labels: Labels
    zone: str
    ready: str
    """Status of the condition Ready: True, False or Unknown."""
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
    """A node, and what it uses: its pods, and what runs outside of them."""

    facts: NodeFacts
    usage: Usage | None
    """None while nothing is measured of it."""

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
    failed: bool = False
    complete: bool = False


class SourceFacts(msgspec.Struct, frozen=True, gc=False):
    """The state of one watched or polled kind."""

    resource: str
    synced: bool
    changed: datetime
    """When `synced` last changed."""
    optional: bool
    """Nothing is amiss where a cluster does not have it."""
