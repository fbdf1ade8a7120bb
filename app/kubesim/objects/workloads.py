"""The JSON of workloads; their statuses are computed from the pods each time they are written."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kubesim.model.state import LAUNCHER, NodeState, Owner, PodState, Stage
from kubesim.objects.managedfields import managed, owned_fields
from kubesim.objects.parts import owner_reference, stamp
from kubesim.objects.pods import pod_template
from kubesim.store.store import JsonObject

PLURALS: Final = {
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "Job": "jobs",
    "CronJob": "cronjobs",
}
"""The resources of the owners that are stored; those of other kinds exist only in ownerReferences."""


@dataclass(frozen=True, slots=True)
class _Count:
    """The numbers of an owner's pods; `ready` counts active pods only."""

    active: int
    ready: int
    terminating: int
    succeeded: int
    failed: int


def _count(pods: Iterable[PodState]) -> _Count:
    active = ready = terminating = succeeded = failed = 0
    for pod in pods:
        active += pod.active
        ready += pod.active and pod.ready
        terminating += pod.deletion_timestamp is not None
        succeeded += pod.stage is Stage.SUCCEEDED
        failed += pod.stage in (Stage.FAILED, Stage.EVICTED)
    return _Count(active, ready, terminating, succeeded, failed)


def owner_manifest(owner: Owner, nodes: int) -> JsonObject:
    """A workload as the API server returns it; `nodes` is the number of nodes that a DaemonSet should run on."""
    spec = _SPECS[owner.kind](owner)
    status = _daemonset_status(owner, nodes) if owner.kind == "DaemonSet" else _STATUSES[owner.kind](owner)
    never_omitted = _NEVER_OMITTED.get(owner.kind, ())
    created = stamp(owner.created)
    metadata: JsonObject = {
        "name": owner.name,
        "namespace": owner.namespace,
        "uid": owner.uid,
        "generation": owner.revision,
        "creationTimestamp": created,
        "labels": owner.labels,
        "annotations": {"deployment.kubernetes.io/revision": str(owner.revision)},
    }
    if owner.parent and owner.parent.kind != LAUNCHER:
        parent = owner.parent
        reference = owner_reference(parent.api_version, parent.kind, parent.name, parent.uid)
        metadata["ownerReferences"] = [reference]
    metadata["managedFields"] = [
        managed("kube-controller-manager", owner.api_version, created, {"f:status": owned_fields(status)})
        | {"subresource": "status"}
    ]
    return {
        "apiVersion": owner.api_version,
        "kind": owner.kind,
        "metadata": metadata,
        "spec": spec,
        "status": {name: value for name, value in status.items() if value or name in never_omitted},
    }


_NEVER_OMITTED: Final = {
    "ReplicaSet": ("replicas",),
    "StatefulSet": ("replicas", "availableReplicas"),
    "DaemonSet": ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"),
}
"""The status fields that are present even if 0: those without omitempty in k8s.io/api/apps/v1."""


def _selector(owner: Owner) -> JsonObject:
    return {"matchLabels": {"app.kubernetes.io/name": owner.template.app}}


def _replicated_spec(owner: Owner) -> JsonObject:
    return {"replicas": owner.desired, "selector": _selector(owner), "template": pod_template(owner.template)}


def _deployment_spec(owner: Owner) -> JsonObject:
    return _replicated_spec(owner) | {
        "revisionHistoryLimit": 2,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    }


def _statefulset_spec(owner: Owner) -> JsonObject:
    return _replicated_spec(owner) | {"serviceName": owner.name, "podManagementPolicy": "OrderedReady"}


def _daemonset_spec(owner: Owner) -> JsonObject:
    return {"selector": _selector(owner), "template": pod_template(owner.template), "revisionHistoryLimit": 10}


def _job_spec(owner: Owner) -> JsonObject:
    return {
        "parallelism": owner.desired,
        "completions": owner.desired,
        "backoffLimit": 2,
        "suspend": owner.suspended,
        "template": pod_template(owner.template),
    }


def _cronjob_spec(owner: Owner) -> JsonObject:
    return {
        "schedule": "*/10 * * * *",
        "concurrencyPolicy": "Allow",
        "suspend": owner.suspended,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        "jobTemplate": {"spec": {"template": pod_template(owner.template)}},
    }


_SPECS: Final = {
    "Deployment": _deployment_spec,
    "ReplicaSet": _replicated_spec,
    "StatefulSet": _statefulset_spec,
    "DaemonSet": _daemonset_spec,
    "Job": _job_spec,
    "CronJob": _cronjob_spec,
}


def _deployment_status(owner: Owner) -> JsonObject:
    count, updated = _count(owner.all_pods()), _count(owner.current.pods.values())
    available = count.ready >= owner.desired - owner.desired // 4
    state = "ReplicaSetUpdated" if updated.ready < owner.desired else "NewReplicaSetAvailable"
    progress = "ProgressDeadlineExceeded" if owner.deadline_exceeded else state
    return {
        "observedGeneration": owner.revision,
        "replicas": count.active,
        "updatedReplicas": updated.active,
        "readyReplicas": count.ready,
        "availableReplicas": count.ready,
        "unavailableReplicas": max(0, owner.desired - count.ready),
        "terminatingReplicas": count.terminating,
        "conditions": [
            _condition(owner, "Available", available, f"MinimumReplicas{'A' if available else 'Una'}vailable"),
            _condition(owner, "Progressing", not owner.deadline_exceeded, progress),
        ],
    }


def _replicaset_status(owner: Owner) -> JsonObject:
    count = _count(owner.pods.values())
    return {
        "observedGeneration": owner.revision,
        "replicas": count.active,
        "fullyLabeledReplicas": count.active,
        "readyReplicas": count.ready,
        "availableReplicas": count.ready,
        "terminatingReplicas": count.terminating,
    }


def _statefulset_status(owner: Owner) -> JsonObject:
    count = _count(owner.pods.values())
    revision = f"{owner.name}-{owner.suffix}"
    return {
        "observedGeneration": owner.revision,
        "replicas": count.active,
        "readyReplicas": count.ready,
        "availableReplicas": count.ready,
        "currentReplicas": count.active,
        "updatedReplicas": count.active,
        "currentRevision": revision,
        "updateRevision": revision,
        "collisionCount": 0,
    }


def _daemonset_status(owner: Owner, nodes: int) -> JsonObject:
    count = _count(owner.pods.values())
    return {
        "observedGeneration": owner.revision,
        "currentNumberScheduled": count.active,
        "desiredNumberScheduled": nodes,
        "numberMisscheduled": 0,
        "numberReady": count.ready,
        "numberAvailable": count.ready,
        "numberUnavailable": max(0, nodes - count.ready),
        "updatedNumberScheduled": count.active,
    }


def _job_status(owner: Owner) -> JsonObject:
    count = _count(owner.pods.values())
    status: JsonObject = {
        "active": count.active,
        "ready": count.ready,
        "succeeded": count.succeeded,
        "failed": count.failed,
        "startTime": "" if owner.suspended else stamp(owner.created),
        "uncountedTerminatedPods": {},
    }
    if owner.suspended:
        return status | {"conditions": [_condition(owner, "Suspended", True, "JobSuspended")]}
    if not owner.outcome:
        return status
    if owner.outcome == "Complete" and owner.finished:
        status["completionTime"] = stamp(owner.finished)
    reason = {"Complete": "CompletionsReached", "Failed": "BackoffLimitExceeded"}[owner.outcome]
    return status | {"conditions": [_condition(owner, owner.outcome, True, reason)]}


def _cronjob_status(owner: Owner) -> JsonObject:
    active = [
        {"apiVersion": "batch/v1", "kind": "Job", "namespace": job.namespace, "name": job.name, "uid": job.uid}
        for job in owner.children
        if not job.outcome
    ]
    launched = owner.last_schedule or owner.created
    return {
        "active": active,
        "lastScheduleTime": stamp(launched),
        "lastSuccessfulTime": stamp(launched - timedelta(minutes=9)),
    }


_STATUSES: Final = {
    "Deployment": _deployment_status,
    "ReplicaSet": _replicaset_status,
    "StatefulSet": _statefulset_status,
    "Job": _job_status,
    "CronJob": _cronjob_status,
}


def _condition(owner: Owner, kind: str, holds: bool, reason: str) -> JsonObject:
    since = stamp(owner.finished or owner.created)
    return {
        "type": kind,
        "status": str(holds),
        "reason": reason,
        "message": f"{owner.kind} {owner.name}: {reason}",
        "lastProbeTime" if owner.kind == "Job" else "lastUpdateTime": since,
        "lastTransitionTime": since,
    }


def daemon_nodes(owner: Owner, nodes: Iterable[NodeState]) -> list[NodeState]:
    """The nodes that a DaemonSet should run on: those that its node selector matches."""
    required = owner.template.node_selector.items()
    return [node for node in nodes if required <= node.labels.items()]
