"""Parts of Kubernetes objects as decoded JSON, with all the fields that a real API server sends.

Results share nested values between calls, so callers must not modify them.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final

from kubesim.store.store import JsonObject

TOKEN_VOLUME: Final = "kube-api-access-7tq2m"  # noqa: S105 - the name of a volume, no secret

_TOLERATIONS: Final = tuple(
    {
        "key": f"node.kubernetes.io/{problem}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for problem in ("not-ready", "unreachable")
)
_VOLUMES: Final = (
    {"name": "config", "configMap": {"name": "app-config", "defaultMode": 420, "optional": False}},
    {
        "name": TOKEN_VOLUME,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {
                    "configMap": {
                        "name": "kube-root-ca.crt",
                        "items": [{"key": "ca.crt", "path": "ca.crt"}],
                    }
                },
                {
                    "downwardAPI": {
                        "items": [
                            {
                                "path": "namespace",
                                "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                            }
                        ]
                    }
                },
            ],
            "defaultMode": 420,
        },
    },
)
_MOUNTS: Final = (
    {"name": "config", "readOnly": True, "mountPath": "/etc/app"},
    {"name": TOKEN_VOLUME, "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
)


def _field(path: str) -> JsonObject:
    return {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}


def _secret(key: str) -> JsonObject:
    return {"secretKeyRef": {"name": "app-credentials", "key": key}}


_ENVIRONMENT: Final = (
    {"name": "POD_NAME", "valueFrom": _field("metadata.name")},
    {"name": "LOG_LEVEL", "value": "info"},
    {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://otel-collector.monitoring.svc.cluster.local:4317"},
    {"name": "DATABASE_HOST", "value": "postgres-rw.payments.svc.cluster.local"},
    {"name": "DATABASE_PASSWORD", "valueFrom": _secret("password")},
)
_SECURITY: Final = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
}


def _probe(path: str, period_s: int, failures: int) -> JsonObject:
    return {
        "httpGet": {"path": path, "port": "http", "scheme": "HTTP"},
        "timeoutSeconds": 2,
        "periodSeconds": period_s,
        "successThreshold": 1,
        "failureThreshold": failures,
    }


_FULL: Final = {
    "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
    "env": list(_ENVIRONMENT),
    "volumeMounts": list(_MOUNTS),
    "livenessProbe": _probe("/healthz", 20, 3),
    "readinessProbe": _probe("/readyz", 10, 3),
    "securityContext": _SECURITY,
}
_SLIM: Final = {"volumeMounts": [_MOUNTS[-1]]}


def stamp(moment: datetime) -> str:
    """A time as metav1.Time writes it, in whole seconds of UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


@lru_cache(maxsize=4096)
def image_id(image: str) -> str:
    """The imageID of a pulled image: repository and digest."""
    if "@" in image:
        return image
    repository = image.rpartition("/")[0] + "/" + image.rpartition("/")[2].partition(":")[0]
    if "/" not in image:
        repository = f"docker.io/library{repository}"
    return f"{repository}@sha256:{sha256(image.encode()).hexdigest()}"


def container_id(*parts: object) -> str:
    """A containerID; `parts` identify the container."""
    return f"containerd://{sha256('/'.join(map(str, parts)).encode()).hexdigest()}"


def container(
    name: str,
    image: str,
    requests: Mapping[str, str] = {},
    limits: Mapping[str, str] = {},
    *,
    slim: bool = False,
) -> JsonObject:
    """A container of a pod's spec; a slim one has no ports, probes or environment."""
    resources = {"requests": dict(requests), "limits": dict(limits)}
    return {
        "name": name,
        "image": image,
        "resources": {key: value for key, value in resources.items() if value},
        **(_SLIM if slim else _FULL),
        "args": [f"--component={name}"],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def running(since: datetime) -> JsonObject:
    """The state of a running container."""
    return {"running": {"startedAt": stamp(since)}}


def waiting(reason: str, message: str = "") -> JsonObject:
    """The state of a waiting container."""
    return {"waiting": {"reason": reason, "message": message} if message else {"reason": reason}}


def terminated(exit_code: int, reason: str, start: datetime, end: datetime, container: str = "") -> JsonObject:
    """The state of a terminated container; without a reason, clients show the exit code."""
    state: JsonObject = {"exitCode": exit_code, "startedAt": stamp(start), "finishedAt": stamp(end)}
    if reason:
        state["reason"] = reason
    if container:
        state["containerID"] = container
    return {"terminated": state}


def container_status(name: str, image: str, state: JsonObject, restarts: int = 0) -> JsonObject:
    """The status of a container, which is ready and started if it runs."""
    runs = "running" in state
    return {
        "name": name,
        "state": state,
        "lastState": {},
        "ready": runs,
        "started": runs,
        "restartCount": restarts,
        "image": image,
        "imageID": "" if "waiting" in state else image_id(image),
    }


def condition(kind: str, holds: bool, when: datetime, reason: str = "", message: str = "") -> JsonObject:
    """A condition of a pod."""
    result: JsonObject = {
        "type": kind,
        "status": "True" if holds else "False",
        "observedGeneration": 1,
        "lastProbeTime": None,
        "lastTransitionTime": stamp(when),
    }
    if reason:
        result["reason"] = reason
    if message:
        result["message"] = message
    return result


def owner_reference(api_version: str, kind: str, name: str, uid: str) -> JsonObject:
    """The ownerReference to a controller."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_spec(containers: Iterable[JsonObject], more: Mapping[str, object] = {}) -> JsonObject:
    """A pod's spec with the defaults of the API server, which the fields in `more` replace."""
    return {
        "volumes": list(_VOLUMES),
        "containers": list(containers),
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "securityContext": {"fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "schedulerName": "default-scheduler",
        "tolerations": list(_TOLERATIONS),
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
        **more,
    }


def uid_text(bits: int) -> str:
    """128 bits as the text of a random UUID (version 4)."""
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"
