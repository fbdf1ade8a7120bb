"""The compact records that a simulated cluster consists of: nodes, owners and pods, which name each other.

A pod's state is small: a stage of its life and a few moments and counters; everything a client sees follows from
it and from the plan. Invariant: `NodeState.used` is the sum of what the active pods bound to the node reserve.
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
"""Somebody outside the cluster who submits Jobs: no object, and no owner of them."""

JOB_CREATORS: Final = frozenset({"CronJob", "JobSet", LAUNCHER})
ROLLING_KINDS: Final = frozenset({"Deployment", "Rollout"})
ORDINAL_KINDS: Final = frozenset({"StatefulSet", "Cluster"})


class Stage(Enum):
    """Where in its life a pod is; for most, the word that `kubectl get pods` shows."""

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
    """Why a container ended; without a reason clients show the signal or the exit code."""

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
    """One node; `ready` is the status of its condition Ready, `memory_pressure` that of MemoryPressure."""

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
        """Its own taints and those that the node controller puts for its problems."""
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
        """Counts an active pod in."""
        for name, value in requests.items():
            self.requested[name] = self.requested.get(name, 0) + value

    def release(self, requests: Amounts) -> None:
        """Counts a pod out that is no longer active, or gone."""
        for name, value in requests.items():
            self.requested[name] -= value

    def insufficient_resources(self, requests: Amounts) -> tuple[str, ...]:
        """The names of the resources of which too little is free."""
        return tuple(
            [
                name
                for name, value in requests.items()
                if value and value + self.requested.get(name, 0) > self.allocatable.get(name, 0)
            ]
        )


@dataclass(slots=True, eq=False, kw_only=True)
class Owner:
    """Something that owns pods, or owners of pods.

    One record serves every kind: a Deployment owns ReplicaSets, a CronJob owns Jobs, the others own pods.
    `desired` is how many pods there should be, for a Job how many have to succeed, and `baseline` what `desired`
    moves around. `suffix` is the value of the label that tells a ReplicaSet's pods from its siblings'.
    `outcome` of a Job is Complete, Failed or, while it runs, empty. Random events spare an `undisturbed` owner.
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
    last_launch: datetime | None = None

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
        """The labels of one of its pods, shared with its other pods where that is possible."""
        if self.kind not in ORDINAL_KINDS:
            return self.labels
        index = pod.name.rpartition("-")[2]
        return self.labels | {"statefulset.kubernetes.io/pod-name": pod.name, "apps.kubernetes.io/pod-index": index}

    @property
    def current(self) -> "Owner":
        """The ReplicaSet of a Deployment that has its present template."""
        return max(self.children, key=lambda child: child.revision)

    def all_pods(self) -> Iterator["PodState"]:
        """Its pods and those of its children."""
        yield from self.pods.values()
        for child in self.children:
            yield from child.all_pods()


@dataclass(slots=True, eq=False, kw_only=True)
class PodState:
    """One pod.

    `node` may have left the cluster: the pod is an orphan then. `transitioned_at` is when the present stage began;
    `finished_at` is when, and `termination` why, the main container ended last. `init_done` counts the finished init
    containers while the pod is initializing. `message` is the scheduler's, or the reason of an eviction.
    While there is an `unschedulable_reason`, the scheduler finds no node. `required_node` is the only node that a pod
    of a DaemonSet may be bound to.
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
        """Whether its owner counts it: neither finished nor being deleted."""
        return self.deletion_timestamp is None and self.stage not in FINISHED

    @property
    def ready(self) -> bool:
        """Whether its condition Ready holds."""
        return self.stage is Stage.RUNNING and not self.node_lost

    @property
    def holds_resources(self) -> bool:
        """Whether its node has to hold its resources free."""
        return self.node is not None and self.stage not in FINISHED
