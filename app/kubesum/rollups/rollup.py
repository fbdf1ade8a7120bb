"""One computed resource at work: its groups, the rows that wait, and the rows that are published.

A change reaches the groups at once, in time that depends on the change alone. Rows follow when the publisher
asks: `refresh` computes the rows of touched groups, `publish_due` gives those that may appear a version.

A row that is touched again before what it came to is published leaves a state behind that nobody sees here. It is
kept as a glimpse, for watches that come from a replica which may have published it.

Invariant: once nothing waits, every published row equals what its subject and members give from scratch.
"""

from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, Final

from kubesum.rollups.events import RowEvent
from kubesum.rollups.journal import Journal
from kubesum.rollups.resourceversion import Version, VersionClock, issued_at, watermark_before, with_shared_tag
from kubesum.rollups.ring import Ring
from kubesum.rollups.rows import Row, Snapshot, same_content, same_object, same_subject, sharing, status_of
from kubesum.rollups.store import LAG_S, QUIET_S
from kubesum.vocabulary.resource import ComputedResource, Fold, Key, Stale, Unavailable
from kubesum.vocabulary.tally import Contribution, Tally

FRESH_S: Final = 10.0
"""How old the version of rows that don't change may become: what other replicas know of the past is bounded."""
KEPT_RENEWALS: Final = 1_000
"""So many versions without an event are remembered: one each FRESH_S, and those that clients can make us issue."""

_EMPTY: Final = Tally()


class Rollup:
    """The rows of one resource, kept up to date by its engine."""

    def __init__(
        self,
        resource: ComputedResource,
        clock: VersionClock,
        not_synced: Callable[[], Unavailable | None],
        stale: Callable[[], Sequence[Stale]],
    ) -> None:
        """`not_synced` gives why there is nothing to compute from yet, None when there is.

        `stale` gives the watched kinds that are not being followed now.
        """
        self.resource: Final = resource
        self._not_synced = not_synced
        self.stale: Final = stale
        """Which of the watched kinds that it is computed from are not being followed now."""
        self._published = False
        self._is_whole = False
        self.clock: Final = clock
        # Of its own: what was kept of a removed resource of the same name must not pass for this one's.
        self._version: Version = clock.issue()
        self.events: Final = Journal(self._version)
        self._renewals: Final[Ring[Version]] = Ring(self._version, int, KEPT_RENEWALS)
        self._rows: dict[Key, Row] = {}
        self._tallies: dict[Key, Tally] = {}
        self._subjects: dict[Key, Any] = {}
        # In order of arrival. A projection's rows hold their subjects: here they wait, and are kept nowhere else.
        self._dirty: dict[Key, Any] = {}
        self._computing: dict[Key, Any] = {}  # touched, and the turn of the refresh at work
        self._waiting: dict[Key, Row | None] = {}  # computed, not yet published; None: the row goes
        # By the keys whose last change isn't published: the states that they went through since the published one.
        self._passed: dict[Key, list[Row | None]] = {}
        self._due: list[tuple[float, Key]] = []
        self._keys: list[Key] = []  # sorted, but for those in the next two
        self._new_keys: list[Key] = []
        self._gone_keys: set[Key] = set()
        self._snapshot: Snapshot | None = None

    def unavailable(self) -> Unavailable | None:
        """Why there is nothing to serve yet; None when there is."""
        if (not_synced := self._not_synced()) is not None:
            return not_synced
        if self._published:
            return None
        return Unavailable(f"the first {self.resource.plural} are being computed", transient=True)

    def get(self, key: Key) -> Row | None:
        """The published row of `key`."""
        return self._rows.get(key)

    @property
    def size(self) -> int:
        """How many rows are published."""
        return len(self._rows)

    def snapshot(self) -> Snapshot:
        """All published rows; made when somebody asks, once per version."""
        self.version()
        if self._snapshot is None:
            self._snapshot = self._snapshot_of(tuple(self._rows[key] for key in self._sorted_keys()))
        return self._snapshot

    def version(self) -> Version:
        """The version at which the published rows are what they are, at most FRESH_S old; later ones get larger."""
        if self.clock.age_s(self._version) > FRESH_S:
            self._renew_version()
        return self._version

    def version_above(self, version: Version) -> Version:
        """What `version()` gives, but larger than what another replica issued."""
        if self._version <= version:
            self.clock.advance_past(version)
            self._renew_version()
        return self.version()

    def has_issued(self, version: Version) -> bool:
        """Whether a version was given out here, so that what came after it is known exactly.

        One given out more than five minutes ago counts as another replica's, and so does one of too many.
        """
        return self.events.has(version) or self._renewals.has(version)

    def _renew_version(self) -> None:
        self._version = self.clock.issue()
        self._renewals.append(self._version)
        if self._snapshot is not None:
            self._snapshot = self._snapshot_of(self._snapshot.rows)

    def _snapshot_of(self, rows: tuple[Row, ...]) -> Snapshot:
        # From a version of nobody a watch goes back a little; in the first seconds there is nothing to go back to.
        goes_back = watermark_before(self._version, LAG_S) >= self.events.complete_since
        return Snapshot(self._version, rows, with_shared_tag(self._version) if goes_back else self._version)

    def _sorted_keys(self) -> list[Key]:
        if self._gone_keys:
            self._keys = [key for key in self._keys if key not in self._gone_keys]
            self._new_keys = [key for key in self._new_keys if key not in self._gone_keys]
            self._gone_keys.clear()
        if self._new_keys:
            # A sorted run with another behind it: Python's sort merges them in linear time.
            self._keys.extend(sorted(self._new_keys))
            self._keys.sort()
            self._new_keys = []
        return self._keys

    def _key_came(self, key: Key) -> None:
        if key in self._gone_keys:
            self._gone_keys.remove(key)
        else:
            self._new_keys.append(key)

    def subject_changed(self, old: Any | None, new: Any | None) -> None:
        """A subject came, changed or went; None where it did not or does not exist."""
        before = self.resource.subject_key(old) if old is not None else None
        after = self.resource.subject_key(new) if new is not None else None
        if before is not None and before != after:
            self._leave_behind(before, old)
            self._subjects.pop(before, None)
            self._dirty[before] = None
        if after is not None:
            self._leave_behind(after, old if before == after else None)
            if self.resource.folds:
                self._subjects[after] = new
            self._dirty[after] = new

    def member_changed(self, fold: Fold, old: Any | None, new: Any | None) -> None:
        """A member of one of the resource's folds came, changed or went."""
        before = tuple(fold.contributions(old)) if old is not None else ()
        after = tuple(fold.contributions(new)) if new is not None else ()
        if before == after:
            return
        if self._published:
            # Once for each group: a member that leaves one and joins it again changes it once.
            for key in {key for key, _ in (*before, *after)}:
                self._leave_behind(key, None)
        for key, contribution in before:
            self._leave(key, contribution)
        for key, contribution in after:
            self._join(key, contribution)

    def _leave_behind(self, key: Key, subject: Any | None) -> None:
        """Notes the state that a row is in before it changes; not if that is the published one, which all know.

        `subject` is what the row is about, if it is a projection's; None if there is no row.
        """
        if not self._published:
            return
        if (states := self._passed.get(key)) is None:
            self._passed[key] = []
            return
        state = self._bare(key) if self.resource.folds else projected(key, subject)
        # Members come and go by the hundred, and to compute each status in between is not worth what it tells.
        if not states or not same_subject(states[-1], state):
            states.append(self._illustrated(state))

    def _illustrated(self, state: Row | None) -> Row | None:
        """A state that passed, with a status that it may have had, for those who are told that it is gone."""
        if state is None or not self.resource.folds:
            return state
        published = self._rows.get(state.key)
        return Row(state.key, 0, state.subject, published.status if published else self._status(state))

    def _arrive(self, key: Key, is_settled: bool) -> None:
        """Remembers the states that a row left behind, before what it came to is published, if that differs."""
        states = self._passed.get(key)
        if states is None:
            return
        published = self._rows.get(key)
        for state in states:
            if state is not None or published is not None:
                self.events.append_skipped(RowEvent(self.clock.issue(), state, published))
        if is_settled:
            del self._passed[key]
        else:
            states.clear()

    def _join(self, key: Key, contribution: Contribution) -> None:
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
        tally.add(contribution)
        self._dirty[key] = None

    def _leave(self, key: Key, contribution: Contribution) -> None:
        tally = self._tallies[key]
        tally.subtract(contribution)
        if not tally:
            del self._tallies[key]
        self._dirty[key] = None

    def refresh(self) -> Iterator[tuple[Key, Row | None, Row | None] | None]:
        """Computes the rows of all touched groups; yields (key, before, after), or None for one that is as it was.

        The work is done as the iterator is drawn, so that the caller can pause between rows.
        """
        touched, self._dirty = self._dirty, {}
        self._computing = touched
        # What completes a source from here on, in a pause, is touched again and belongs to the next flush.
        self._is_whole = self._not_synced() is None
        for key in list(touched):
            subject = touched.pop(key)
            before = self._waiting[key] if key in self._waiting else self._rows.get(key)
            after = self._computed(key) if self.resource.folds else projected(key, subject)
            if self._unchanged(before, after):
                if key not in self._waiting:
                    self._arrive(key, key not in self._dirty)
                yield None
                continue
            if before is not None and after is not None:
                after = sharing(before, after)
            if key not in self._waiting:
                published = self._rows.get(key)
                heappush(self._due, (self._rested_at(published.version) if published else 0.0, key))
            self._waiting[key] = after
            yield key, before, after

    def _rested_at(self, version: Version) -> float:
        # A version that followed one of a replica whose clock is ahead is of the future; its row isn't.
        return issued_at(version) + min(0.0, self.clock.age_s(version)) + QUIET_S

    def _computed(self, key: Key) -> Row | None:
        bare = self._bare(key)
        return None if bare is None else Row(key, 0, bare.subject, self._status(bare))

    def _bare(self, key: Key) -> Row | None:
        """The row of a group, without its status; None if it has none."""
        subject = self._subjects.get(key)
        if subject is None:
            tally = self._tallies.get(key)
            if tally is None or self.resource.fallback_subject is None:
                return None
            subject = self.resource.fallback_subject(key, tally)
        return Row(key, 0, subject, None)

    def _status(self, bare: Row) -> Any:
        return self.resource.status(bare.key, bare.subject, self._tallies.get(bare.key) or _EMPTY)

    def _unchanged(self, before: Row | None, after: Row | None) -> bool:
        if before is None or after is None:
            return before is after
        return same_content(self.resource, before, after)

    def latest(self) -> Iterator[tuple[Key, Any]]:
        """(key, status) of every row as last computed, published or not."""
        for key in self._rows.keys() | self._waiting.keys():
            row = self._waiting[key] if key in self._waiting else self._rows[key]
            if row is not None:
                yield key, status_of(self.resource, row)

    def publish_due(self, now: float) -> Iterator[bool]:
        """Publishes the rows whose quiet second is over at `now` (seconds since 1970), as the iterator is drawn.

        Yields whether each changed: one that came back to what is published while it waited did not.
        """
        while self._due and self._due[0][0] <= now:
            key = heappop(self._due)[1]
            after = self._waiting.pop(key)
            self._arrive(key, key not in self._dirty and key not in self._computing)
            before = self._rows.get(key)
            if self._unchanged(before, after):
                yield False
                continue
            self._snapshot = None
            if before is not None and after is not None and not same_object(before, after):
                self._publish(before, None)
                self._publish(None, after)
            else:
                self._publish(before, after)
            yield True
        if not self._waiting:
            # An emptied dict keeps the memory of its fullest hour.
            self._waiting = {}
        if not self._passed:
            self._passed = {}

    def _publish(self, before: Row | None, after: Row | None) -> None:
        self._version = self.clock.issue()
        if after is not None:
            after = Row(after.key, self._version, after.subject, after.status)
            self._rows[after.key] = after
        elif before is not None:
            del self._rows[before.key]
            self._gone_keys.add(before.key)
        if before is None and after is not None:
            self._key_came(after.key)
        if self._published:
            self.events.append(RowEvent(self._version, before, after))

    def note_whole(self) -> None:
        """What was touched is computed, and what was due is published: from now on there is something to serve."""
        if self._is_whole and not self._published:
            self._published = True
            self._passed = {key: [] for key in (*self._dirty, *self._waiting)}
            # Nobody has seen a version of this collection yet, so nobody can ask what came before.
            self.events.restart(self._version, self.clock.watermark())

    async def wait_until_published(self) -> None:
        """Returns once everything that has come in is published, or nothing will be any more."""
        while self._passed and not self.events.is_closed:
            await self.events.wait_with_skipped(self.events.head_with_skipped)

    def next_due(self) -> float | None:
        """When the next waiting row may be published, in seconds since 1970; None if none waits."""
        return self._due[0][0] if self._due else None


def projected(key: Key, subject: Any | None) -> Row | None:
    """The row of a projection: its subject, of which the status is computed when somebody asks."""
    return None if subject is None else Row(key, 0, subject, None)
