"""What happened to the rows of one resource lately: the memory from which watches are served.

A journal is a bounded ring of row events in order of version. It is the one buffer that all watches of a
resource share: a watch keeps no more than the version up to which it has told everything, and asks for what
came since. Whoever asks too late learns so, and nobody's slowness makes anything grow.

Invariant: every event with a version above `floor` is here.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from app.rollups.clock import Version, issued_at
from app.rollups.rows import Row
from app.vocabulary.errors import Expired
from app.vocabulary.resource import Key

KEPT_S: Final = 300.0
"""How long events are kept, if they are not too many: etcd keeps what kube-apiserver can resume from as long."""
KEPT_EVENTS: Final = 20_000

_BY_VERSION: Final = attrgetter("version")


class RowEvent(msgspec.Struct, frozen=True, gc=False):
    """One row came (`before` is None), changed, or went (`after` is None).

    Rows of one key with different uids are different objects: one goes at a version, the other comes at the next.
    """

    version: Version
    before: Row | None
    after: Row | None

    @property
    def key(self) -> Key:
        """The key of the row."""
        row = self.after or self.before
        assert row is not None, "an event is about a row"  # noqa: S101  # one of both is there, always
        return row.key


class Journal:
    """The row events of one resource, oldest first."""

    def __init__(self, start: Version, capacity: int = KEPT_EVENTS) -> None:
        """Nothing is known of what happened up to `start`; at most `capacity` events are kept."""
        self.floor: Version = start
        self.head: Version = start
        self.complete_since: Version = start
        self.is_closed = False
        self._capacity: Final = capacity
        self._events: list[RowEvent] = []
        self._first = 0  # events before it are forgotten already
        self._news = asyncio.Event()
        self._latest: tuple[Version, Version, Sequence[RowEvent]] = (start, start, ())

    def restart(self, version: Version, complete_since: Version) -> None:
        """Forgets everything up to `version`; `complete_since` is when the rows became whole."""
        self._events, self._first = [], 0
        self.floor = self.head = version
        self.complete_since = complete_since
        self._latest = (version, version, ())

    def append(self, event: RowEvent) -> None:
        """Remembers an event, the newest; forgets those that are too old or too many."""
        self._events.append(event)
        self.head = event.version
        oldest_s = issued_at(event.version) - KEPT_S
        while len(self._events) - self._first > self._capacity or issued_at(self._oldest().version) < oldest_s:
            self.floor = self._oldest().version
            self._first += 1
        self.complete_since = max(self.complete_since, self.floor)
        # Forgotten in large pieces: taking the first element off a list moves all others.
        if self._first * 2 > len(self._events):
            del self._events[: self._first]
            self._first = 0

    def _oldest(self) -> RowEvent:
        return self._events[self._first]

    def since(self, version: Version) -> Sequence[RowEvent]:
        """The events after `version`, oldest first.

        Raises Expired when some of them are forgotten: the client must list again.
        """
        if version < self.floor:
            raise Expired(f"too old resource version: {version} ({self.floor})")
        if version >= self.head:
            return ()
        return self._events[bisect_right(self._events, version, self._first, key=_BY_VERSION) :]

    def news(self, version: Version) -> Sequence[RowEvent]:
        """What `since` gives, merged by key, in order of version.

        Most watches of a resource are equally far: what one of them asked for last is kept for the others.
        """
        after, head, events = self._latest
        if (after, head) != (version, self.head) or version < self.floor:
            events = coalesced(self.since(version))
            self._latest = (version, self.head, events)
        return events

    def announce(self) -> None:
        """Wakes everybody who waits for events."""
        self._news.set()
        self._news.clear()

    def close(self) -> None:
        """Says that no event will come any more."""
        self.is_closed = True
        self.announce()

    async def changed(self, version: Version) -> None:
        """Returns once there are events after `version` and they are announced, or none will come."""
        while self.head <= version and not self.is_closed:
            await self._news.wait()


def coalesced(events: Iterable[RowEvent]) -> Sequence[RowEvent]:
    """One event per object: from the row before its first event to the row after its last, in order of version.

    An object that came and went is left out. Of a key whose object went and another came, both are told.
    """
    gone: dict[Key, RowEvent] = {}
    merged: dict[Key, RowEvent] = {}
    for event in events:
        earlier = merged.pop(event.key, None)
        if earlier is None:
            merged[event.key] = event
        elif earlier.after is None:
            gone.setdefault(event.key, earlier)
            merged[event.key] = event
        elif earlier.before is not None or event.after is not None:
            merged[event.key] = RowEvent(event.version, earlier.before, event.after)
    return sorted((*gone.values(), *merged.values()), key=_BY_VERSION)
