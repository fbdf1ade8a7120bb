"""Builds pods for tests from containers, each with its spec and status.

Everything is JSON as kube-apiserver accepts and serves it (k8s.io/api/core/v1/types.go). A Part is one container: its
spec, and its status unless the kubelet has not reported one yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.computation import JsonObject

Quantities = dict[str, str]

NAMESPACES = ("blue", "green")
STEADY = "steady-0"
RESIZING = "resizing"
DISPUTED = "disputed"
"""The node of pods whose resize Kubernetes counts differently since 1.37."""
RESIZING_PODS = "resizing-pods"
"""The node of pods whose pod-level resources are being resized."""
FRACTIONS = "fractions"
"""The node of pods that request fractions of a unit."""
ONE_CORE = "one-core"
"""A node of one core."""
LOST = "lost"
"""A node that does not exist."""

NODE_UID = "9d0a4b7e-3c55-4c3e-9a51-6b8f0e7c2d10"
"""Uid of every node: static pods refer to theirs by it."""
HOLD = "example.org/hold"
"""A finalizer, which keeps an object that is being deleted."""


@dataclass(frozen=True)
class Part:
    """One container: its spec, and its status, None before the kubelet reports one."""

    spec: JsonObject
    status: JsonObject | None


def time(moment: datetime) -> str:
    """A metav1.Time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def running(since: datetime) -> JsonObject:
    """ContainerState of a running container."""
    return {"running": {"startedAt": time(since)}}


def waiting(reason: str = "") -> JsonObject:
    """ContainerState of a container that does not run yet, or not again yet."""
    return {"waiting": {"reason": reason} if reason else {}}


def terminated(at: datetime, exit_code: int = 0, reason: str = "", signal: int = 0) -> JsonObject:
    """ContainerState of a container that has ended; containerd always gives a reason, other runtimes need not."""
    ended: JsonObject = {"exitCode": exit_code, "startedAt": time(at - timedelta(hours=1)), "finishedAt": time(at)}
    if reason:
        ended["reason"] = reason
    if signal:
        ended["signal"] = signal
    return {"terminated": ended}


def requirements(requests: Quantities | None = None, limits: Quantities | None = None) -> JsonObject:
    """ResourceRequirements."""
    return {key: value for key, value in (("requests", requests), ("limits", limits)) if value}


def container(name: str, state: JsonObject | None, *, desired: JsonObject | None = None, **status: object) -> Part:
    """An app container, or a plain init container; `status` are further fields of its status."""
    image = f"{name}:1"
    spec: JsonObject = {"name": name, "image": image, "resources": desired or {}}
    if state is None:
        return Part(spec, None)
    is_running = "running" in state
    return Part(
        spec,
        {
            "name": name,
            "image": image,
            "imageID": "",
            "ready": is_running,
            "started": is_running,
            "restartCount": 0,
            "state": state,
            **status,
        },
    )


def sidecar(name: str, state: JsonObject | None, *, desired: JsonObject | None = None, **status: object) -> Part:
    """An init container that keeps running beside the app containers."""
    part = container(name, state, desired=desired, **status)
    return replace(part, spec=part.spec | {"restartPolicy": "Always"})


def condition(kind: str, status: str, reason: str = "", message: str = "") -> JsonObject:
    """A PodCondition."""
    made: JsonObject = {"type": kind, "status": status}
    return made | {key: value for key, value in (("reason", reason), ("message", message)) if value}


def conditions(initialized: bool, ready: bool) -> list[JsonObject]:
    """The conditions of a pod on a node."""
    return [
        condition("PodScheduled", "True"),
        condition("Initialized", str(initialized)),
        condition("ContainersReady", str(ready)),
        condition("Ready", str(ready)),
    ]


SERVING = tuple(conditions(initialized=True, ready=True))
TROUBLED = tuple(conditions(initialized=True, ready=False))
STARTING = tuple(conditions(initialized=False, ready=False))
IN_PROGRESS = condition("PodResizeInProgress", "True")
DEFERRED = condition("PodResizePending", "True", "Deferred", "Node didn't have enough resource: cpu")
INFEASIBLE = condition("PodResizePending", "True", "Infeasible", "Node didn't have enough capacity: cpu")


@dataclass(frozen=True)
class Draft:
    """A pod to build; `node` is empty for an unscheduled one. `spec` and `status` are merged into the pod's."""

    name: str
    node: str
    phase: str = "Running"
    apps: Sequence[Part] = ()
    inits: Sequence[Part] = ()
    conditions: Sequence[JsonObject] = ()
    spec: JsonObject | None = None
    status: JsonObject | None = None
    deleted_at: datetime | None = None
    is_static: bool = False
    namespace: str = NAMESPACES[0]

    def pod(self) -> JsonObject:
        """The pod as JSON."""
        spec: JsonObject = {"containers": [part.spec for part in self.apps], "terminationGracePeriodSeconds": 30}
        status: JsonObject = {"phase": self.phase, "conditions": list(self.conditions)}
        if self.inits:
            spec["initContainers"] = [part.spec for part in self.inits]
        if self.node:
            spec["nodeName"] = self.node
        for field, parts in (("containerStatuses", self.apps), ("initContainerStatuses", self.inits)):
            if statuses := [part.status for part in parts if part.status is not None]:
                status[field] = statuses
        return {
            "metadata": self._metadata(),
            "spec": spec | (self.spec or {}),
            "status": status | (self.status or {}),
        }

    def _metadata(self) -> JsonObject:
        metadata: JsonObject = {"name": self.name, "namespace": self.namespace}
        if self.deleted_at is not None:
            metadata |= {
                "deletionTimestamp": time(self.deleted_at),
                "deletionGracePeriodSeconds": 30,
                "finalizers": [HOLD],
            }
        if self.is_static:
            node = {"apiVersion": "v1", "kind": "Node", "name": self.node, "uid": NODE_UID, "controller": True}
            metadata["annotations"] = {"kubernetes.io/config.mirror": "5f2c9a", "kubernetes.io/config.source": "file"}
            metadata["ownerReferences"] = [node]
        return metadata


def node(name: str, amounts: Quantities) -> JsonObject:
    """A ready node with these resources as its capacity and allocatable."""
    return {
        "metadata": {"name": name, "uid": NODE_UID, "creationTimestamp": "2026-01-02T03:04:05Z"},
        "spec": {},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.36.0"},
        },
    }
