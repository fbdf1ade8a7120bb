"""Watches: from where they start, what they tell, and when they end.

A watch holds a version and nothing else: up to there everything is told. What came since it takes from the
journal of its collection when the journal calls and the client has read what it was sent before. So a client
that reads slowly gets the sum of the changes, and one that reads too slowly for the journal is told to begin anew.

Versions order what all replicas did, but only the process that issued one knows exactly what came before it.
Continued from a version of another process, a watch repeats what changed since a little earlier.
"""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Final

import msgspec

from app.api.freshness import not_older_than, too_large
from app.api.negotiation import Representation
from app.api.options import Include, WatchOptions
from app.api.status import RETRY_SOON
from app.api.watchevents import Event, Frames, Selects, Style, Teller, about, failed, repeated, seen
from app.rollups.clock import NOBODY, TAGS, Version
from app.rollups.collection import Collection
from app.rollups.journal import Journal, RowEvent, coalesced
from app.rollups.rows import Row
from app.vocabulary.errors import Expired, ServiceUnavailable

BOOKMARK_EVERY_S: Final = 60.0
BOOKMARK_BEFORE_END_S: Final = 2.0
LIFETIME_S: Final = (1800.0, 3600.0)
"""Watches end at random within these, lest all come back at once: kube-apiserver's --min-request-timeout."""
PARTING_S: Final = 3.0
"""Over this time watches end when there is nothing more to tell: the server stops, or the resource is gone."""
LAG_S: Final = 10.0
"""By how much replicas may differ in what they have seen of the cluster, and in what their clocks say."""
AHEAD_S: Final = 3.0
"""How far another replica's clock may be ahead: well below LAG_S, which has to make up for it."""

_SLICE_EVENTS: Final = 200
_RUN_ROWS: Final = 5_000
_BY_VERSION: Final = attrgetter("version")


@dataclass(frozen=True, slots=True)
class Watch:
    """A watch that somebody asks for; `namespace` empty is all namespaces."""

    collection: Collection
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
    """Where a watch begins: with these rows, or these events, and live after `version`."""

    version: Version
    rows: Sequence[Row] = ()
    events: Sequence[Event] = ()


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
            await not_older_than(options.version, collection.version(), self._now)
            version = collection.version_above(options.version) if options.version else collection.version()
            snapshot = collection.snapshot()
            return _Start(version, snapshot.within(watch.namespace) if watch.namespace else snapshot.rows)
        if not options.version:
            return _Start(collection.version())
        if collection.has_issued(options.version):
            collection.journal.since(options.version)
            return _Start(options.version)
        return await _elsewhere(watch)

    async def _lines(self, watch: Watch, start: _Start) -> AsyncGenerator[bytes, None]:
        teller = Teller(self._frames, Style(watch.collection.resource, watch.representation, watch.include))
        # Nobody gains by guessing it.
        lifetime_s = watch.options.timeout_s or random.uniform(*LIFETIME_S)  # noqa: S311
        agenda = _Agenda(lifetime_s, watch.options.allow_bookmarks)
        version = start.version
        async for lines in _sliced(teller, start.events or await _initial(start.rows, watch)):
            yield lines
            del lines
        # A watch lasts for an hour; the rows that it began with must not.
        del start
        if watch.options.marks_state_end:
            yield teller.bookmark(version, ends_initial=True)
        try:
            async for lines in _live(watch, version, teller, agenda):
                yield lines
                del lines
        except Expired as error:
            yield failed(error)


async def _live(watch: Watch, version: Version, teller: Teller, agenda: "_Agenda") -> AsyncGenerator[bytes, None]:
    """What comes after `version`. Raises Expired when the client has read too slowly."""
    journal = watch.collection.journal
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
        await _called(journal, version, agenda.next_at())


async def _news(watch: Watch, version: Version) -> Sequence[RowEvent]:
    """What came after `version` and the watch is about, merged by key; raises Expired."""
    journal, selects = watch.collection.journal, watch.selects()
    if selects is None:
        return journal.news(version)
    return coalesced(await _selected(journal.since(version), selects, watch.step))


async def _selected(events: Sequence[RowEvent], selects: Selects, step: int) -> list[RowEvent]:
    """The events as they are to a watch that selects rows, looked at `step` at a time."""
    chosen: list[RowEvent] = []
    for start in range(0, len(events), step):
        looked_at = (about(event, selects) for event in events[start : start + step])
        chosen += [event for event in looked_at if event is not None]
        await asyncio.sleep(0)
    return chosen


async def _called(journal: Journal, version: Version, until: float) -> None:
    """Returns when there is news after `version`, or at `until`."""
    try:
        async with asyncio.timeout_at(until):
            await journal.changed(version)
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


async def _elsewhere(watch: Watch) -> _Start:
    """A start from a version of another process.

    Its replica may have seen less of the cluster at that time than this one, so everything since LAG_S earlier is
    repeated. Until the last event is told, versions are given that no process takes for its own: whoever is cut
    off in between and comes back is told everything again.
    """
    asked, collection = watch.options.version, watch.collection
    clock, journal = collection.clock, collection.journal
    if clock.age_s(asked) < -AHEAD_S:
        raise too_large(asked, collection.version())
    if asked < journal.complete_since:
        raise Expired(f"too old resource version: {asked} ({journal.complete_since})")
    since = clock.moment(LAG_S + max(0.0, clock.age_s(asked)))
    if since < journal.complete_since:
        # The replica that issued it can tell, and the client's next attempt may find it.
        raise ServiceUnavailable("this replica has not been watching for long enough to continue a watch", RETRY_SOON)
    selects, changes = watch.selects(), journal.since(since)
    first = asked // TAGS + 1
    # Before any pause: what comes in one is news. A change is repeated as two events at the most.
    version = collection.version_above((first + 2 * len(changes)) * TAGS)
    events = [*repeated(changes if selects is None else await _selected(changes, selects, watch.step))]
    stamped = [
        msgspec.structs.replace(event, version=at * TAGS + NOBODY) for at, event in enumerate(events, start=first)
    ]
    if stamped:
        stamped[-1] = msgspec.structs.replace(stamped[-1], version=version)
    return _Start(version, events=stamped)


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
