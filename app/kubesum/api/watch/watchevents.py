"""The events that a watch sends: which they are for the rows that it selects, and how they are encoded.

A row that comes to be selected is ADDED, one that no longer is, is DELETED. Each event is encoded once for all
watches that send it in the same format.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from cachetools import LRUCache

from kubesum.api.lists.paging import ListMeta
from kubesum.api.representations.objects import ENCODER
from kubesum.api.representations.rowformat import RowFormat
from kubesum.api.representations.status import status_body
from kubesum.api.representations.table import Ages, column_definitions
from kubesum.api.requests.negotiation import Form
from kubesum.rollups.events import RowEvent, coalesced
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row
from kubesum.vocabulary.errors import ApiError
from kubesum.vocabulary.resource import Key

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""Annotates the bookmark that follows the initial state; k8s.io/apimachinery/pkg/apis/meta/v1/types.go."""
CACHE_BYTES: Final = 8 * 1024 * 1024

Predicate = Callable[[Row], bool]
"""Whether a watch selects a row."""


class WatchEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of a watch: `row` is sent with `version` as its resourceVersion."""

    type: str
    row: Row
    version: Version


def filtered(event: RowEvent, selects: Predicate) -> RowEvent | None:
    """An event for a watch that selects rows: a row is created when it comes to be selected, and deleted after.

    None where it was not selected and is not. To be called before events are coalesced: the deletion of a row must
    have the version at which it left the selection, or a client that is cut off before a later one would miss it.
    """
    before = event.before if event.before is not None and selects(event.before) else None
    after = event.after if event.after is not None and selects(event.after) else None
    if before is None and after is None:
        return None
    return RowEvent(event.version, before, after)


async def all_filtered(events: Sequence[RowEvent], selects: Predicate, slice_events: int) -> Sequence[RowEvent]:
    """`filtered` for many events, with a pause after each slice of them."""
    found: list[RowEvent] = []
    for start in range(0, len(events), slice_events):
        of_slice = (filtered(event, selects) for event in events[start : start + slice_events])
        found += [event for event in of_slice if event is not None]
        await asyncio.sleep(0)
    return found


def watch_events(events: Iterable[RowEvent]) -> Iterator[WatchEvent]:
    """What a watch sends whose client has everything before these events.

    A row that is no longer selected is sent as it was when it still was, with the version of the event:
    k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go, convertToWatchEvent.
    """
    for event in events:
        if event.after is not None:
            yield WatchEvent("ADDED" if event.before is None else "MODIFIED", event.after, event.version)
        elif event.before is not None:
            yield WatchEvent("DELETED", event.before, event.version)


def replayed(events: Iterable[RowEvent], unknown_until: Version) -> Iterator[WatchEvent]:
    """What a watch sends whose client comes from other replicas.

    They may have published each event until `unknown_until`, and skipped each, and sent any number of them; but none
    that came later.
    """
    chains: dict[Key, list[RowEvent]] = {}
    for event in events:
        chains.setdefault(event.key, []).append(event)
    for chain in sorted(chains.values(), key=lambda chain: chain[-1].version):
        if chain[0].version > unknown_until:
            yield from watch_events(coalesced(event for event in chain if not event.is_skipped))
        else:
            yield from _replayed(chain)


def _replayed(chain: list[RowEvent]) -> Iterator[WatchEvent]:
    """The same for the events of one key of which the client may have seen any number.

    An object that is there now is MODIFIED: client-go creates an object that is modified and unknown. It may have
    been known for long, so that ADDED would be wrong, and so would be the deletion of an older object of its name.
    """
    version, last = chain[-1].version, chain[-1].after
    if last is not None:
        yield WatchEvent("MODIFIED", last, version)
    elif earlier := [event.before for event in chain if event.before is not None]:
        yield WatchEvent("DELETED", earlier[-1], version)


class FrameCache:
    """Encoded events, shared by all watches."""

    def __init__(self, now: Callable[[], float], capacity_bytes: int = CACHE_BYTES) -> None:
        """`now` gives seconds since 1970."""
        self._now = now
        self._frames: LRUCache[tuple[object, ...], bytes] = LRUCache(capacity_bytes, len)

    def drop(self) -> None:
        """Drops all encoded events."""
        self._frames.clear()

    def frame(self, event: WatchEvent, format_: RowFormat, with_columns: bool) -> bytes:
        """One event as a line of JSON; `with_columns` counts for Tables only."""
        # Published rows have versions of their own, and ages are written to the second.
        now = self._now()
        second = int(now) if format_.representation.form is Form.TABLE else 0
        identity = (event.type, event.row.version, event.version)
        key = (identity, format_.representation, format_.include, with_columns, second)
        if (frame := self._frames.get(key)) is not None:
            return frame
        frame = _frame(event.type, _document(event, format_, with_columns, now))
        # The rows of skipped states all have version 0, which tells none from another.
        if event.row.version and len(frame) <= self._frames.maxsize:
            self._frames[key] = frame
        return frame


class EventEncoder:
    """Encodes the events of one watch: its first event in a Table carries the columns."""

    def __init__(self, frames: FrameCache, format_: RowFormat) -> None:
        self._frames = frames
        self._format = format_
        self._with_columns = format_.representation.form is Form.TABLE

    def encoded(self, events: Iterable[WatchEvent]) -> bytes:
        """The events, a line each."""
        lines = []
        for event in events:
            lines.append(self._frames.frame(event, self._format, self._with_columns))
            self._with_columns = False
        return b"".join(lines)

    def bookmark(self, version: Version, *, ends_initial: bool = False) -> bytes:
        """A bookmark: the client has everything up to `version`."""
        metadata: dict[str, object] = {"resourceVersion": str(version), "creationTimestamp": None}
        if ends_initial:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        resource, representation = self._format.resource, self._format.representation
        if representation.form is Form.OBJECT:
            empty = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
            return _frame("BOOKMARK", empty)
        partial = {
            "kind": "PartialObjectMetadata",
            "apiVersion": representation.api_version,
            "metadata": metadata,
        }
        if representation.form is not Form.TABLE:
            return _frame("BOOKMARK", partial)
        row = {"cells": [""] * len(resource.columns), "object": partial}
        return _frame("BOOKMARK", _table(self._format, version, row, self._with_columns))


def error_frame(error: ApiError) -> bytes:
    """The line that ends a watch which cannot go on."""
    return _frame("ERROR", msgspec.Raw(status_body(error).rstrip()))


def _frame(kind: str, document: object) -> bytes:
    return ENCODER.encode({"type": kind, "object": document}) + b"\n"


def _document(event: WatchEvent, format_: RowFormat, with_columns: bool, now: float) -> object:
    row = event.row
    if row.version != event.version:
        row = msgspec.structs.replace(row, version=event.version)
    document = format_.document(row, Ages(now))
    if format_.representation.form is not Form.TABLE:
        return document
    return _table(format_, event.version, document, with_columns)


def _table(format_: RowFormat, version: Version, row: Any, with_columns: bool) -> dict[str, object]:
    return {
        "kind": "Table",
        "apiVersion": format_.representation.api_version,
        "metadata": ListMeta(str(version)),
        "columnDefinitions": column_definitions(format_.resource) if with_columns else None,
        "rows": (row,),
    }
