"""The transforms of owners: Deployment, StatefulSet, DaemonSet, ReplicaSet, CronJob and Job."""

from sys import intern
from typing import Final

import msgspec

from kubesum.kube.objects.apps import DaemonSet, Replicated
from kubesum.kube.objects.batch import CronJob, Job
from kubesum.kube.objects.meta import Metadata
from kubesum.semantics.facts import LastJob, OwnerFacts, Replicas
from kubesum.semantics.identity import checked_in_namespace
from kubesum.semantics.interner import Interner
from kubesum.semantics.workloads.owners import controller_of, reference
from kubesum.semantics.workloads.rollout import (
    Rollout,
    cronjob_rollout,
    daemonset_rollout,
    deployment_rollout,
    is_true,
    job_rollout,
    replicaset_rollout,
    statefulset_rollout,
    wanted_pods,
)

APPS: Final = "apps/v1"
BATCH: Final = "batch/v1"


def deployment_facts(view: Replicated, interner: Interner) -> OwnerFacts:
    """The facts of a Deployment; it has failed if its rollout exceeded the progress deadline. Raises ObjectError."""
    owner = _owner(view.metadata, APPS, "Deployment", interner)
    return msgspec.structs.replace(
        _with(owner, deployment_rollout(view)), replicas=_replicas(view), paused=view.spec.paused
    )


def statefulset_facts(view: Replicated, interner: Interner) -> OwnerFacts:
    """The facts of a StatefulSet; raises ObjectError."""
    owner = _owner(view.metadata, APPS, "StatefulSet", interner)
    return msgspec.structs.replace(_with(owner, statefulset_rollout(view)), replicas=_replicas(view))


def replicaset_facts(view: Replicated, interner: Interner) -> OwnerFacts:
    """The facts of a ReplicaSet, which has no updatedReplicas; raises ObjectError."""
    owner = _owner(view.metadata, APPS, "ReplicaSet", interner)
    replicas = msgspec.structs.replace(_replicas(view), updated=None)
    return msgspec.structs.replace(_with(owner, replicaset_rollout(view)), replicas=replicas)


def daemonset_facts(view: DaemonSet, interner: Interner) -> OwnerFacts:
    """The facts of a DaemonSet; raises ObjectError."""
    status = view.status
    return msgspec.structs.replace(
        _with(_owner(view.metadata, APPS, "DaemonSet", interner), daemonset_rollout(view)),
        replicas=Replicas(
            desired=status.desired_number_scheduled,
            current=status.current_number_scheduled,
            ready=status.number_ready,
            updated=status.updated_number_scheduled,
            available=status.number_available,
        ),
    )


def cronjob_facts(view: CronJob, interner: Interner) -> OwnerFacts:
    """The facts of a CronJob, which desires no number of pods; raises ObjectError."""
    owner = _with(_owner(view.metadata, BATCH, "CronJob", interner), cronjob_rollout(view))
    return msgspec.structs.replace(owner, suspended=view.spec.suspend)


def job_facts(view: Job, interner: Interner) -> OwnerFacts:
    """The facts of a Job; the desired number of pods is how many are to run now. Raises ObjectError."""
    status = view.status
    complete = is_true(status.conditions, "Complete")
    ended = _end(view, complete)
    return msgspec.structs.replace(
        _with(_owner(view.metadata, BATCH, "Job", interner), job_rollout(view)),
        replicas=Replicas(desired=wanted_pods(view), current=status.active, ready=status.ready),
        # A Job that has ended can still be suspended, which means nothing.
        suspended=view.spec.suspend and ended is None,
        complete=complete,
        ended=ended,
    )


def _end(view: Job, complete: bool) -> LastJob | None:
    if not complete and not is_true(view.status.conditions, "Failed"):
        return None
    return LastJob(view.metadata.name, "Complete" if complete else "Failed", view.status.completion_time)


def _owner(metadata: Metadata, api_version: str, kind: str, interner: Interner) -> OwnerFacts:
    checked_in_namespace(metadata)
    name = intern(metadata.name)
    return OwnerFacts(
        namespace=intern(metadata.namespace),
        name=name,
        uid=metadata.uid,
        created=metadata.creation_timestamp,
        labels=interner.labels(metadata.labels),
        ref=reference(api_version, kind, name, metadata.uid),
        controller=controller_of(metadata),
        replicas=Replicas(),
        deleting=metadata.deletion_timestamp is not None,
    )


def _replicas(view: Replicated) -> Replicas:
    status = view.status
    return Replicas(
        desired=view.spec.replicas,
        current=status.replicas,
        ready=status.ready_replicas,
        updated=status.updated_replicas,
        available=status.available_replicas,
    )


def _with(owner: OwnerFacts, rollout: Rollout) -> OwnerFacts:
    return msgspec.structs.replace(owner, rolling=rollout.rolling, idle=rollout.idle, failed=rollout.failed)
