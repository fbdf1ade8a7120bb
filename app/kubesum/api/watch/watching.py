"""Watches: from where they start, what they tell, and when they end.

A watch holds a version and nothing else: up to there everything is told. What came since it takes from the
journal of its collection when the journal calls and the client has read what it was sent before. So a client
that reads slowly gets the sum of the changes, and one that reads too slowly for the journal is told to begin anew.

Versions order what all replicas did, but only the process that issued one knows exactly what came before it.
Continued from a version of another process, a watch is a resumption for a while.
"""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Final

from kubesum.api.lists.freshness import not_older_than
from kubesum.api.requests.negotiation import Representation
from kubesum.api.requests.options import Include, WatchOptions
from kubesum.api.watch.resumption import Resumption
from kubesum.api.watch.watchevents import Event, Frames, Selects, Style, Teller, failed, seen, selected
from kubesum.rollups.events import RowEvent, coalesced
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row
from kubesum.rollups.store import Store
from kubesum.vocabulary.errors import Expired

BOOKMARK_EVERY_S: Final = 60.0
BOOKMARK_BEFORE_END_S: Final = 2.0
LIFETIME_S: Final = (1800.0, 3600.0)
"""Watches end at random within these, lest all come back at once: kube-apiserver's --min-request-timeout."""
PARTING_S: Final = 3.0
"""Over this time watches end when there is nothing more to tell: the server stops, or the resource is gone."""

_SLICE_EVENTS: Final = 200
_RUN_ROWS: Final = 5_000
_BY_VERSION: Final = attrgetter("version")


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch that somebody asks for; `namespace` empty is all namespaces."""

    collection: Store
    namespace: str
    options: WatchOptions
    representation: Representation
    include: Include = Include.METADATA

    def selects(self) -> Selects | None:
        """Whether the watch is about a row; None if it is about all."""
        if not self.namespace and not self.options.selector:
            return None
        namespace, selected = self.namespace, self.options.selector.predicate(self.collection.resource)
        if not namespace:
            return selected
        return lambda row: row.key[0] == namespace and selected(row)

    @property
    def step(self) -> int:
        """How many rows may be looked at before others on the event loop have their turn."""
        return max(1, _SLICE_EVENTS // max(1, len(self.options.selector)))


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a watch begins: with these rows, or as a resumption, and live after `version`."""

    version: Version
    rows: Sequence[Row] = ()
    resumption: Resumption | None = None


class Watches:
    """The watches of all collections, which share what they are told."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds since 1970."""
        self._now = now
        self._frames = Frames(now)

    async def opened(self, watch: Watch) -> AsyncGenerator[bytes, None]:
        """The lines of a watch, many at a time, as they come; they end with the watch.

        Raises Expired, Timeout and ServiceUnavailable for a version from which the watch cannot start.
        """
        return self._lines(watch, await self._start(watch))

    async def _start(self, watch: Watch) -> _Start:
        options, collection = watch.options, watch.collection
        if options.starts_with_state:
            if options.version:
                await not_older_than(options.version, collection, self._now)
            snapshot = collection.snapshot()
            rows = snapshot.within(watch.namespace) if watch.namespace else snapshot.rows
            return _Start(snapshot.version, rows)
        if not options.version:
            return _Start(collection.version())
        if collection.has_issued(options.version):
            collection.events.since(options.version)
            return _Start(options.version)
        return _Start(options.version, resumption=Resumption(collection, options.version))

    async def _lines(self, watch: Watch, start: _Start) -> AsyncGenerator[bytes, None]:
        teller = Teller(self._frames, Style(watch.collection.resource, watch.representation, watch.include))
        # Nobody gains by guessing it.
        lifetime_s = watch.options.timeout_s or random.uniform(*LIFETIME_S)  # noqa: S311
        agenda = _Agenda(lifetime_s, watch.options.allow_bookmarks)
        version = start.version
        resumption = start.resumption
        async for lines in _sliced(teller, await _initial(start.rows, watch)):
            yield lines
            del lines
        # A watch lasts for an hour; the rows that it began with must not.
        del start
        if watch.options.marks_state_end:
            yield teller.bookmark(version, ends_initial=True)
        try:
            if resumption is not None:
                async for lines in _resumed(watch, resumption, teller, agenda):
                    yield lines
                    del lines
                version = resumption.end()
            async for lines in _live(watch, version, teller, agenda):
                yield lines
                del lines
        except Expired as error:
            yield failed(error)


async def _resumed(
    watch: Watch, resumption: Resumption, teller: Teller, agenda: "_Agenda"
) -> AsyncGenerator[bytes, None]:
    """What a client that comes from another replica is told until it is in step. Raises Expired as `_live` does."""
    journal = watch.collection.events
    while True:
        async for lines in _sliced(teller, await resumption.news(watch.selects(), watch.step)):
            yield lines
            del lines
        if agenda.is_over():
            return
        if resumption.is_behind:
            continue
        if resumption.is_over() or journal.is_closed:
            return
        if agenda.is_bookmark_due():
            yield teller.bookmark(resumption.version())
        await _until(agenda.next_at(), journal.wait_with_skipped(resumption.told))


async def _live(watch: Watch, version: Version, teller: Teller, agenda: "_Agenda") -> AsyncGenerator[bytes, None]:
    """What comes after `version`. Raises Expired when the client has read too slowly."""
    journal = watch.collection.events
    while not agenda.is_over():
        if journal.head > version:
            after, version = version, journal.head
            async for lines in _sliced(teller, seen(await _news(watch, after))):
                yield lines
                del lines
        elif journal.is_closed:
            # Whoever watched here comes back elsewhere, and not all at once.
            await asyncio.sleep(random.uniform(0.0, PARTING_S))  # noqa: S311 - spreads load, hides nothing
            return
        if agenda.is_bookmark_due():
            if journal.head <= version:
                version = max(version, watch.collection.version())
            yield teller.bookmark(version)
        await _until(agenda.next_at(), journal.wait(version))


async def _news(watch: Watch, version: Version) -> Sequence[RowEvent]:
    """What came after `version` and the watch is about, merged by key; raises Expired."""
    journal, selects = watch.collection.events, watch.selects()
    if selects is None:
        return journal.coalesced_since(version)
    return coalesced(await selected(journal.since(version), selects, watch.step))


async def _until(moment: float, news: Awaitable[None]) -> None:
    """Returns when there is news, or at a moment in the event loop's time."""
    try:
        async with asyncio.timeout_at(moment):
            await news
    except TimeoutError:
        return


async def _sliced(teller: Teller, events: Iterable[Event]) -> AsyncGenerator[bytes, None]:
    """The events as lines, in slices between which others on the event loop have their turn."""
    remaining = iter(events)
    while lines := teller.told(islice(remaining, _SLICE_EVENTS)):
        yield lines
        await asyncio.sleep(0)


async def _initial(rows: Sequence[Row], watch: Watch) -> Iterator[Event]:
    """The rows that the watch is about, as events in order of version: a client can go on after any of them."""
    selects, step, chosen = watch.selects(), watch.step, rows
    if selects is not None:
        chosen = []
        for start in range(0, len(rows), step):
            chosen += filter(selects, rows[start : start + step])
            await asyncio.sleep(0)
    runs = []
    for start in range(0, len(chosen), _RUN_ROWS):
        runs.append(sorted(chosen[start : start + _RUN_ROWS], key=_BY_VERSION))
        await asyncio.sleep(0)
    return (Event("ADDED", row, row.version) for row in merge(*runs, key=_BY_VERSION))


class _Agenda:
    """When a watch has its next bookmark, and when it ends, in the event loop's time."""

    def __init__(self, lifetime_s: float, has_bookmarks: bool) -> None:
        self._clock = asyncio.get_running_loop().time
        self._end = self._clock() + lifetime_s
        self._bookmark = self._next_bookmark() if has_bookmarks else math.inf

    def is_over(self) -> bool:
        return self._clock() >= self._end

    def is_bookmark_due(self) -> bool:
        if self._clock() < self._bookmark:
            return False
        self._bookmark = self._next_bookmark()
        return True

    def next_at(self) -> float:
        return min(self._bookmark, self._end)

    def _next_bookmark(self) -> float:
        """In a minute, but once shortly before the end: whoever comes back then has missed nearly nothing."""
        now, last = self._clock(), self._end - BOOKMARK_BEFORE_END_S
        regular = now + BOOKMARK_EVERY_S
        return min(regular, last) if now < last else regular
