"""What a watch sees of the events of a journal, and how it is told.

A watch sees the rows that it selects: one that comes to be selected is added to it, one that no longer is, is
deleted from it. Frames are encoded once and shared by all watches that are told the same in the same form.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from cachetools import LRUCache

from kubesum.api.lists.listing import ListMeta, row_document
from kubesum.api.representations.objects import ENCODER
from kubesum.api.representations.status import status_body
from kubesum.api.representations.table import Ages, column_definitions
from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include
from kubesum.rollups.events import RowEvent
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row
from kubesum.vocabulary.errors import ApiError
from kubesum.vocabulary.resource import ComputedResource, Key

INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""Annotates the bookmark that follows the initial state; k8s.io/apimachinery/pkg/apis/meta/v1/types.go."""
CACHE_BYTES: Final = 8 * 1024 * 1024

Selects = Callable[[Row], bool]


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event of a watch: `row` is told as of `version`."""

    type: str
    row: Row
    version: Version


def about(event: RowEvent, selects: Selects) -> RowEvent | None:
    """An event as it is to a watch that selects rows: it comes when it is selected, and goes when no longer.

    None where it was and is none of the watch's rows. To be asked before events are merged by key: a transition
    has the version of the event that made it, or a watch that is cut off between the two would miss it.
    """
    before = event.before if event.before is not None and selects(event.before) else None
    after = event.after if event.after is not None and selects(event.after) else None
    if before is None and after is None:
        return None
    return RowEvent(event.version, before, after)


async def selected(events: Sequence[RowEvent], selects: Selects, step: int) -> Sequence[RowEvent]:
    """The events as they are to a watch that selects rows, looked at `step` at a time."""
    chosen: list[RowEvent] = []
    for start in range(0, len(events), step):
        looked_at = (about(event, selects) for event in events[start : start + step])
        chosen += [event for event in looked_at if event is not None]
        await asyncio.sleep(0)
    return chosen


def seen(events: Iterable[RowEvent]) -> Iterator[Event]:
    """What a watch that is up to date sees of the events that follow.

    A row that is no longer selected is told as it was when it still was, with the version of what changed it:
    k8s.io/apiserver/pkg/storage/cacher/cache_watcher.go, convertToWatchEvent.
    """
    for event in events:
        if event.after is not None:
            yield Event("ADDED" if event.before is None else "MODIFIED", event.after, event.version)
        elif event.before is not None:
            yield Event("DELETED", event.before, event.version)


def repeated(events: Iterable[RowEvent], asked: Version) -> Iterator[Event]:
    """What a watch has to see whose client knows the rows as of some moment among `events`, nobody knows which.

    The last state of each row that changed or passed through others, and the end of each that may have been selected
    in between. An event that is no news to the client does no harm. `asked` is the version that the client has.
    """
    chains: dict[Key, list[RowEvent]] = {}
    for event in events:
        chains.setdefault(event.key, []).append(event)
    for chain in sorted(chains.values(), key=lambda chain: chain[-1].version):
        yield from _repeated(chain, asked)


def _repeated(chain: list[RowEvent], asked: Version) -> Iterator[Event]:
    version, last = chain[-1].version, chain[-1].after
    known = [event.before for event in chain if event.before is not None]
    came_anew = any(event.after is None for event in chain[:-1])
    # Of an object that took the place of another, the end of the older one is told too, but only if that is news: a
    # client that knows the newer one already and is cut off after the deletion would have lost it, since what was
    # long before its version is told again by nobody.
    if known and (last is None or (came_anew and version > asked)):
        yield Event("DELETED", known[-1], version)
    if last is not None:
        is_new = came_anew or chain[0].before is None
        yield Event("ADDED" if is_new else "MODIFIED", last, version)


@dataclass(frozen=True, slots=True)
class Style:
    """The form in which a watch tells of the rows of a resource."""

    resource: ComputedResource
    representation: Representation
    include: Include


class Frames:
    """Encoded events, kept while they are news."""

    def __init__(self, now: Callable[[], float], capacity_bytes: int = CACHE_BYTES) -> None:
        """`now` tells seconds since 1970."""
        self._now = now
        self._kept: LRUCache[tuple[object, ...], bytes] = LRUCache(capacity_bytes, len)

    def frame(self, event: Event, style: Style, with_columns: bool) -> bytes:
        """One event as a line of JSON; `with_columns` counts for Tables only."""
        # No two published rows have the same version, and a second is what ages are told in.
        now = self._now()
        second = int(now) if style.representation.form is Form.TABLE else 0
        told = (event.type, event.row.version, event.version)
        key = (told, style.representation, style.include, with_columns, second)
        if (kept := self._kept.get(key)) is not None:
            return kept
        encoded = _frame(event.type, _document(event, style, with_columns, now))
        # Rows that passed unpublished share a version: they can't be told apart here.
        if event.row.version and len(encoded) <= self._kept.maxsize:
            self._kept[key] = encoded
        return encoded


class Teller:
    """Tells one watch its events: a Table has its columns until an event has carried them."""

    def __init__(self, frames: Frames, style: Style) -> None:
        self._frames = frames
        self._style = style
        self._with_columns = style.representation.form is Form.TABLE

    def told(self, events: Iterable[Event]) -> bytes:
        """The events, a line each."""
        lines = []
        for event in events:
            lines.append(self._frames.frame(event, self._style, self._with_columns))
            self._with_columns = False
        return b"".join(lines)

    def bookmark(self, version: Version, *, ends_initial: bool = False) -> bytes:
        """A line that says that everything up to `version` is told."""
        metadata: dict[str, object] = {"resourceVersion": str(version), "creationTimestamp": None}
        if ends_initial:
            metadata["annotations"] = {INITIAL_EVENTS_END: "true"}
        resource, representation = self._style.resource, self._style.representation
        if representation.form is Form.OBJECT:
            of_kind = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
            return _frame("BOOKMARK", of_kind)
        partial = {
            "kind": "PartialObjectMetadata",
            "apiVersion": representation.api_version,
            "metadata": metadata,
        }
        if representation.form is not Form.TABLE:
            return _frame("BOOKMARK", partial)
        row = {"cells": [""] * len(resource.columns), "object": partial}
        return _frame("BOOKMARK", _table(self._style, version, row, self._with_columns))


def failed(error: ApiError) -> bytes:
    """The line that ends a watch which cannot go on."""
    return _frame("ERROR", msgspec.Raw(status_body(error).rstrip()))


def _frame(kind: str, document: object) -> bytes:
    return ENCODER.encode({"type": kind, "object": document}) + b"\n"


def _document(event: Event, style: Style, with_columns: bool, now: float) -> object:
    row = event.row
    if row.version != event.version:
        row = msgspec.structs.replace(row, version=event.version)
    document = row_document(style.resource, style.representation, style.include, Ages(now))(row)
    if style.representation.form is not Form.TABLE:
        return document
    return _table(style, event.version, document, with_columns)


def _table(style: Style, version: Version, row: Any, with_columns: bool) -> dict[str, object]:
    return {
        "kind": "Table",
        "apiVersion": style.representation.api_version,
        "metadata": ListMeta(str(version)),
        "columnDefinitions": column_definitions(style.resource) if with_columns else None,
        "rows": (row,),
    }
