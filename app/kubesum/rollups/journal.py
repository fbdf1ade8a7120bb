"""The events of one resource, as far back as they are kept: the implementation of `Events`.

A journal is one buffer for all watches of a resource. A watch keeps the version up to which it has sent events and
asks for those after it, so that no slow client makes anything grow; one that asks too late gets Expired.

Skipped states are kept in a ring of their own, since only watches that continue from another replica read them.
"""

from collections.abc import Callable, Sequence
from heapq import merge
from typing import Final

from kubesum.rollups.events import BY_VERSION, RowEvent, coalesced
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.ring import Capacity, Ring
from kubesum.rollups.waiters import Waiters

EVENTS_PER_ROW: Final = 12
"""So many are kept for each row, for KEPT_S: they hold ten polls of usage, each of which may change every row."""
MIN_LASTING: Final = 2_000
"""So many are kept for KEPT_S of a resource with few rows."""
MIN_CAPACITY: Final = 20_000
"""So many are kept of a resource with few rows, if they are younger than FRESH_S: rows may change once a second."""


class Journal:
    """The row events of one resource, oldest first."""

    def __init__(self, start: Version, capacity: Callable[[], Capacity]) -> None:
        """Holds the events after `start`, of which at most `capacity().most` are kept."""
        self.is_closed = False
        self._capacity: Final = capacity
        self._waiters: Final = Waiters()
        self._waiters_with_skipped: Final = Waiters()  # for events or skipped states
        self.restart(start, start)

    def restart(self, version: Version, complete_since: Version) -> None:
        """Drops everything up to `version`; `complete_since` is when all rows were published for the first time."""
        self._events: Ring[RowEvent] = Ring(version, BY_VERSION, self._capacity)
        self._skipped: Ring[RowEvent] = Ring(version, BY_VERSION, self._capacity)
        self._first_complete = complete_since
        self._announced = version
        # (version, head, coalesced events between them) as last asked for
        self._coalesced: tuple[Version, Version, Sequence[RowEvent]] = (version, version, ())

    def complete_from(self, version: Version) -> None:
        """Not every skipped state before `version` is kept: nobody read the rows then, or changes were missed."""
        self._first_complete = version

    @property
    def floor(self) -> Version:
        """The version after which every event is kept."""
        return self._events.floor

    @property
    def head(self) -> Version:
        """The version of the newest event."""
        return self._events.head

    @property
    def head_with_skipped(self) -> Version:
        """The version of the newest event or skipped state."""
        return max(self._events.head, self._skipped.head)

    @property
    def complete_since(self) -> Version:
        """The version after which every event and every skipped state is kept."""
        return max(self._first_complete, self._events.floor, self._skipped.floor)

    def append(self, event: RowEvent) -> None:
        """Appends the newest event; nobody is woken before `announce`."""
        self._events.append(event)

    def append_skipped(self, state: RowEvent) -> None:
        """Appends the newest skipped state."""
        self._skipped.append(state)

    def has(self, version: Version) -> bool:
        """Whether this is the version of an event that is kept, or of the last one that was dropped."""
        return version == self.floor or self._events.has(version)

    def since(self, version: Version) -> Sequence[RowEvent]:
        """The events after `version`, oldest first; raises Expired when some of them were dropped."""
        return self._events.since(version)

    def since_with_skipped(self, version: Version) -> Sequence[RowEvent]:
        """The events and the skipped states after `version`, oldest first; raises Expired as `since` does."""
        return [*merge(self._events.since(version), self._skipped.since(version), key=BY_VERSION)]

    def coalesced_since(self, version: Version) -> Sequence[RowEvent]:
        """What `since` gives as one event per object, in order of version.

        Most watches of a resource are equally far, so the last answer is kept for the others.
        """
        after, head, events = self._coalesced
        if (after, head) != (version, self.head) or version < self.floor:
            events = coalesced(self.since(version))
            self._coalesced = (version, self.head, events)
        return events

    def announce(self) -> None:
        """Wakes those who wait for what was appended since the last time."""
        if self.head > self._announced:
            self._waiters.wake()
        if self.head_with_skipped > self._announced:
            self._waiters_with_skipped.wake()
        self._announced = self.head_with_skipped

    def close(self) -> None:
        """No event will follow: ends every wait."""
        self.is_closed = True
        self._waiters.wake()
        self._waiters_with_skipped.wake()

    async def wait(self, version: Version) -> None:
        """Returns once there are events after `version` and they are announced, or none will follow."""
        while self.head <= version and not self.is_closed:
            await self._waiters.wait()

    async def wait_with_skipped(self, version: Version) -> None:
        """Returns as `wait` does, and for skipped states too."""
        while self.head_with_skipped <= version and not self.is_closed:
            await self._waiters_with_skipped.wait()


def capacity_for(rows: int) -> Capacity:
    """How many events the journal of so many rows keeps."""
    of_rows = EVENTS_PER_ROW * rows
    return Capacity(max(MIN_LASTING, of_rows), max(MIN_CAPACITY, of_rows))
