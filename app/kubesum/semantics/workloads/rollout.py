"""How far an owner has come with what its spec asks for, judged by its spec and status alone.

Deployments, StatefulSets and DaemonSets are judged as `kubectl rollout status` does
(kubectl/pkg/polymorphichelpers/rollout_status.go, Kubernetes 1.37) and as Argo CD does
(gitops-engine/pkg/health/health_*.go). Where the two differ, or say less than the spec asks for, what is reported
here is the stricter: an owner whose status describes an older spec, or whose pods are not available yet, is rolling.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from kubesum.kube.objects.apps import DaemonSet, Replicated
from kubesum.kube.objects.batch import CronJob, Job, JobSpec, JobStatus
from kubesum.kube.objects.meta import Condition

_INDEXES: Final = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_ON_DELETE: Final = "OnDelete"
_PROGRESS_DEADLINE: Final = "ProgressDeadlineExceeded"
"""kubernetes/pkg/controller/deployment/util/deployment_util.go, TimedOutReason."""


class Rollout(msgspec.Struct, frozen=True, gc=False):
    """The state of an owner without its pods."""

    rolling: bool = False
    """The spec is not observed yet, or pods that it asks for are missing, old or not available."""
    idle: bool = False
    """The owner wants no pods, and is not rolling."""
    failed: bool = False
    """The controller reports that it does not get any further."""


def deployment_rollout(view: Replicated) -> Rollout:
    """DeploymentStatusViewer.Status; a condition that is about an older spec does not count."""
    desired, status = view.spec.replicas, view.status
    if _is_unobserved(view):
        return Rollout(rolling=True)
    is_outdated = status.updated_replicas < desired or status.replicas > status.updated_replicas
    rolling = is_outdated or status.available_replicas < status.updated_replicas
    return Rollout(
        rolling=rolling,
        # What is left over from scaling to 0 may still be rolling.
        idle=desired == 0 and not rolling,
        failed=any(one.type == "Progressing" and one.reason == _PROGRESS_DEADLINE for one in status.conditions),
    )


def statefulset_rollout(view: Replicated) -> Rollout:
    """StatefulSetStatusViewer.Status, and with minReadySeconds the pods must be available, not only ready.

    kubectl refuses OnDelete; Argo CD asks for ready pods only, since nobody rolls out the template.
    """
    desired, status = view.spec.replicas, view.status
    if status.observed_generation == 0 or _is_unobserved(view):
        return Rollout(rolling=True)
    # Without minReadySeconds both are equal, and servers before 1.22 report only the ready ones.
    serving = status.available_replicas if view.spec.min_ready_seconds > 0 else status.ready_replicas
    rolling = serving < desired or _has_old_pods(view)
    return Rollout(rolling=rolling, idle=desired == 0 and not rolling)


def _has_old_pods(view: Replicated) -> bool:
    strategy, status = view.spec.update_strategy, view.status
    if strategy.type == _ON_DELETE:
        return False
    if strategy.rolling_update is None:
        return status.update_revision != status.current_revision
    # Negative where the partition is beyond all pods.
    return status.updated_replicas < view.spec.replicas - strategy.rolling_update.partition


def daemonset_rollout(view: DaemonSet) -> Rollout:
    """DaemonSetStatusViewer.Status; with OnDelete, which kubectl refuses, the pods must be available."""
    status = view.status
    if view.metadata.generation > status.observed_generation:
        return Rollout(rolling=True)
    desired = status.desired_number_scheduled
    is_outdated = view.spec.update_strategy.type != _ON_DELETE and status.updated_number_scheduled < desired
    return Rollout(rolling=is_outdated or status.number_available < desired, idle=desired == 0)


def replicaset_rollout(view: Replicated) -> Rollout:
    """getAppsv1ReplicaSetHealth of Argo CD."""
    if _is_unobserved(view):
        return Rollout(rolling=True)
    desired, status = view.spec.replicas, view.status
    return Rollout(
        rolling=status.available_replicas < desired,
        idle=desired == 0,
        failed=is_true(status.conditions, "ReplicaFailure"),
    )


def job_rollout(view: Job) -> Rollout:
    """A Job that has what it wants but not its last condition yet is rolling, not idle."""
    status, wanted, completions = view.status, wanted_pods(view), _completions(view.spec)
    is_failed = is_true(status.conditions, "Failed") or is_true(status.conditions, "FailureTarget")
    has_succeeded = status.succeeded > 0 and status.active == 0 if completions is None else _is_reached(view)
    is_finishing = has_succeeded or is_true(status.conditions, "SuccessCriteriaMet")
    ready = status.active if status.ready is None else status.ready
    return Rollout(
        rolling=ready < wanted or is_finishing,
        idle=wanted == 0 and not is_finishing and not is_failed,
        failed=is_failed,
    )


def wanted_pods(view: Job) -> int:
    """How many pods of a Job are to run now: manageJob of kubernetes/pkg/controller/job/job_controller.go (1.36).

    No more than are left to complete; an index that has failed gets no other pod (firstPendingIndexes of
    indexed_job_utils.go). A work queue starts none after the first success.
    """
    status, completions = view.status, _completions(view.spec)
    parallelism = 1 if view.spec.parallelism is None else view.spec.parallelism
    if completions is None:
        return status.active if status.succeeded > 0 else parallelism
    return max(0, min(parallelism, completions - _ended_indexes(status)))


def _ended_indexes(status: JobStatus) -> int:
    return status.succeeded + _number_of_indexes(status.failed_indexes)


def _number_of_indexes(text: str) -> int:
    """How many indexes a text such as `1,3-5` names: parseIndexesFromString of indexed_job_utils.go."""
    return sum(int(last or first) - int(first) + 1 for first, last in _INDEXES.findall(text))


def _completions(spec: JobSpec) -> int | None:
    # Both are 1 where neither is given: SetDefaults_Job of kubernetes/pkg/apis/batch/v1/defaults.go.
    return 1 if spec.parallelism is None and spec.completions is None else spec.completions


def _is_reached(view: Job) -> bool:
    completions = _completions(view.spec)
    return completions is not None and 0 < completions <= _ended_indexes(view.status)


def cronjob_rollout(view: CronJob) -> Rollout:
    """Whether the last run failed, as far as the status of a CronJob alone says.

    resource_customizations/batch/CronJob/health.lua of Argo CD: nothing runs, and the last success is older than the
    last start.
    """
    status = view.status
    last, success = status.last_schedule_time, status.last_successful_time
    return Rollout(failed=not status.active and success is not None and last is not None and success < last)


def is_true(conditions: Sequence[Condition], type_: str) -> bool:
    """Whether the condition of a type is True."""
    return any(condition.type == type_ and condition.status == "True" for condition in conditions)


def _is_unobserved(view: Replicated) -> bool:
    return view.metadata.generation > view.status.observed_generation
