"""The published rows of one resource: what its Store gives to readers, and how its Rollup writes it.

Every publication of a row issues a version and appends an event. Where no row changes, a new version is issued when
a client asks and the last one is FRESH_S old: other replicas keep events for minutes only, so that a client whose
version never advanced could not continue there.
"""

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Final

from kubesum.rollups.events import RowEvent
from kubesum.rollups.journal import Journal, capacity_for
from kubesum.rollups.pastsnapshots import PastSnapshots, as_of
from kubesum.rollups.readers import Readers
from kubesum.rollups.resourceversion import Version, VersionClock
from kubesum.rollups.ring import Capacity, Ring
from kubesum.rollups.rows import Row, same_object
from kubesum.rollups.skippedstates import SkippedStates
from kubesum.rollups.snapshots import Rows, Snapshot
from kubesum.vocabulary.resource import ComputedResource, Key, Stale, Unavailable

FRESH_S: Final = 10.0
"""The age from which a version is replaced, though no row has changed."""
NOTED_CHANGES: Final = 1_000
"""So many changes are put in order at once; more would hold the event loop for long."""
KEPT_VERSIONS: Final = Capacity(1_000, 1_000)
"""So many versions without an event are remembered: one each FRESH_S, and those that clients can make us issue."""
KEPT_FLOORS: Final = 100
"""So many earlier floors are remembered, for lists in pages that began with them."""


class PublishedRows:
    """The Store of one resource."""

    def __init__(
        self,
        resource: ComputedResource,
        clock: VersionClock,
        not_synced: Callable[[], Unavailable | None],
        stale: Callable[[], Sequence[Stale]],
        readers: Readers,
    ) -> None:
        """`not_synced` gives why there is nothing to compute from yet, None when there is.

        `stale` gives the watched kinds that are not being followed now.
        """
        self.resource: Final = resource
        self.clock: Final = clock
        self.not_synced: Final = not_synced
        self.stale: Final = stale
        self.readers: Final = readers
        self.is_current = False
        """Whether every change is published in time; the rows of a resource without readers are those of before."""
        self.skipped: Final = SkippedStates()
        self.is_complete = False
        """Whether the rows of a whole cluster were published once."""
        # A new one, so that no version of a removed resource of the same name counts as issued here.
        self._version: Version = clock.issue()
        self.floor: Version = 0
        self._floors: list[Version] = []  # this one and earlier ones, rising
        self._rows: dict[Key, Row] = {}
        self.events: Final = Journal(self._version, lambda: capacity_for(len(self._rows)))
        self._versions_without_event: Final[Ring[Version]] = Ring(self._version, int, lambda: KEPT_VERSIONS)
        self._in_order = Rows()
        self._noted: dict[Key, Row | None] = {}  # changes that are not in order yet
        self._snapshot: Snapshot | None = None
        self._past: Final = PastSnapshots()

    async def catch_up(self) -> None:
        """Publishes what has changed since a client last read the rows, and keeps them current from now on."""
        self.readers.note()
        if not self.is_current:
            await self.readers.publish()

    def watching(self) -> AbstractContextManager[None]:
        """Keeps the rows current for as long as the context lasts."""
        return self.readers.watching()

    def unavailable(self) -> Unavailable | None:
        """Why the rows must not be served yet; None when they may."""
        if (not_synced := self.not_synced()) is not None:
            return not_synced
        if self.is_complete:
            return None
        return Unavailable(f"the first {self.resource.plural} are being computed", transient=True)

    def get(self, key: Key) -> Row | None:
        """The row of `key`, None if there is none."""
        return self._rows.get(key)

    def keys(self) -> Collection[Key]:
        """The keys of all rows, in no order."""
        return self._rows.keys()

    def snapshot(self) -> Snapshot:
        """All rows; made on demand, once per version."""
        self.version()
        if self._snapshot is None:
            self._order()
            self._snapshot = Snapshot(self._version, self._in_order, self.floor)
        return self._snapshot

    def snapshot_at(self, version: Version) -> Snapshot | None:
        """All rows as they were at a version that this process issued; None if it did not, or not lately."""
        if (kept := self._past.get(version)) is not None:
            return kept
        if not self.has_issued(version) or not self.is_complete:
            return None
        past = as_of(version, self._floor_at(version), self.snapshot(), self.events.since(version))
        self._past.keep(past)
        return past

    def version(self) -> Version:
        """The version at which the rows are what they are now, at most FRESH_S old; later ones are larger."""
        if self.clock.age_s(self._version) > FRESH_S:
            self._renew_version()
        return self._version

    def version_above(self, version: Version) -> Version:
        """What `version()` gives, but larger than `version`, which another replica issued."""
        if self.floor <= version:
            self.clock.advance_past(version)
            self._renew_version()
            self.floor = self._version
            self._floors = [*self._floors[-KEPT_FLOORS:], self.floor]
            self._snapshot = None
        return self.version()

    def _floor_at(self, version: Version) -> Version:
        at = bisect_right(self._floors, version)
        return self._floors[at - 1] if at else 0

    def has_issued(self, version: Version) -> bool:
        """Whether this process gave out `version`, and keeps every event after it.

        One given out more than five minutes ago counts as another replica's, and so does one of too many.
        """
        return self.events.has(version) or self._versions_without_event.has(version)

    async def wait_until_published(self) -> None:
        """Returns once every change received so far is published, or nothing more will be."""
        while self.skipped and not self.events.is_closed:
            await self.events.wait_with_skipped(self.events.head_with_skipped)

    def _renew_version(self) -> None:
        self._version = self.clock.issue()
        self._versions_without_event.append(self._version)
        if self._snapshot is not None:
            self._snapshot = Snapshot(self._version, self._snapshot.rows, self.floor)

    def complete(self, unpublished: Iterable[Key]) -> None:
        """The rows of a whole cluster are published, but for those of which a change is `unpublished`."""
        self.is_complete = True
        self.resume(unpublished)
        # No client can have a version of these rows yet, so none can ask for what came before.
        self.events.restart(self._version, self.clock.watermark())

    def resume(self, unpublished: Iterable[Key]) -> None:
        """Every skipped state is kept from now on; the rows of `unpublished` keys have changed already."""
        self.is_current = True
        self.skipped.start(unpublished)
        self.events.complete_from(self.clock.watermark())

    def note_missed(self) -> None:
        """States of rows until now are unknown that another replica may have published."""
        self.events.complete_from(self.clock.watermark())

    def pause(self) -> None:
        """Nothing is published from now on, and no skipped state kept."""
        self.is_current = False
        self.skipped.stop()

    def publish_skipped(self, key: Key, changes_again: bool) -> None:
        """Appends the skipped states of a row whose latest state is about to be published, if that differs.

        `changes_again` says that the row has changed since that state was computed.
        """
        published = self._rows.get(key)
        for state in self.skipped.take(key, changes_again):
            if state is not None or published is not None:
                self.events.append_skipped(RowEvent(self.clock.issue(), state, published))

    def publish(self, key: Key, after: Row | None) -> None:
        """Publishes the row of `key`, or that it is gone (None); what is published must differ."""
        before = self._rows.get(key)
        self._snapshot = None
        if before is not None and after is not None and not same_object(before, after):
            self._publish(key, before, None)
            self._publish(key, None, after)
        else:
            self._publish(key, before, after)

    def _publish(self, key: Key, before: Row | None, after: Row | None) -> None:
        self._version = self.clock.issue()
        if after is None:
            del self._rows[key]
        else:
            after = self._rows[key] = Row(key, self._version, after.subject, after.status)
        self._noted[key] = after
        if len(self._noted) >= NOTED_CHANGES:
            self._order()
        if self.is_complete:
            self.events.append(RowEvent(self._version, before, after))

    def _order(self) -> None:
        self._in_order, self._noted = self._in_order.changed(self._noted), {}
