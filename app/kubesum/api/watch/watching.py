"""Watches: where they start, what they send, and when they end.

A watch keeps a version and nothing else: everything up to there is sent. It takes what follows from the events of its
store, once there is something and the client has read what was sent before. So a client that reads slowly gets the
sum of the changes, and one for which events are no longer kept gets 410.

Versions of all replicas are ordered, but only the process that issued one knows exactly which events came before it.
A watch that continues from a version of another process is Expired if its client asks for bookmarks, as all do that
keep a copy: they list again. Others, such as kubectl, would give up, so that their watches begin with a Resumption.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Final

from kubesum.api.lists.freshness import not_older_than
from kubesum.api.representations.rowformat import RowFormat
from kubesum.api.requests.negotiation import Representation
from kubesum.api.requests.options import Include, WatchOptions
from kubesum.api.watch.resumption import Resumption
from kubesum.api.watch.timer import WatchTimer
from kubesum.api.watch.watchevents import (
    EventEncoder,
    FrameCache,
    Predicate,
    WatchEvent,
    all_filtered,
    error_frame,
    watch_events,
)
from kubesum.operations.pacer import Turns
from kubesum.rollups.events import BY_VERSION, RowEvent, coalesced
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row
from kubesum.rollups.store import Store
from kubesum.vocabulary.errors import Expired

LIFETIME_S: Final = (1800.0, 3600.0)
"""Watches end at random within these, so that not all resume at once: kube-apiserver's --min-request-timeout."""
CLOSING_S: Final = 3.0
"""Over how long the ends of all watches are spread when no event will follow, because the server stops."""

_SLICE_EVENTS: Final = 200
"""So many events are matched before other tasks run."""
_ENCODED_EVENTS: Final = 50
"""So many are encoded before other tasks run."""
_MOST_AT_ONCE: Final = 25
"""So many watches go on in one iteration of the event loop, if what they send takes little time. The end of one takes
a fifth of a millisecond, in several iterations."""
_RUN_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """A request for a watch; `namespace` empty is all namespaces."""

    store: Store
    namespace: str
    options: WatchOptions
    representation: Representation
    include: Include = Include.METADATA

    def predicate(self) -> Predicate | None:
        """Whether the watch selects a row; None if it selects all."""
        if not self.namespace and not self.options.selector:
            return None
        namespace, selects = self.namespace, self.options.selector.predicate(self.store.resource)
        if not namespace:
            return selects
        return lambda row: row.key[0] == namespace and selects(row)

    @property
    def slice_rows(self) -> int:
        """How many rows may be matched before other tasks run."""
        return max(1, _SLICE_EVENTS // max(1, len(self.options.selector)))


@dataclass(frozen=True, slots=True)
class _Start:
    """Where a watch begins: with these rows, or with a resumption, and with the events after `version`."""

    version: Version
    rows: Sequence[Row] = ()
    resumption: Resumption | None = None
    floor: Version = 0
    """The least version that one of the rows is sent with."""


class Watches:
    """The watches of all resources, which share encoded events."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` gives seconds since 1970."""
        self._now = now
        self._frames = FrameCache(now)
        self.turns: Final = Turns(_MOST_AT_ONCE)
        """Of all watches: a change may wake thousands of them, and as many may end at once."""

    def drop_caches(self) -> None:
        """Drops what only saves time."""
        self._frames.drop()

    async def open(self, request: WatchRequest) -> AsyncGenerator[bytes, None]:
        """The lines of a watch, many at a time, as they come; they end with the watch.

        Raises Expired, Timeout and ServiceUnavailable for a version from which the watch cannot start.
        """
        return self._watch(request, await self._start(request))

    async def _start(self, request: WatchRequest) -> _Start:
        options, store = request.options, request.store
        if options.starts_with_state:
            if options.version:
                await not_older_than(options.version, store, self._now)
            snapshot = store.snapshot()
            within = snapshot.within(request.namespace)
            rows = snapshot.rows[within.start : within.stop]
            # Without a version, its client may be cut off among the rows and go on from there: each needs its own.
            return _Start(snapshot.version, rows, floor=snapshot.floor if options.version else 0)
        if not options.version:
            return _Start(store.version())
        if store.has_issued(options.version):
            store.events.since(options.version)  # raises Expired now, while the answer can still be a 410
            return _Start(options.version)
        if options.allow_bookmarks:
            # Only what another replica had published by then would tell which events are new to this client.
            raise Expired(f"resourceVersion {options.version} is not of this replica, or too old; list again")
        return _Start(options.version, resumption=Resumption(store, options.version))

    async def _watch(self, request: WatchRequest, start: _Start) -> AsyncGenerator[bytes, None]:
        with request.store.watching():
            async for lines in self._lines(request, start):
                yield lines
                del lines

    async def _lines(self, request: WatchRequest, start: _Start) -> AsyncGenerator[bytes, None]:
        encoder = EventEncoder(
            self._frames, RowFormat(request.store.resource, request.representation, request.include)
        )
        lifetime_s = request.options.timeout_s or random.uniform(*LIFETIME_S)  # noqa: S311 - spreads load
        timer = WatchTimer(lifetime_s, request.options.allow_bookmarks)
        version, resumption = start.version, start.resumption
        async for lines in _sliced(encoder, await _initial_events(start, request, self.turns), self.turns):
            yield lines
            del lines
        # A watch lasts for an hour; the rows that it began with must not.
        del start
        if request.options.marks_state_end:
            yield encoder.bookmark(version, ends_initial=True)
        try:
            if resumption is not None:
                async for lines in _resumed(request, resumption, encoder, timer, self.turns):
                    yield lines
                    del lines
                version = resumption.end()
            async for lines in _live(request, version, encoder, timer, self.turns):
                yield lines
                del lines
        except Expired as error:
            yield error_frame(error)


async def _resumed(
    request: WatchRequest, resumption: Resumption, encoder: EventEncoder, timer: WatchTimer, turns: Turns
) -> AsyncGenerator[bytes, None]:
    """What a resumption sends, until the client agrees with this replica. Raises Expired as `_live` does."""
    events = request.store.events
    while True:
        await turns.wait()
        changes = await resumption.next_events(request.predicate(), request.slice_rows)
        async for lines in _sliced(encoder, changes, turns):
            yield lines
            del lines
        if timer.is_over():
            return
        if resumption.has_more:
            continue
        if resumption.is_over() or events.is_closed:
            return
        await timer.wait(events.wait_with_skipped(resumption.sent_until))


async def _live(
    request: WatchRequest, version: Version, encoder: EventEncoder, timer: WatchTimer, turns: Turns
) -> AsyncGenerator[bytes, None]:
    """What follows after `version`. Raises Expired when the client has read too slowly."""
    store, events = request.store, request.store.events
    while not timer.is_over():
        if events.head > version:
            # A change wakes all watches.
            await turns.wait()
            after, version = version, events.head
            async for lines in _sliced(encoder, watch_events(await _events_since(request, after)), turns):
                yield lines
                del lines
        elif events.is_closed:
            # Clients resume on another replica, and not all at once.
            await asyncio.sleep(random.uniform(0.0, CLOSING_S))  # noqa: S311 - spreads load, hides nothing
            return
        if timer.take_bookmark():
            if events.head <= version:
                version = max(version, store.version())
            yield encoder.bookmark(version)
        await timer.wait(events.wait(version))


async def _events_since(request: WatchRequest, version: Version) -> Sequence[RowEvent]:
    """The events after `version` of the rows that the watch selects, coalesced; raises Expired."""
    events, selects = request.store.events, request.predicate()
    if selects is None:
        return events.coalesced_since(version)
    return coalesced(await all_filtered(events.since(version), selects, request.slice_rows))


async def _sliced(encoder: EventEncoder, events: Iterable[WatchEvent], turns: Turns) -> AsyncGenerator[bytes, None]:
    """The events as lines, in slices between which other tasks run."""
    remaining = iter(events)
    while of_slice := [*islice(remaining, _ENCODED_EVENTS)]:
        yield encoder.encoded(of_slice)
        if len(of_slice) < _ENCODED_EVENTS:
            return
        await turns.wait()


async def _initial_events(begun: _Start, request: WatchRequest, turns: Turns) -> Iterator[WatchEvent]:
    """The rows that the watch selects, ADDED in order of version: a client can resume after any of them."""
    rows, floor = begun.rows, begun.floor
    selects, slice_rows, selected = request.predicate(), request.slice_rows, rows
    if selects is not None:
        selected = []
        for start in range(0, len(rows), slice_rows):
            await turns.wait()
            selected += filter(selects, rows[start : start + slice_rows])
    runs = []
    for start in range(0, len(selected), _RUN_ROWS):
        await turns.wait()
        runs.append(sorted(selected[start : start + _RUN_ROWS], key=BY_VERSION))
    return (WatchEvent("ADDED", row, max(row.version, floor)) for row in merge(*runs, key=BY_VERSION))
