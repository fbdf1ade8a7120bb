"""Views of batch/v1: Jobs and CronJobs; k8s.io/api/batch/v1."""

import msgspec

from kubesum.kube.objects.meta import Condition, Metadata, Time, drop_zero_times


class CronJobSpec(msgspec.Struct, frozen=True, gc=False):
    """batchv1.CronJobSpec."""

    suspend: bool = False


class ActiveJob(msgspec.Struct, frozen=True, gc=False):
    """corev1.ObjectReference, as CronJobStatus.active holds it."""

    name: str = ""


class CronJobStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """batchv1.CronJobStatus."""

    active: tuple[ActiveJob, ...] = ()
    last_schedule_time: Time | None = None
    last_successful_time: Time | None = None

    def __post_init__(self) -> None:
        drop_zero_times(self, "last_schedule_time", "last_successful_time")


class CronJob(msgspec.Struct, frozen=True, gc=False):
    """batchv1.CronJob."""

    metadata: Metadata
    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()


class JobSpec(msgspec.Struct, frozen=True, gc=False):
    """batchv1.JobSpec; with `parallelism` alone, the success of any pod ends the Job (a work queue)."""

    suspend: bool = False
    parallelism: int | None = None
    completions: int | None = None


class JobStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """batchv1.JobStatus; `ready` is None before the first status, and from servers before Kubernetes 1.24.

    `failed_indexes` is there with backoffLimitPerIndex (KEP-3850) and has the form `1,3-5`.
    """

    active: int = 0
    ready: int | None = None
    succeeded: int = 0
    failed_indexes: str = ""
    completion_time: Time | None = None
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        drop_zero_times(self, "completion_time")


class Job(msgspec.Struct, frozen=True, gc=False):
    """batchv1.Job."""

    metadata: Metadata
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()
