"""What happened to the rows of one resource lately: the memory from which watches are served.

A journal is a ring of row events in order of version. It is the one buffer that all watches of a resource share:
a watch keeps no more than the version up to which it has told everything, and asks for what came since. Whoever
asks too late learns so, and nobody's slowness makes anything grow.

Beside the events it remembers glimpses: states that rows went through and that were never published here. Another
replica, whose changes gather at other moments, may have shown them; only a watch that comes from there is told.
"""

import asyncio
from collections.abc import Sequence
from heapq import merge
from typing import Final

from kubesum.rollups.events import BY_VERSION, RowEvent, coalesced
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.ring import Ring

KEPT_EVENTS: Final = 20_000


class Journal:
    """The row events of one resource, oldest first."""

    def __init__(self, start: Version, capacity: int = KEPT_EVENTS) -> None:
        """Nothing is known of what happened up to `start`; at most `capacity` events are kept."""
        self.is_closed = False
        self._capacity: Final = capacity
        self._published = asyncio.Event()
        self._appended = asyncio.Event()
        self.restart(start, start)

    def restart(self, version: Version, complete_since: Version) -> None:
        """Forgets everything up to `version`; `complete_since` is when the rows became whole."""
        self._events: Ring[RowEvent] = Ring(version, BY_VERSION, self._capacity)
        self._glimpses: Ring[RowEvent] = Ring(version, BY_VERSION, self._capacity)
        self._whole_since = complete_since
        self._announced = version
        self._latest: tuple[Version, Version, Sequence[RowEvent]] = (version, version, ())

    @property
    def floor(self) -> Version:
        """The version after which every event is here."""
        return self._events.floor

    @property
    def head(self) -> Version:
        """The version of the newest event."""
        return self._events.head

    @property
    def head_with_skipped(self) -> Version:
        """The version of the newest event or glimpse."""
        return max(self._events.head, self._glimpses.head)

    @property
    def complete_since(self) -> Version:
        """The version after which every event and every glimpse is here, of rows that were whole."""
        return max(self._whole_since, self._events.floor, self._glimpses.floor)

    def append(self, event: RowEvent) -> None:
        """Remembers an event, the newest."""
        self._events.append(event)

    def append_skipped(self, glimpse: RowEvent) -> None:
        """Remembers a state that passed unpublished, the newest."""
        self._glimpses.append(glimpse)

    def has(self, version: Version) -> bool:
        """Whether this is the version of a remembered event, or of the last one that is forgotten."""
        return version == self.floor or self._events.has(version)

    def since(self, version: Version) -> Sequence[RowEvent]:
        """The events after `version`, oldest first.

        Raises Expired when some of them are forgotten: the client must list again.
        """
        return self._events.since(version)

    def since_with_skipped(self, version: Version) -> Sequence[RowEvent]:
        """The events and the glimpses after `version`, oldest first; raises Expired as `since` does."""
        return [*merge(self._events.since(version), self._glimpses.since(version), key=BY_VERSION)]

    def coalesced_since(self, version: Version) -> Sequence[RowEvent]:
        """What `since` gives, merged by key, in order of version.

        Most watches of a resource are equally far: what one of them asked for last is kept for the others.
        """
        after, head, events = self._latest
        if (after, head) != (version, self.head) or version < self.floor:
            events = coalesced(self.since(version))
            self._latest = (version, self.head, events)
        return events

    def announce(self) -> None:
        """Wakes everybody who waits for what came since the last time; nobody if nothing did."""
        if self.head > self._announced:
            _wake(self._published)
        if self.head_with_skipped > self._announced:
            _wake(self._appended)
        self._announced = self.head_with_skipped

    def close(self) -> None:
        """Says that nothing will come any more."""
        self.is_closed = True
        _wake(self._published)
        _wake(self._appended)

    async def wait(self, version: Version) -> None:
        """Returns once there are events after `version` and they are announced, or none will come."""
        while self.head <= version and not self.is_closed:
            await self._published.wait()

    async def wait_with_skipped(self, version: Version) -> None:
        """Returns as `wait` does, and for glimpses too."""
        while self.head_with_skipped <= version and not self.is_closed:
            await self._appended.wait()


def _wake(event: asyncio.Event) -> None:
    event.set()
    event.clear()
