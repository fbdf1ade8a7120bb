"""The last Job of each CronJob that has ended.

Invariant: `of` gives the newest of the ended Jobs that are in the cache, whatever order they arrived in.
"""

from datetime import UTC, datetime
from typing import Final

from kubesum.semantics.facts import OwnerFacts
from kubesum.vocabulary.resource import Key

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


class LastJobs:
    """The ended Jobs of each CronJob."""

    def __init__(self) -> None:
        self._ended: Final[dict[str, dict[Key, OwnerFacts]]] = {}
        self._last: Final[dict[str, OwnerFacts]] = {}

    def of(self, uid: str) -> OwnerFacts | None:
        """The newest ended Job of the CronJob with this uid, None without one."""
        return self._last.get(uid)

    def change(self, old: OwnerFacts | None, new: OwnerFacts | None) -> set[str]:
        """A Job was created (`old` is None), changed or deleted (`new` is None); other owners are ignored.

        Returns the uids of the CronJobs that may have another last Job now.
        """
        before, after = _cronjob_uid(old), _cronjob_uid(new)
        if old is not None and before:
            self._remove(before, old)
        if new is not None and after:
            self._add(after, new)
        return {before, after} - {""}

    def _add(self, uid: str, job: OwnerFacts) -> None:
        self._ended.setdefault(uid, {})[job.namespace, job.name] = job
        last = self._last.get(uid)
        if last is None or _age(job) > _age(last):
            self._last[uid] = job

    def _remove(self, uid: str, job: OwnerFacts) -> None:
        jobs = self._ended[uid]
        del jobs[job.namespace, job.name]
        if not jobs:
            del self._ended[uid], self._last[uid]
        elif self._last[uid] is job:
            self._last[uid] = max(jobs.values(), key=_age)


def _cronjob_uid(job: OwnerFacts | None) -> str:
    """The uid of an ended Job's CronJob, else empty."""
    if job is None or job.ended is None or job.controller is None or job.controller.kind != "CronJob":
        return ""
    return job.controller.uid


def _age(job: OwnerFacts) -> tuple[datetime, str, str]:
    return job.created or _LONG_AGO, job.name, job.namespace
