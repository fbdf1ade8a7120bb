"""What is known of the reading of each kind: whether its list was complete, and whether it is being followed now.

A watched kind has synced once its initial list was complete. It is fresh as long as its watch shows signs of life,
and stale otherwise; its objects stay either way. Rows are served once the kinds that they are computed from have
synced, and with a warning while one of them is stale.

A polled kind is optional: nothing waits for it, and nothing else is incomplete without it.

Times are monotonic: a wall clock that is set would make everything stale, or hide that it is.
"""

import asyncio
from collections.abc import Collection, Iterable
from typing import Any, Final

from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.vocabulary.resource import Key

SILENT_S: Final = 150.0
"""A watch without a sign of life for so long says nothing about now: servers send a bookmark every minute."""
FAILING_S: Final = 30.0
"""A server that does not answer for so long is not merely being restarted."""

Change = tuple[Key, Any]
"""(key, fact); a fact of None says that the object is deleted."""


class SyncState:
    """The state of one watched kind."""

    def __init__(self, resource: str) -> None:
        self.resource: Final = resource
        self.has_synced = False
        """Whether a list was complete."""
        self.denied: str | None = None
        """Why the server forbade the last attempt, None when it did not."""
        self.denied_since: float | None = None
        """Since when the server forbids it, in monotonic seconds; None while it does not."""
        self.synced_or_denied: Final = asyncio.Event()
        """Set once the kind has synced or was denied: nothing more can be expected soon."""
        self.is_final = False
        """Nothing changes any more: the kind was read from files."""
        self.last_event_at = 0.0
        """When the server last sent something, in monotonic seconds."""
        self._failing_since: float | None = None
        self._unconfirmed: set[Key] = set()
        """Keys known when a list began that it has not named so far; an initial list has none."""

    def changes(self, event: SourceEvent[Any], known: Collection[Key]) -> Iterable[Change]:
        """The changes of objects that an event of this kind means, given the keys `known` so far.

        Objects stay until a new list is complete; those that it did not name are deleted then.
        """
        match event:
            case ListStarted():
                self._unconfirmed = set(known)
            case Deltas(changes):
                if self._unconfirmed:
                    self._unconfirmed.difference_update(key for key, _ in changes)
                return changes
            case Synced():
                missing, self._unconfirmed = self._unconfirmed, set()
                self.has_synced = True
                self.synced_or_denied.set()
                return [(key, None) for key in missing]
            case WatchError(error, refused):
                self.denied = str(error) if refused else None
                if refused:
                    self.synced_or_denied.set()
        return ()

    def observe(self, event: SourceEvent[Any], now: float) -> None:
        """Notes what an event says about the server, at `now` in monotonic seconds."""
        if isinstance(event, ListStarted):
            # This is our request; nothing has answered it yet.
            return
        if not isinstance(event, WatchError):
            self.last_event_at, self._failing_since = now, None
            self.denied, self.denied_since = None, None
            return
        if self._failing_since is None:
            self._failing_since = now
        if not event.refused:
            self.denied_since = None
        elif self.denied_since is None:
            self.denied_since = now

    def is_fresh(self, now: float) -> bool:
        """Whether what was listed is being followed at `now`, in monotonic seconds."""
        if not self.has_synced or self.is_final:
            return self.has_synced
        if self._failing_since is not None and now - self._failing_since > FAILING_S:
            return False
        return now - self.last_event_at <= SILENT_S


class PollState:
    """The state of one polled kind."""

    def __init__(self, resource: str) -> None:
        self.resource: Final = resource
        self.has_synced = False
        """Whether what a poll found is shown."""
        self.error: str | None = None
        """Why the last attempt failed, None after one that did not."""
        self.attempted: Final = asyncio.Event()
        """Set once an attempt has ended, one way or the other."""
        self._good_until = 0.0

    def succeeded(self, valid_for_s: float, now: float) -> None:
        """An attempt succeeded at `now`, in monotonic seconds; what it found is worth showing for `valid_for_s`."""
        self.attempted.set()
        self.has_synced, self.error = True, None
        self._good_until = now + valid_for_s

    def failed(self, error: WatchError) -> None:
        """An attempt failed; what was found before stays as long as it is good."""
        self.attempted.set()
        self.error = str(error.error)

    def is_fresh(self, now: float) -> bool:
        """Whether what a poll found may be shown at `now`, in monotonic seconds."""
        return self.has_synced and now <= self._good_until

    def is_expired(self, now: float) -> bool:
        """Whether what a poll found is shown, but should not be any more, at `now` in monotonic seconds."""
        return self.has_synced and now > self._good_until
