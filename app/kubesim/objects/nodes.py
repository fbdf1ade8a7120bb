"""The JSON of nodes."""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from kubesim.model.instancetypes import Taint
from kubesim.model.state import NodeState
from kubesim.objects.managedfields import managed, owned_fields
from kubesim.objects.parts import image_id, stamp
from kubesim.quantities import canonical_list
from kubesim.store.store import JsonObject


def node_manifest(node: NodeState) -> JsonObject:
    """A Node as the API server returns it."""
    spec: JsonObject = {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]}
    spec["providerID"] = f"demo:///{node.zone}/{node.name}"
    if node.taints:
        spec["taints"] = [_taint(taint, node) for taint in node.taints]
    if node.cordoned:
        spec["unschedulable"] = True
    status: JsonObject = {
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "capacity": canonical_list(node.instance_type.capacity),
        "allocatable": canonical_list(node.allocatable),
        "conditions": _conditions(node),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": _info(node),
        "images": [{"names": [image_id(image), image], "sizeBytes": size} for image, size in _PULLED],
    }
    created = stamp(node.created)
    metadata: JsonObject = {
        "name": node.name,
        "uid": node.uid,
        "creationTimestamp": created,
        "labels": dict(sorted(node.labels.items())),
        "annotations": {
            "node.alpha.kubernetes.io/ttl": "0",
            "volumes.kubernetes.io/controller-managed-attach-detach": "true",
        },
    }
    metadata["managedFields"] = [
        managed("kubelet", "v1", created, {"f:metadata": owned_fields({"labels": node.labels})}),
        managed("kubelet", "v1", stamp(node.transitioned_at), {"f:status": owned_fields(status)})
        | {"subresource": "status"},
    ]
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec, "status": status}


_PULLED: Final = (
    ("registry.k8s.io/etcd:3.6.5-0", 22871747),
    ("quay.io/cilium/cilium:v1.18.2", 251348962),
    ("docker.io/istio/proxyv2:1.27.1", 98113024),
    ("registry.k8s.io/kube-proxy:v1.36.1", 25963904),
    ("registry.k8s.io/coredns/coredns:v1.13.1", 23553139),
    ("registry.k8s.io/pause:3.10.1", 320448),
)


def _taint(taint: Taint, node: NodeState) -> JsonObject:
    obj: JsonObject = {"key": taint.key, "effect": taint.effect}
    if taint.value:
        obj["value"] = taint.value
    if taint.key.startswith("node.kubernetes.io/"):
        obj["timeAdded"] = stamp(node.transitioned_at)
    return obj


def _conditions(node: NodeState) -> list[JsonObject]:
    lost = node.ready == "Unknown"
    no_pressure = {
        "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    }
    found = [_condition(node, kind, "Unknown" if lost else "False", *reason) for kind, reason in no_pressure.items()]
    memory = ("KubeletHasSufficientMemory", "kubelet has sufficient memory available")
    if node.memory_pressure:
        memory = ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
    pressure = "Unknown" if lost else str(node.memory_pressure)
    ready = {
        "True": ("KubeletReady", "kubelet is posting ready status"),
        "False": ("KubeletNotReady", "container runtime network not ready: NetworkReady=false"),
        "Unknown": ("NodeStatusUnknown", "Kubelet stopped posting node status."),
    }
    return [
        _condition(node, "MemoryPressure", pressure, *memory),
        *found,
        _condition(node, "Ready", node.ready, *ready[node.ready]),
    ]


def _condition(node: NodeState, kind: str, status: str, reason: str, message: str) -> JsonObject:
    if status == "Unknown":
        reason, message = "NodeStatusUnknown", "Kubelet stopped posting node status."
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": stamp(node.transitioned_at + timedelta(minutes=4)),
        "lastTransitionTime": stamp(node.transitioned_at),
        "reason": reason,
        "message": message,
    }


def _info(node: NodeState) -> JsonObject:
    identity = sha256(node.name.encode()).hexdigest()
    return {
        "machineID": identity[:32],
        "systemUUID": node.uid,
        "bootID": node.uid[::-1],
        "kernelVersion": "6.12.48-1-amd64",
        "osImage": "Debian GNU/Linux 13 (trixie)",
        "containerRuntimeVersion": "containerd://2.1.4",
        "kubeletVersion": node.version,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
