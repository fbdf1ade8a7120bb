"""The JSON of pods; what the pods of a template have in common is encoded once."""

from datetime import timedelta
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from kubesim.model.podtemplates import EVERY_TAINT, ContainerTemplate, PodTemplate
from kubesim.model.state import FINISHED, INITIALIZING, UNBOUND, PodState, Stage, Termination
from kubesim.objects.managedfields import claimed_fields, managed, owned_fields
from kubesim.objects.parts import (
    condition,
    container,
    container_id,
    container_status,
    image_id,
    owner_reference,
    pod_spec,
    running,
    stamp,
    terminated,
    waiting,
)
from kubesim.store.store import JsonObject

_PHASES: Final = {
    Stage.SUCCEEDED: "Succeeded",
    Stage.FAILED: "Failed",
    Stage.EVICTED: "Failed",
    Stage.LOST: "Unknown",
}
_WAITING: Final = UNBOUND | INITIALIZING | {Stage.CREATING, Stage.CONFIG_ERROR, Stage.PULL_ERROR, Stage.PULL_BACKOFF}


def pod_manifest(pod: PodState) -> JsonObject:
    """A Pod as the API server returns it; some parts are already encoded (msgspec.Raw)."""
    parts = _parts(pod.template.before_resize if pod.stage in UNBOUND else pod.template)
    labels = pod.owner.labels_of(pod)
    status = _status(pod)
    metadata: JsonObject = {
        "name": pod.name,
        "namespace": pod.owner.namespace,
        "uid": pod.uid,
        "generation": 1,
        "creationTimestamp": stamp(pod.created),
        "labels": labels,
        "annotations": parts.annotations
        | {
            "cni.projectcalico.org/containerID": container_id(pod.uid).rpartition("/")[2],
            "cni.projectcalico.org/podIP": f"{pod.address}/32",
        },
        "managedFields": [
            managed("kube-controller-manager", "v1", stamp(pod.created), parts.claimed),
            managed("kubelet", "v1", stamp(pod.transitioned_at), _status_fields(pod, status))
            | {"subresource": "status"},
        ],
    }
    if pod.name != pod.owner.name:
        metadata["generateName"] = f"{pod.owner.name}-"
    if reference := _reference(pod):
        metadata["ownerReferences"] = [reference]
    if pod.owner.kind == "Node":
        metadata["annotations"] |= {"kubernetes.io/config.mirror": pod.uid.replace("-", "")}
    if pod.deletion_timestamp:
        metadata["deletionTimestamp"] = stamp(pod.deletion_timestamp + timedelta(seconds=30))
        metadata["deletionGracePeriodSeconds"] = 30
    spec = parts.spec if pod.node is None else parts.spec | {"nodeName": pod.node.name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}


def _reference(pod: PodState) -> JsonObject | None:
    owner = pod.owner
    if owner.kind == "Pod":
        return None
    if owner.kind == "Node" and pod.node is not None:
        return owner_reference("v1", "Node", pod.node.name, pod.node.uid)
    return owner_reference(owner.api_version, owner.kind, owner.name, owner.uid)


class _Parts(NamedTuple):
    """The parts that the pods of a template share; containers, volumes and managed fields are encoded."""

    annotations: dict[str, str]
    spec: JsonObject
    claimed: msgspec.Raw


# Pods of a template are mostly written one after the other; an entry is about 6 KB.
@lru_cache(maxsize=4096)
def _parts(template: PodTemplate) -> _Parts:
    spec = _spec(template)
    annotations = {
        "checksum/config": image_id(template.containers[0].image)[-64:],
        "kubectl.kubernetes.io/restartedAt": "2026-01-12T09:14:07Z",
        "prometheus.io/scrape": "true",
    }
    described = {"annotations": annotations, "generateName": "", "labels": {"app.kubernetes.io/name": template.app}}
    claimed = claimed_fields(described, spec)
    for name in ("containers", "initContainers", "ephemeralContainers", "volumes", "tolerations"):
        if name in spec:
            spec[name] = _raw(spec[name])
    return _Parts(annotations, spec, _raw(claimed))


def pod_template(template: PodTemplate) -> JsonObject:
    """The spec.template of a workload; some parts are already encoded."""
    parts = _parts(template)
    labels = {"app.kubernetes.io/name": template.app}
    return {"metadata": {"labels": labels, "annotations": parts.annotations}, "spec": parts.spec}


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _spec(template: PodTemplate) -> JsonObject:
    more: JsonObject = {
        "restartPolicy": template.restart_policy,
        "schedulerName": template.scheduler,
        "serviceAccountName": template.service_account,
        "serviceAccount": template.service_account,
        "priority": _PRIORITIES[template.priority_class],
        "priorityClassName": template.priority_class,
        "initContainers": [_container(one) for one in template.init_containers],
        "ephemeralContainers": [_debugger(template)] if template.debug_image else [],
        "overhead": dict(template.overhead),
        "runtimeClassName": "kata-qemu" if template.overhead else "",
        "nodeSelector": dict(template.node_selector),
        "schedulingGates": [{"name": template.scheduling_gate}] if template.scheduling_gate else [],
        "hostNetwork": template.host_network,
        "resources": {},
    }
    if template.pod_requests:
        more["resources"] = {"requests": dict(template.pod_requests), "limits": dict(template.pod_limits)}
    given = {name: value for name, value in more.items() if value or name == "priority"}
    spec = pod_spec((_container(one) for one in template.containers), given)
    return spec | {"tolerations": [*_tolerations(template), *spec["tolerations"]]}


_PRIORITIES: Final = {
    "system-node-critical": 2000001000,
    "system-cluster-critical": 2000000000,
    "production": 100000,
    "batch": -100,
    "": 0,
}


def _tolerations(template: PodTemplate) -> list[JsonObject]:
    if EVERY_TAINT in template.tolerated_taints:
        return [{"operator": "Exists"}]
    return [{"key": key, "operator": "Exists", "effect": "NoSchedule"} for key in template.tolerated_taints]


def _container(one: ContainerTemplate) -> JsonObject:
    built = container(one.name, one.image, one.requests, one.limits, slim=one.slim) | dict(one.more)
    return built | {"restartPolicy": "Always"} if one.sidecar else built


def _debugger(template: PodTemplate) -> JsonObject:
    built = container(_DEBUGGER, template.debug_image, slim=True)
    return built | {"targetContainerName": template.containers[0].name}


_DEBUGGER: Final = "debugger-x2v8k"


def _status(pod: PodState) -> JsonObject:
    status: JsonObject = {
        "observedGeneration": 1,
        "phase": _PHASES.get(pod.stage) or ("Pending" if pod.stage in _WAITING else "Running"),
        "conditions": _conditions(pod),
        "qosClass": pod.template.qos_class,
    }
    if pod.stage is Stage.EVICTED:
        return status | {"reason": "Evicted", "message": pod.message, "startTime": stamp(pod.created)}
    if pod.stage in UNBOUND:
        return status
    if pod.stage is Stage.LOST or (pod.node_lost and pod.deletion_timestamp):
        status["reason"] = "NodeLost"
        status["message"] = "Node which was running the pod is unresponsive"
    address = pod.node.address if pod.node and pod.template.host_network else pod.address
    status |= {
        "hostIP": pod.node.address if pod.node else "",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": stamp(pod.created),
        "containerStatuses": [_app_status(pod, index) for index in range(len(pod.template.containers))],
    }
    if pod.template.init_containers:
        status["initContainerStatuses"] = [
            _init_status(pod, index) for index in range(len(pod.template.init_containers))
        ]
    if pod.template.debug_image:
        state = running(pod.transitioned_at)
        status["ephemeralContainerStatuses"] = [container_status(_DEBUGGER, pod.template.debug_image, state)]
    if pod.template.pod_requests:
        status["allocatedResources"] = dict(pod.template.pod_requests)
        status["resources"] = {"requests": dict(pod.template.pod_requests), "limits": dict(pod.template.pod_limits)}
    return status


def _conditions(pod: PodState) -> list[JsonObject]:
    if pod.stage is Stage.GATED:
        message = "Scheduling is blocked due to non-empty scheduling gates"
        return [condition("PodScheduled", False, pod.created, "SchedulingGated", message)]
    if pod.stage is Stage.PENDING:
        if not pod.message:
            return []
        return [condition("PodScheduled", False, pod.transitioned_at, "Unschedulable", pod.message)]
    initialized = pod.stage not in INITIALIZING and (
        pod.stage is not Stage.CREATING or not pod.template.init_containers
    )
    reason = "" if pod.ready else _UNREADY_REASONS.get(pod.stage, "ContainersNotReady")
    found = [
        condition("PodReadyToStartContainers", pod.stage not in (*FINISHED, Stage.CREATING), pod.created),
        condition("Initialized", initialized, pod.created),
        condition("Ready", pod.ready, pod.transitioned_at, reason),
        condition("ContainersReady", pod.ready, pod.transitioned_at, reason),
        condition("PodScheduled", True, pod.created),
    ]
    if pod.stage is Stage.EVICTED:
        found.insert(0, condition("DisruptionTarget", True, pod.transitioned_at, "TerminationByKubelet", pod.message))
    if pod.template.resize == "InProgress":
        found.append(condition("PodResizeInProgress", True, pod.transitioned_at))
    elif pod.template.resize:
        message = "Node didn't have enough resource: cpu"
        found.append(condition("PodResizePending", True, pod.transitioned_at, pod.template.resize, message))
    return found


_UNREADY_REASONS: Final = {Stage.SUCCEEDED: "PodCompleted", Stage.FAILED: "PodFailed"}


def _app_status(pod: PodState, index: int) -> JsonObject:
    template = pod.template.containers[index]
    state = _main_state(pod) if index == 0 else _other_state(pod)
    restarts = pod.restarts if index == 0 and pod.stage not in INITIALIZING else 0
    status = container_status(template.name, template.image, state, restarts)
    if index == 0 and pod.stage is Stage.UNREADY:
        status["ready"] = False
    if "waiting" not in state or restarts:
        status["containerID"] = container_id(pod.uid, template.name, restarts)
    if restarts and pod.finished_at:
        status["lastState"] = _ended(pod, pod.termination)
    return status | _allocation(template)


def _allocation(template: ContainerTemplate) -> JsonObject:
    """allocatedResources and resources of the status, which are equal here.

    See convertToAPIContainerStatuses of pkg/kubelet/kubelet_pods.go.
    """
    actual = dict(template.requests if template.allocated is None else template.allocated)
    if not actual:
        return {"resources": {}}
    resources = {"requests": actual, "limits": dict(template.limits)} if template.limits else {"requests": actual}
    return {"allocatedResources": actual, "resources": resources}


def _main_state(pod: PodState) -> JsonObject:
    if pod.stage is Stage.BACKOFF:
        name = pod.template.containers[0].name
        message = f"back-off 5m0s restarting failed container={name} pod={pod.name}_{pod.owner.namespace}({pod.uid})"
        return waiting("CrashLoopBackOff", message)
    if pod.stage in (Stage.CRASHED, Stage.FAILED):
        return _ended(pod, pod.termination)
    if pod.stage is Stage.PARTIAL:
        return _ended(pod, _COMPLETED)
    if pod.stage in _PROBLEMS:
        image = pod.template.containers[0].image
        return waiting(pod.stage.value, _PROBLEMS[pod.stage].format(image=image))
    return _other_state(pod)


_COMPLETED: Final = Termination("Completed", 0)
_PROBLEMS: Final = {
    Stage.CONFIG_ERROR: 'secret "app-credentials" not found',
    Stage.PULL_ERROR: 'failed to pull and unpack image "{image}": not found',
    Stage.PULL_BACKOFF: 'Back-off pulling image "{image}": ErrImagePull: not found',
}


def _other_state(pod: PodState) -> JsonObject:
    if pod.stage in (Stage.SUCCEEDED, Stage.FAILED):
        return _ended(pod, _COMPLETED)
    if pod.stage in _WAITING and pod.stage not in _PROBLEMS:
        return waiting("PodInitializing" if pod.template.init_containers else "ContainerCreating")
    return running(max(pod.created, pod.finished_at or pod.created) + timedelta(seconds=3))


def _ended(pod: PodState, termination: Termination) -> JsonObject:
    end = pod.finished_at or pod.transitioned_at
    state = terminated(termination.exit_code, termination.reason, pod.created, end, container_id(pod.uid, end))
    if termination.signal:
        state["terminated"]["signal"] = termination.signal
    return state


def _init_status(pod: PodState, index: int) -> JsonObject:
    template = pod.template.init_containers[index]
    current = pod.stage in INITIALIZING and index == pod.init_done
    restarts = pod.restarts if current else 0
    status = container_status(template.name, template.image, _init_state(pod, index), restarts)
    done = "terminated" in status["state"] and status["state"]["terminated"]["exitCode"] == 0
    status["ready"] = done or (template.sidecar and status["started"])
    # Of a plain init container `started` stays false: the next container starts only after it has finished.
    status["started"] = template.sidecar and status["started"]
    if restarts and pod.finished_at:
        status["lastState"] = _ended(pod, pod.termination)
    return status | _allocation(template) if template.sidecar else status


def _init_state(pod: PodState, index: int) -> JsonObject:
    done = pod.init_done if pod.stage in INITIALIZING else len(pod.template.init_containers)
    if pod.stage is Stage.CREATING or index > done:
        return waiting("PodInitializing")
    if index == done:
        return _current_init_state(pod)
    if pod.template.init_containers[index].sidecar and pod.stage not in FINISHED:
        return running(pod.created)
    return terminated(0, "Completed", pod.created, pod.created + timedelta(seconds=2))


def _current_init_state(pod: PodState) -> JsonObject:
    if pod.stage is Stage.INIT_ERROR:
        return _ended(pod, pod.termination)
    if pod.stage is Stage.INIT_BACKOFF:
        return waiting("CrashLoopBackOff", "back-off 40s restarting failed container")
    return running(pod.created)


def _status_fields(pod: PodState, status: JsonObject) -> msgspec.Raw:
    kinds = tuple([one["type"] for one in status["conditions"]])
    return _status_shape(tuple(status), kinds, pod.address if "podIP" in status else "")


@lru_cache(maxsize=256)
def _shape_of(names: tuple[str, ...], kinds: tuple[str, ...]) -> bytes:
    blank = {"status": "", "lastTransitionTime": "", "observedGeneration": 1, "lastProbeTime": None}
    conditions = [{"type": kind, **blank} for kind in kinds]
    shape: JsonObject = {name: "" for name in names} | {"conditions": conditions, "podIPs": [{"ip": _ADDRESS}]}
    return msgspec.json.encode({"f:status": owned_fields(shape)})


_ADDRESS: Final = "<address>"


def _status_shape(names: tuple[str, ...], kinds: tuple[str, ...], address: str) -> msgspec.Raw:
    return msgspec.Raw(_shape_of(names, kinds).replace(_ADDRESS.encode(), address.encode()))
