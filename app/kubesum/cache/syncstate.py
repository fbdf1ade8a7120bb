"""One informer: turns the news of a kind into changes, and knows how fresh they are.

It keeps no objects; it knows which keys a list in progress has not confirmed yet, and what is left of them at its
end counts as gone. Until a new list is whole, the objects of the last one stay.
"""

import asyncio
from collections.abc import Collection, Iterator
from typing import Any, Final

from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.vocabulary.resource import Key

SILENT_S: Final = 150.0
"""A watch without a sign of life for so long says nothing about now: servers give one every minute."""
TROUBLED_S: Final = 30.0
"""A server that does not answer for so long is not merely being restarted."""

Change = tuple[Key, Any]
"""(key, fact); a fact of None says that the object is gone."""


class SyncState:
    """The state of one watched kind."""

    def __init__(self, resource: str) -> None:
        self.resource: Final = resource
        self.synced = False
        """Whether one list was whole."""
        self.refused: str | None = None
        """What the server said when it refused the last attempt, None when it did not refuse."""
        self.settled: Final = asyncio.Event()
        """Set once the kind is synced or refused: nothing more can be expected soon."""
        self.is_final = False
        """Nothing changes any more: the kind was read from files."""
        self.refused_since: float | None = None
        """Since when the server refuses, in seconds since 1970; None while it does not."""
        self.heard_at = 0.0
        """When the server was last heard, in seconds since 1970."""
        self._troubled_since: float | None = None
        self._unconfirmed: set[Key] = set()
        """What was known when a list began and has not come again; an initial list has none."""

    def changes(self, news: SourceEvent[Any], known: Collection[Key]) -> Iterator[Change]:
        """The changes that news of this kind mean, given the keys known so far."""
        match news:
            case ListStarted():
                self._unconfirmed = set(known)
            case Deltas(changes):
                if self._unconfirmed:
                    self._unconfirmed.difference_update(key for key, _ in changes)
                yield from changes
            case Synced():
                missing, self._unconfirmed = self._unconfirmed, set()
                yield from ((key, None) for key in missing)
                self.synced = True
                self.settled.set()
            case WatchError(error, refused):
                self.refused = str(error) if refused else None
                if refused:
                    self.settled.set()

    def hear(self, news: SourceEvent[Any], now: float) -> None:
        """Takes note of when something was heard, `now` in seconds since 1970."""
        if isinstance(news, ListStarted):
            # It is we who ask; nobody has answered yet.
            return
        if not isinstance(news, WatchError):
            self.heard_at, self._troubled_since = now, None
            self.refused, self.refused_since = None, None
            return
        if self._troubled_since is None:
            self._troubled_since = now
        if not news.refused:
            self.refused_since = None
        elif self.refused_since is None:
            self.refused_since = now

    def is_in_step(self, now: float) -> bool:
        """Whether what was listed is being followed at `now`, in seconds since 1970."""
        if not self.synced or self.is_final:
            return self.synced
        if self._troubled_since is not None and now - self._troubled_since > TROUBLED_S:
            return False
        return now - self.heard_at <= SILENT_S
