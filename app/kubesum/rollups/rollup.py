"""The computation of one resource: from the changes of subjects and members to rows that are published.

A change updates its groups at once, in time that depends on the change alone, and marks their rows dirty. When the
publisher runs, `refresh` computes the dirty rows, which are then pending, and `publish_due` publishes those that have
rested for QUIET_S. A row that rests is computed only when that time is over, unless another resource sums it up.
Without readers only the groups are kept up to date.

Invariant: once nothing is dirty or pending, every published row equals what its subject and members give from
scratch.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, Final

from kubesum.rollups.groups import Change, Groups, changes_of
from kubesum.rollups.publishedrows import PublishedRows
from kubesum.rollups.rows import Row, same_content, same_subject, sharing, status_of
from kubesum.rollups.store import QUIET_S
from kubesum.vocabulary.resource import Fold, Key
from kubesum.vocabulary.tally import Differences

_MOST_UNREAD: Final = 1_000
"""Beyond so many dirty rows more than published ones, without readers, all rows count as dirty, and none is kept."""

RowChange = tuple[Key, Row | None, Row | None]
"""(key, row before, row after); None where there is none."""


class Rollup:
    """One resource, kept up to date by its engine."""

    def __init__(self, store: PublishedRows, differences: Differences, subjects: Callable[[], Iterable[Any]]) -> None:
        """`differences` is one for all resources of an engine; `subjects` gives all subjects that there are."""
        self.resource: Final = store.resource
        self.store: Final = store
        self._groups: Final = Groups(store.resource, differences)
        self._subjects: Final = subjects
        # By key in order of arrival, with the subjects of a projection; None for all there are.
        self._dirty: dict[Key, Any] | None = None
        self._is_marking = False  # not all rows are marked dirty yet
        self._computing: dict[Key, Any] = {}  # was dirty when the refresh at work began, and is not computed yet
        self._pending: dict[Key, Row | None] = {}  # computed and not yet published; None: the row is gone
        self._recomputed: set[Key] = set()  # those of the pending ones that changed again
        self._resting: set[Key] = set()  # changed, and neither dirty nor computed before they have rested
        self._rested: list[tuple[float, Key]] = []  # a heap of when each of them has
        self._due: list[tuple[float, Key]] = []  # a heap of when each pending row may be published
        self._was_synced = False  # the sources were when the last refresh began
        self.is_read = False
        """Whether the rows are computed, for readers of them or of a resource that folds over them."""
        self.is_folded_over = False
        """Whether another resource folds over the rows: it is given each state at once."""

    def start(self) -> None:
        """Computes the rows from now on; `mark_dirty` is to be drawn before the next `refresh`."""
        self.is_read = True

    def stop(self) -> None:
        """Computes no rows until somebody reads them again."""
        self.is_read = False
        self.store.pause()

    def mark_dirty(self) -> Iterator[None]:
        """Marks all rows dirty, unless it is known which are, as the iterator is drawn."""
        if self._dirty is not None and not self._is_marking:
            return
        if self._dirty is None:
            self._dirty = {}
        # Until the end: an iterator may be given up halfway, with the request that it was for.
        dirty, self._is_marking = self._dirty, True
        # What changes in the pauses of the caller is there already, with its new subject.
        for subject in list(self._subjects()):
            key = self.resource.subject_key(subject)
            if key is not None:
                dirty.setdefault(key, subject)
            yield
        for key in (*self._groups.keys(), *self.store.keys(), *self._pending):
            dirty.setdefault(key, None)
            yield
        self._is_marking = False

    def subject_changed(self, old: Any | None, new: Any | None) -> None:
        """A subject was created (`old` is None), changed, or was deleted (`new` is None)."""
        before = self.resource.subject_key(old) if old is not None else None
        after = self.resource.subject_key(new) if new is not None else None
        if before is not None and before != after:
            self._about_to_change(before, old, None)
            self._groups.remove_subject(before)
        if after is not None:
            self._about_to_change(after, old if before == after else None, new)
            self._groups.set_subject(after, new)

    def member_changed(self, folds: Iterable[Fold], old: Any | None, new: Any | None) -> None:
        """A member of some of the resource's folds, all of one source, was created, changed or deleted."""
        changes: list[Change] = []
        for fold in folds:
            changes += changes_of(fold, old, new)
        if self._dirty is not None:
            for key in self._groups.affected(changes):
                self._about_to_change(key, None, None)
        self._groups.apply(changes)

    def _about_to_change(self, key: Key, old: Any | None, new: Any | None) -> None:
        """Notes that a row becomes dirty; `old` and `new` are its subject, which only projections need."""
        if self._dirty is None:
            return
        self._note_state(key, old)
        if key in self._resting:
            return
        self._dirty[key] = new
        if not self.is_read and len(self._dirty) > len(self.store.keys()) + _MOST_UNREAD:
            self._dirty = None

    def _note_state(self, key: Key, subject: Any | None) -> None:
        """Adds the state of a row that is about to change to the skipped ones, unless that is the published one.

        `subject` is the row's subject, which only projections need.
        """
        states = self.store.skipped.before_change(key)
        if states is None:
            return
        state = self._groups.row_without_status(key, subject)
        # Members change by the hundred: states that differ in their status alone are not worth computing it.
        if not states or not same_subject(states[-1], state):
            self.store.skipped.add(key, self._with_status(state))

    def _with_status(self, state: Row | None) -> Row | None:
        """A skipped state with a status that it may have had: an event of its deletion shows one."""
        if state is None or not self.resource.folds:
            return state
        published = self.store.get(state.key)
        return Row(state.key, 0, state.subject, published.status if published else self._groups.status(state))

    def groups(self) -> tuple[int, int]:
        """The number of groups with members, and how many of them have no row of their own."""
        return self._groups.counted()

    def refresh(self, now: float) -> Iterator[RowChange | None]:
        """Computes the dirty rows at `now` (monotonic seconds); yields how each changed, or None if it did not.

        The work is done as the iterator is drawn, so that the caller can pause between rows.
        """
        computing = self._dirty or {}
        if self._computing:
            # An earlier refresh was given up halfway, with the request that it was for.
            computing = {**self._computing, **computing}
        self._computing, self._dirty = computing, {}
        # A source that syncs from here on, in a pause, makes rows dirty that only the next refresh computes.
        self._was_synced = self.store.not_synced() is None
        while self._rested and (self.is_folded_over or self._rested[0][0] <= now):
            key = heappop(self._rested)[1]
            self._resting.remove(key)
            yield self._compute(key, None, now)
        for key in list(computing):
            subject, due = computing.pop(key), now + self._rests_s(self.store.get(key))
            yield None if due > now and self._rest(key, due) else self._compute(key, subject, due)

    def _rest(self, key: Key, due: float) -> bool:
        """Whether a dirty row rests until it is due, and need not be computed before."""
        # A projection has nothing to compute, and its subject would have to be kept.
        if self.is_folded_over or not self.resource.folds or key in self._pending:
            return False
        if key not in self._resting:
            self._resting.add(key)
            heappush(self._rested, (due, key))
        return True

    def _compute(self, key: Key, subject: Any, due: float) -> RowChange | None:
        """Computes a row that may be published when it is `due`; returns how it changed, if it did."""
        before = self._latest(key)
        after = self._groups.row(key, subject)
        if same_content(self.resource, before, after):
            if key not in self._pending:
                self.store.publish_skipped(key, self._changes_again(key))
            return None
        if before is not None and after is not None:
            after = sharing(before, after)
        if key not in self._pending:
            heappush(self._due, (due, key))
        else:
            self._recomputed.add(key)
        self._pending[key] = after
        return key, before, after

    def _latest(self, key: Key) -> Row | None:
        return self._pending[key] if key in self._pending else self.store.get(key)

    def _changes_again(self, key: Key) -> bool:
        return key in self._computing or key in self._resting or (self._dirty is not None and key in self._dirty)

    def _rests_s(self, published: Row | None) -> float:
        """For how long a row that has changed is not published yet."""
        # A version is of the future if the clock was set back, or follows one of a replica whose clock is ahead.
        age_s = QUIET_S if published is None else max(0.0, self.store.clock.age_s(published.version))
        return max(0.0, QUIET_S - age_s)

    def latest(self) -> Iterator[tuple[Key, Any, Any]]:
        """(key, subject, status) of every row as last computed, published or not."""
        for key in {*self.store.keys(), *self._pending}:
            row = self._latest(key)
            if row is not None:
                yield key, row.subject, status_of(self.resource, row)

    def publish_due(self, now: float) -> Iterator[bool]:
        """Publishes the rows that have rested at `now` (monotonic seconds), as the iterator is drawn.

        Yields whether each changed: one that came back to what is published while it was pending did not.
        """
        while self._due and self._due[0][0] <= now:
            key = heappop(self._due)[1]
            after = self._pending.pop(key)
            self.store.publish_skipped(key, self._changes_again(key))
            has_changed = key not in self._recomputed or not same_content(self.resource, self.store.get(key), after)
            self._recomputed.discard(key)
            if has_changed:
                self.store.publish(key, after)
            yield has_changed
        # An emptied dict, and an emptied set, keeps the memory of its largest size.
        if not self._pending:
            self._pending = {}
        if not self._resting:
            self._resting = set()

    def complete_if_synced(self) -> None:
        """Makes the store complete, or current again, if the sources had synced when the last refresh began.

        To be called when all dirty rows were computed and all due ones published.
        """
        if not self._was_synced:
            return
        unpublished = (*(self._dirty or ()), *self._resting, *self._pending)
        if not self.store.is_complete:
            self.store.complete(unpublished)
        elif not self.store.is_current:
            self.store.resume(unpublished)

    def next_due(self) -> float | None:
        """When the next row that rests may be published, in monotonic seconds; None if none rests."""
        return min((heap[0][0] for heap in (self._due, self._rested) if heap), default=None)
