"""The engine: changes of the cluster go in, published rows come out.

It has one Rollup per resource, passes each change to those that read its source, and passes the rows of one resource
to those that fold over it, in the order of their dependencies. Resources may be added and removed while it runs. It
depends neither on which resources exist nor on where changes come from.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache, partial
from itertools import islice
from typing import Any, Final

from kubesum.operations import metrics
from kubesum.rollups.catalogue import Catalogue
from kubesum.rollups.changedmembers import ChangedMembers
from kubesum.rollups.joins import Join
from kubesum.rollups.publishedrows import PublishedRows
from kubesum.rollups.readers import Readers
from kubesum.rollups.resourceversion import VersionClock
from kubesum.rollups.rollup import Rollup, RowChange
from kubesum.rollups.rows import status_of
from kubesum.semantics.facts import RowMember
from kubesum.vocabulary.resource import ComputedResource, Fold, Key, Source, Stale, Unavailable
from kubesum.vocabulary.tally import Differences

SLICE: Final = 100
"""Rows that are computed or published, and members that a join works on, before other tasks run."""
MARKED_SLICE: Final = 5_000
"""Rows that are marked dirty before other tasks run."""

_KEYS: Final[Mapping[Source, Callable[[Any], Key]]] = {
    Source.PODS: lambda pod: pod.facts.key,
    Source.NODES: lambda node: ("", node.facts.name),
}
"""The keys of the members that can be joined."""

Contents = Callable[[Source], Mapping[Key, Any]]
"""What a source holds now, by key."""


class Engine:
    """The computation of all resources."""

    def __init__(
        self,
        clock: VersionClock,
        now: Callable[[], float],
        contents: Contents,
        unavailable: Callable[[frozenset[Source]], Unavailable | None],
        stale: Callable[[frozenset[Source]], Sequence[Stale]],
    ) -> None:
        """`now` gives monotonic seconds; `unavailable` why a set of sources can't be served yet, or None.

        `stale` gives those of the watched kinds that a set of sources is made of which are not being followed now.
        """
        self.catalogue = Catalogue()
        self.dirty: Final = asyncio.Event()
        """Set by each change; to be cleared before `publish`."""
        self._clock = clock
        self._now = now
        self._contents = contents
        self._unavailable = unavailable
        self._stale = stale
        self._rollups: tuple[Rollup, ...] = ()  # as they were added
        self._order: tuple[Rollup, ...] = ()  # each after those that it folds over
        # By source, the rollups that it has the subjects of, and the folds over it.
        self._sources: dict[Source, tuple[tuple[Rollup, ...], ChangedMembers]] = {}
        self._over_rows: dict[str, ChangedMembers] = {}  # by plural, the folds over the rows of a resource
        self._joins: dict[Source | str, Join] = {}
        self._replacing: dict[Rollup, Rollup] = {}  # a rollup whose rows are being computed, and the one it replaces
        self._differences: Final = Differences()
        self._publishing: Final = asyncio.Lock()
        self._has_published = False

    def add(self, resources: Iterable[ComputedResource]) -> None:
        """Serves further resources, computed from what the sources hold now."""
        added = [self._rollup(resource) for resource in resources]
        self._serve((*self._rollups, *added))
        for rollup in in_order(added):
            self._fill(rollup)
        self.dirty.set()

    def replace(self, resource: ComputedResource) -> None:
        """Serves a resource in place of the one with its plural, which is served until all rows are computed.

        No other resource may fold over it.
        """
        replaced = self._find(resource.plural)
        replacement = self._rollup(resource)
        given_up = [rollup for rollup, old in self._replacing.items() if old is replaced]
        self._replacing = {rollup: old for rollup, old in self._replacing.items() if old is not replaced}
        self._replacing[replacement] = replaced
        self._serve((*(rollup for rollup in self._rollups if rollup not in given_up), replacement))
        self._fill(replacement)
        self.dirty.set()

    def remove(self, plural: str) -> None:
        """Serves a resource no longer; those that fold over it must have been removed before."""
        removed = self._find(plural)
        replacements = [rollup for rollup, old in self._replacing.items() if old is removed]
        self._replacing = {rollup: old for rollup, old in self._replacing.items() if old is not removed}
        self._serve(rollup for rollup in self._rollups if rollup is not removed and rollup not in replacements)
        removed.store.events.close()

    def _complete(self, rollup: Rollup) -> None:
        """Completes a rollup whose sources have synced, and serves it in place of the one that it replaces.

        To be called when all its dirty rows were computed and all due ones published.
        """
        if not self._has_members(rollup):
            return
        rollup.complete_if_synced()
        replaced = self._replacing.pop(rollup, None) if rollup.store.is_complete else None
        if replaced is not None:
            self._serve(other for other in self._rollups if other is not replaced)
            replaced.store.events.close()

    def _has_members(self, rollup: Rollup) -> bool:
        """Whether a rollup was given all members that are joined for it."""
        joins = [self._joins.get(fold.over) for fold in rollup.resource.folds if fold.is_joined]
        return all(join is not None and join.is_given(rollup) for join in joins)

    def close(self) -> None:
        """Ends all watches: no event will follow."""
        for rollup in self._order:
            rollup.store.events.close()

    def _serve(self, rollups: Iterable[Rollup]) -> None:
        self._rollups = tuple(rollups)
        served = [rollup.store for rollup in self._rollups if rollup not in self._replacing]
        self.catalogue = Catalogue(tuple(served))
        self._order = in_order(self._rollups)
        self._sources = {source: (self._about(source), self._folds(source)) for source in Source}
        self._over_rows = {plural: self._folds(plural) for plural in (one.resource.plural for one in self._order)}
        folded_over = {fold.over for rollup in self._order for fold in rollup.resource.folds}
        for rollup in self._order:
            rollup.is_folded_over = rollup.resource.plural in folded_over
        joined: dict[Source | str, list[tuple[Rollup, Fold]]] = {}
        for rollup in self._order:
            for fold in rollup.resource.folds:
                if fold.is_joined:
                    joined.setdefault(fold.over, []).append((rollup, fold))
        self._joins = {over: self._joins.get(over) or self._join(over) for over in joined}
        for over, readers in joined.items():
            self._joins[over].serve(readers)

    def _about(self, source: Source) -> tuple[Rollup, ...]:
        return tuple(rollup for rollup in self._order if rollup.resource.subjects is source)

    def _folds(self, over: Source | str) -> ChangedMembers:
        return ChangedMembers(
            (rollup, fold)
            for rollup in self._order
            for fold in rollup.resource.folds
            if fold.over == over and not fold.is_joined
        )

    def _join(self, over: Source | str) -> Join:
        join = Join(over, self._contents)
        if isinstance(over, Source):
            join.fill(self._contents(over).items())
        else:
            join.fill((key, RowMember(subject, status)) for key, subject, status in self._find(over).latest())
        return join

    def _fill(self, rollup: Rollup) -> None:
        """Gives a rollup that was added the subjects and members there are; the joined ones come from their joins."""
        resource = rollup.resource
        for subject in self._subjects_of(resource):
            rollup.subject_changed(None, subject)
        for over in dict.fromkeys(fold.over for fold in resource.folds if not fold.is_joined):
            folds = tuple(fold for fold in resource.folds if fold.over == over)
            for member in self._present(over):
                rollup.member_changed(folds, None, member)

    def _present(self, over: Source | str) -> Iterable[Any]:
        if isinstance(over, Source):
            return self._contents(over).values()
        return ((key, status) for key, _, status in self._find(over).latest())

    def _rollup(self, resource: ComputedResource) -> Rollup:
        # Cached, since each request asks; not computed here, since what it folds over may be added after it.
        sources = cache(partial(self.sources, resource.plural))
        store = PublishedRows(
            resource,
            self._clock,
            lambda: self._unavailable(sources()),
            lambda: self._stale(sources()),
            Readers(self._now, self._catch_up),
        )
        return Rollup(store, self._differences, lambda: self._subjects_of(resource))

    def _subjects_of(self, resource: ComputedResource) -> Iterable[Any]:
        return () if resource.subjects is None else self._contents(resource.subjects).values()

    def sources(self, plural: str) -> frozenset[Source]:
        """All sources that a resource depends on, itself or through the resources that it folds over."""
        resource = self._find(plural).resource
        derived = (fold.over for fold in resource.folds if not isinstance(fold.over, Source))
        return resource.sources.union(*(self.sources(over) for over in derived))

    def change(self, source: Source, old: Any | None, new: Any | None) -> None:
        """One object of a source was added (`old` is None), changed, or removed (`new` is None)."""
        subjects, members = self._sources[source]
        for rollup in subjects:
            rollup.subject_changed(old, new)
        for rollup, folds in members.concerned(old, new):
            rollup.member_changed(folds, old, new)
        if self._joins:
            self._change_joined(source, old, new)
        self.dirty.set()

    def note_missed(self, source: Source) -> None:
        """A source was listed again: what came and went since its watch ended was not among its changes."""
        for rollup in self._order:
            if source in self.sources(rollup.resource.plural):
                rollup.store.note_missed()

    def _change_joined(self, source: Source, old: Any | None, new: Any | None) -> None:
        if (join := self._joins.get(source)) is not None:
            join.changed(_KEYS[source](old if new is None else new), new)
        for join in self._joins.values():
            if source is Source.NAMESPACES:
                join.namespace_changed(old, new)
            elif source is Source.NODES:
                join.node_changed(old, new)

    def batch(self) -> AbstractAsyncContextManager[None]:
        """A lock for changes that are to be published together: nothing is published while it is held.

        So changes may be made with pauses in between, in which other tasks run. It waits for a publication that is
        under way.
        """
        return self._publishing

    async def publish(self) -> int:
        """Computes dirty rows and publishes those that are due; returns how many changed.

        Pauses between slices of rows, in which requests are answered. Waits for a batch that is held.
        """
        async with self._publishing:
            self._has_published = True
            return await self._publish()

    async def _catch_up(self) -> None:
        """Publishes for somebody who reads rows that were not computed."""
        # Before the first publication, the batch of a poll may wait for lists that never come.
        if not self._has_published:
            return
        try:
            await self.publish()
        except asyncio.CancelledError:
            # What the request began, the publisher ends: published events are not announced yet.
            self.dirty.set()
            raise

    def _follow_readers(self) -> None:
        """Starts and stops rollups: those are computed that have readers, and what they fold over."""
        needed: set[Source | str] = set()
        for rollup in reversed(self._order):
            is_needed = rollup.resource.plural in needed or rollup in self._replacing
            is_read = is_needed or bool(rollup.store.readers)
            if is_read:
                needed.update(fold.over for fold in rollup.resource.folds)
            if is_read is not rollup.is_read:
                (rollup.start if is_read else rollup.stop)()

    async def _publish(self) -> int:
        published = 0
        for join in self.joins:
            while join.work(SLICE):  # noqa: ASYNC110 - pauses, nothing is waited for
                await asyncio.sleep(0)
        self._follow_readers()
        for rollup in [rollup for rollup in self._order if rollup.is_read]:
            marked = rollup.mark_dirty()
            while list(islice(marked, MARKED_SLICE)):  # noqa: ASYNC110 - pauses, nothing is waited for
                await asyncio.sleep(0)
            refreshed = rollup.refresh(self._now())
            # A resource may be removed in any pause; the rest of its rows need not be computed.
            while rollup in self._order and (batch := list(islice(refreshed, SLICE))):
                self._derive(rollup.resource, [change for change in batch if change is not None])
                await asyncio.sleep(0)
                # Rows that are due appear before all others are computed.
                published += await self._publish_due(rollup)
            published += await self._publish_due(rollup)
            self._complete(rollup)
            metrics.ROWS.labels(rollup.resource.plural).set(len(rollup.store.keys()))
        metrics.PUBLISHED_ROWS.inc(published)
        return published

    async def _publish_due(self, rollup: Rollup) -> int:
        published = 0
        due = rollup.publish_due(self._now())
        while batch := list(islice(due, SLICE)):
            published += sum(batch)
            await asyncio.sleep(0)
        # Once per slice: after each row would wake all watches for each, and after all of them delay the first ones.
        rollup.store.events.announce()
        return published

    def _derive(self, resource: ComputedResource, changes: Iterable[RowChange]) -> None:
        """Passes changed rows of a resource to the rollups that fold over it."""
        members, join = self._over_rows[resource.plural], self._joins.get(resource.plural)
        if not members and join is None:
            return
        for key, before, after in changes:
            old = None if before is None else status_of(resource, before)
            new = None if after is None else status_of(resource, after)
            for rollup, folds in members.concerned(old, new):
                rollup.member_changed(folds, _member(key, old), _member(key, new))
            if join is not None:
                join.changed(key, None if after is None else RowMember(after.subject, new))

    @property
    def joins(self) -> tuple[Join, ...]:
        """The joins that some resource reads."""
        return tuple(self._joins.values())

    def groups(self, plural: str) -> tuple[int, int] | None:
        """The number of groups of a resource, and how many of them have no row of their own.

        None until they are the groups of all members. They are counted whether or not somebody reads the rows.
        """
        rollup = self._find(plural)
        is_known = rollup.store.not_synced() is None and self._has_members(rollup)
        return rollup.groups() if is_known else None

    def _find(self, plural: str) -> Rollup:
        """The rollup that is served under a plural, which must be that of a resource that was added."""
        return next(
            rollup for rollup in self._order if rollup.resource.plural == plural and rollup not in self._replacing
        )

    def next_due(self) -> float | None:
        """When the next row that rests may be published, in monotonic seconds; None if none rests."""
        read = [rollup for rollup in self._order if rollup.is_read]
        return min((due for rollup in read if (due := rollup.next_due()) is not None), default=None)


def _member(key: Key, status: Any | None) -> tuple[Key, Any] | None:
    return None if status is None else (key, status)


def in_order(rollups: Iterable[Rollup]) -> tuple[Rollup, ...]:
    """The rollups such that each comes after those that it folds over."""
    remaining = dict.fromkeys(rollups)
    ordered: list[Rollup] = []

    def place(rollup: Rollup) -> None:
        for fold in rollup.resource.folds:
            for other in [one for one in remaining if one.resource.plural == fold.over]:
                del remaining[other]
                place(other)
        ordered.append(rollup)

    while remaining:
        first = next(iter(remaining))
        del remaining[first]
        place(first)
    return tuple(ordered)
