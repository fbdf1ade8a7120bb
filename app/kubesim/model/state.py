"""The state of a simulated cluster in compact form: nodes, owners and pods, which refer to each other.

The state of a pod is its stage, some times and counters; its JSON follows from these and its template.
Invariant: `NodeState.requested` is the sum of the requests of the unfinished pods bound to the node.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final, NamedTuple

from kubesim.model.instancetypes import InstanceType, Taint
from kubesim.model.podtemplates import PodTemplate
from kubesim.quantities import Amounts

UNSCHEDULABLE: Final = "node.kubernetes.io/unschedulable"
UNREACHABLE: Final = "node.kubernetes.io/unreachable"
NOT_READY: Final = "node.kubernetes.io/not-ready"
MEMORY_PRESSURE: Final = "node.kubernetes.io/memory-pressure"

LAUNCHER: Final = "Launcher"
"""The kind of a client outside the cluster that creates Jobs; there is no such object, and it owns no Job."""

JOB_CREATORS: Final = frozenset({"CronJob", "JobSet", LAUNCHER})
ROLLING_KINDS: Final = frozenset({"Deployment", "Rollout"})
ORDINAL_KINDS: Final = frozenset({"StatefulSet", "Cluster"})


@dataclass(slots=True, eq=False, kw_only=True)
class NamespaceState:
    """One namespace; a terminating one has a `deletion_timestamp`."""

    name: str
    uid: str
    created: datetime
    labels: dict[str, str]
    deletion_timestamp: datetime | None = None


class Stage(Enum):
    """The stage of a pod in its lifecycle; most values are the STATUS of `kubectl get pods`."""

    PENDING = "Pending"
    GATED = "SchedulingGated"
    CREATING = "ContainerCreating"
    CONFIG_ERROR = "CreateContainerConfigError"
    PULL_ERROR = "ErrImagePull"
    PULL_BACKOFF = "ImagePullBackOff"
    INIT = "Init"
    INIT_ERROR = "Init:Error"
    INIT_BACKOFF = "Init:CrashLoopBackOff"
    UNREADY = "Running, not ready"
    RUNNING = "Running"
    CRASHED = "Error, to be restarted"
    BACKOFF = "CrashLoopBackOff"
    PARTIAL = "NotReady"
    SUCCEEDED = "Completed"
    FAILED = "Error"
    EVICTED = "Evicted"
    LOST = "Unknown"


FINISHED: Final = frozenset({Stage.SUCCEEDED, Stage.FAILED, Stage.EVICTED})
UNBOUND: Final = frozenset({Stage.PENDING, Stage.GATED})
INITIALIZING: Final = frozenset({Stage.INIT, Stage.INIT_ERROR, Stage.INIT_BACKOFF})


class Termination(NamedTuple):
    """How a container ended (ContainerStateTerminated); without a reason clients show the signal or exit code."""

    reason: str
    exit_code: int
    signal: int = 0


ERROR: Final = Termination("Error", 1)
OOM_KILLED: Final = Termination("OOMKilled", 137)
CANNOT_RUN: Final = Termination("ContainerCannotRun", 127)
EXIT_CODE: Final = Termination("", 2)
SIGNAL: Final = Termination("", 139, 11)


@dataclass(slots=True, eq=False, kw_only=True)
class NodeState:
    """One node; `ready` is the status of its condition Ready."""

    name: str
    uid: str
    created: datetime
    instance_type: InstanceType
    zone: str
    version: str
    address: str
    labels: dict[str, str]
    cordoned: bool = False
    ready: str = "True"
    memory_pressure: bool = False
    transitioned_at: datetime
    allocatable: Amounts = field(init=False)
    requested: Amounts = field(default_factory=dict)
    pods: dict[str, "PodState"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.allocatable = self.instance_type.allocatable

    @property
    def taints(self) -> tuple[Taint, ...]:
        """The taints of its instance type, and those that the node lifecycle controller adds for its conditions."""
        problems = {
            UNSCHEDULABLE: self.cordoned,
            UNREACHABLE: self.ready == "Unknown",
            NOT_READY: self.ready == "False",
            MEMORY_PRESSURE: self.memory_pressure,
        }
        added = [Taint(key, "", "NoSchedule") for key, holds in problems.items() if holds]
        if self.ready == "Unknown":
            added.append(Taint(UNREACHABLE, "", "NoExecute"))
        return (*self.instance_type.taints, *added)

    def reserve(self, requests: Amounts) -> None:
        """Adds the requests of a pod."""
        for name, value in requests.items():
            self.requested[name] = self.requested.get(name, 0) + value

    def release(self, requests: Amounts) -> None:
        """Subtracts the requests of a pod that has finished or was removed."""
        for name, value in requests.items():
            self.requested[name] -= value

    def insufficient_resources(self, requests: Amounts) -> tuple[str, ...]:
        """The names of the resources of which less is free than requested."""
        return tuple(
            [
                name
                for name, value in requests.items()
                if value and value + self.requested.get(name, 0) > self.allocatable.get(name, 0)
            ]
        )


@dataclass(slots=True, eq=False, kw_only=True)
class Owner:
    """An owner of pods, or of owners of pods, of any kind.

    A Deployment owns ReplicaSets and a CronJob owns Jobs, the others own pods.
    `desired` is the number of replicas, of a Job the completions; random scaling keeps it near `baseline`. `suffix`
    is the hash of the pod template or controller revision. `outcome` of a Job is Complete, Failed, or empty while it
    runs. Random events do not affect an `undisturbed` owner.
    """

    kind: str
    api_version: str
    namespace: str
    name: str
    uid: str
    created: datetime
    template: PodTemplate
    desired: int = 1
    baseline: int = 1
    parent: "Owner | None" = None
    children: list["Owner"] = field(default_factory=list)
    pods: dict[str, "PodState"] = field(default_factory=dict)
    suffix: str = ""
    revision: int = 1
    suspended: bool = False
    deadline_exceeded: bool = False
    undisturbed: bool = False
    outcome: str = ""
    finished: datetime | None = None
    removed: bool = False
    labels: dict[str, str] = field(init=False)
    last_schedule: datetime | None = None

    def __post_init__(self) -> None:
        self.labels = self._labels()

    def _labels(self) -> dict[str, str]:
        labels = {"app.kubernetes.io/name": self.template.app, "app.kubernetes.io/part-of": self.namespace}
        key = {"ReplicaSet": "pod-template-hash", "DaemonSet": "controller-revision-hash"}.get(self.kind)
        if key:
            labels[key] = self.suffix
        if self.kind == "Job":
            labels["batch.kubernetes.io/job-name"] = labels["job-name"] = self.name
        return labels

    def labels_of(self, pod: "PodState") -> dict[str, str]:
        """The labels of one of its pods; where they are equal, its pods share one dict."""
        if self.kind not in ORDINAL_KINDS:
            return self.labels
        index = pod.name.rpartition("-")[2]
        return self.labels | {"statefulset.kubernetes.io/pod-name": pod.name, "apps.kubernetes.io/pod-index": index}

    @property
    def current(self) -> "Owner":
        """The ReplicaSet of a Deployment with its current template."""
        return max(self.children, key=lambda child: child.revision)

    def all_pods(self) -> Iterator["PodState"]:
        """Its pods and those of its children."""
        yield from self.pods.values()
        for child in self.children:
            yield from child.all_pods()


@dataclass(slots=True, eq=False, kw_only=True)
class PodState:
    """One pod.

    Its `node` may be removed from the cluster; the pod is an orphan then. `transitioned_at` is when the stage began.
    `finished_at` and `termination` are those of the latest exit of the main container. `init_done` is the number of
    finished init containers while the pod initializes. `message` is that of the scheduler or of an eviction. With an
    `unschedulable_reason` no node fits. `required_node` is the only node that a pod of a DaemonSet may be bound to.
    """

    name: str
    uid: str
    owner: "Owner"
    template: PodTemplate
    created: datetime
    transitioned_at: datetime
    address: str
    stage: Stage = Stage.PENDING
    node: NodeState | None = None
    restarts: int = 0
    init_done: int = 0
    finished_at: datetime | None = None
    termination: Termination = ERROR
    message: str = ""
    unschedulable_reason: str = ""
    required_node: NodeState | None = None
    node_lost: bool = False
    deletion_timestamp: datetime | None = None
    removed: bool = False

    @property
    def active(self) -> bool:
        """Whether it is neither finished nor terminating (pkg/controller, IsPodActive)."""
        return self.deletion_timestamp is None and self.stage not in FINISHED

    @property
    def ready(self) -> bool:
        """Whether its condition Ready is True."""
        return self.stage is Stage.RUNNING and not self.node_lost

    @property
    def holds_resources(self) -> bool:
        """Whether its requests are reserved on its node."""
        return self.node is not None and self.stage not in FINISHED
