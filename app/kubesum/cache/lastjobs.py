"""The last Job of each CronJob that has ended.

Invariant: `of` gives the newest of the ended Jobs that are in the cache, whatever order they arrived in.
"""

from datetime import UTC, datetime
from typing import Final

from kubesum.semantics.facts import OwnerFacts

CronJobId = tuple[str, str]
"""Namespace and uid: a Job may name a uid of another namespace, which is not its owner."""

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class LastJobs:
    """The ended Jobs of each CronJob."""

    def __init__(self) -> None:
        self._ended: Final[dict[CronJobId, dict[str, OwnerFacts]]] = {}
        self._last: Final[dict[CronJobId, OwnerFacts]] = {}

    def of(self, cronjob: CronJobId) -> OwnerFacts | None:
        """The newest ended Job of a CronJob, None without one."""
        return self._last.get(cronjob)

    def change(self, old: OwnerFacts | None, new: OwnerFacts | None) -> set[CronJobId]:
        """A Job was created (`old` is None), changed or deleted (`new` is None); other owners are ignored.

        Returns the CronJobs that may have another last Job now.
        """
        before, after = _cronjob_of(old), _cronjob_of(new)
        if old is not None and before is not None:
            self._remove(before, old)
        if new is not None and after is not None:
            self._add(after, new)
        return {one for one in (before, after) if one is not None}

    def _add(self, cronjob: CronJobId, job: OwnerFacts) -> None:
        self._ended.setdefault(cronjob, {})[job.name] = job
        last = self._last.get(cronjob)
        if last is None or _age(job) > _age(last):
            self._last[cronjob] = job

    def _remove(self, cronjob: CronJobId, job: OwnerFacts) -> None:
        jobs = self._ended[cronjob]
        del jobs[job.name]
        if not jobs:
            del self._ended[cronjob], self._last[cronjob]
        elif self._last[cronjob] is job:
            self._last[cronjob] = max(jobs.values(), key=_age)


def _cronjob_of(job: OwnerFacts | None) -> CronJobId | None:
    """The CronJob of an ended Job; None for any other owner."""
    if job is None or job.ended is None or job.controller is None or job.controller.kind != "CronJob":
        return None
    return (job.namespace, job.controller.uid) if job.controller.uid else None


def _age(job: OwnerFacts) -> tuple[datetime, str]:
    return job.created or _LONG_AGO, job.name
