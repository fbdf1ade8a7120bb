"""The transforms of owners: Deployment, StatefulSet, DaemonSet, ReplicaSet, CronJob and Job."""

from collections.abc import Sequence
from sys import intern
from typing import Final

import msgspec

from kubesum.kube.objects import Condition, CronJob, DaemonSet, Job, Metadata, Replicated
from kubesum.semantics.facts import OwnerFacts, Replicas
from kubesum.semantics.identity import checked_in_namespace
from kubesum.semantics.interner import Interner
from kubesum.semantics.workloads.owners import controller_of, reference

APPS: Final = "apps/v1"
BATCH: Final = "batch/v1"


def deployment_facts(view: Replicated, interner: Interner) -> OwnerFacts:
    """The facts of a Deployment; it has failed if its rollout exceeded the progress deadline. Raises ObjectError."""
    return msgspec.structs.replace(
        _owner(view.metadata, APPS, "Deployment", interner),
        replicas=_replicas(view),
        # kubernetes/pkg/controller/deployment/util/deployment_util.go, TimedOutReason.
        failed=any(
            one.type == "Progressing" and one.status == "False" and one.reason == "ProgressDeadlineExceeded"
            for one in view.status.conditions
        ),
    )


def statefulset_facts(view: Replicated, interner: Interner) -> OwnerFacts:
    """The facts of a StatefulSet; raises ObjectError."""
    return msgspec.structs.replace(_owner(view.metadata, APPS, "StatefulSet", interner), replicas=_replicas(view))


def replicaset_facts(view: Replicated, interner: Interner) -> OwnerFacts:
    """The facts of a ReplicaSet, which has no updatedReplicas; raises ObjectError."""
    return msgspec.structs.replace(
        _owner(view.metadata, APPS, "ReplicaSet", interner),
        replicas=msgspec.structs.replace(_replicas(view), updated=None),
    )


def daemonset_facts(view: DaemonSet, interner: Interner) -> OwnerFacts:
    """The facts of a DaemonSet; raises ObjectError."""
    status = view.status
    return msgspec.structs.replace(
        _owner(view.metadata, APPS, "DaemonSet", interner),
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
    return msgspec.structs.replace(_owner(view.metadata, BATCH, "CronJob", interner), suspended=view.spec.suspend)


def job_facts(view: Job, interner: Interner) -> OwnerFacts:
    """The facts of a Job; `spec.parallelism` is the desired number of pods. Raises ObjectError."""
    status = view.status
    return msgspec.structs.replace(
        _owner(view.metadata, BATCH, "Job", interner),
        replicas=Replicas(desired=view.spec.parallelism, current=status.active, ready=status.ready),
        suspended=view.spec.suspend,
        failed=_is_true(status.conditions, "Failed"),
        complete=_is_true(status.conditions, "Complete"),
    )


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


def _is_true(conditions: Sequence[Condition], type_: str) -> bool:
    return any(condition.type == type_ and condition.status == "True" for condition in conditions)
