"""Watches: initial events where they are requested, then changes and bookmarks, until the timeout.

Behaves as kube-apiserver's watch cache (k8s.io/apiserver/pkg/storage/cacher) and streaming lists (KEP-3157).
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from kubesim.apierrors import ApiError, Expired, InternalError, status
from kubesim.apiserver.listing import CHUNK_BYTES
from kubesim.apiserver.throttle import Throttle
from kubesim.requests.options import ListOptions, Selection
from kubesim.responses.representations import Rendering
from kubesim.store.store import Change, JsonObject, Store, StoredObject, with_version

BOOKMARK_INTERVAL_S: Final = 60.0
BOOKMARK_BEFORE_END_S: Final = 2.0
INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"

# --min-request-timeout of kube-apiserver, and twice that.
_LIFETIMES_S: Final = (1800, 3600)


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch: its resource and namespace (empty: all), its rendering and its options."""

    resource: str
    namespace: str
    rendering: Rendering
    options: ListOptions

    @property
    def has_initial_events(self) -> bool:
        """Whether the current objects are sent first: if requested, or without a version to start from."""
        if self.options.send_initial_events is not None:
            return self.options.send_initial_events
        return not self.options.version

    def covers(self, change: Change) -> bool:
        """Whether a change is in the watched namespace."""
        return not self.namespace or change.last.namespace == self.namespace


class Watcher:
    """Streams watches of one store; with `refuses_watch_lists` as on an etcd that cannot report progress."""

    def __init__(self, store: Store, throttle: Throttle, refuses_watch_lists: bool) -> None:
        self._store: Final = store
        self._throttle: Final = throttle
        self._refuses_watch_lists: Final = refuses_watch_lists

    async def stream(self, watch: Watch) -> AsyncGenerator[bytes, None]:
        """The events as lines of JSON, one or more in a chunk, until the timeout or until its version is expired."""
        if self._refuses_watch_lists and watch.options.send_initial_events:
            yield _error(InternalError("required storage feature RequestWatchProgress is disabled"))
            return
        version = self._store.version
        is_first = True
        if watch.has_initial_events:
            state = filter(watch.options.selection.matches, self._store.list(watch.resource, watch.namespace))
            async for chunk in self._initial(watch, state):
                is_first = False
                yield chunk
            if watch.options.send_initial_events and watch.options.allow_watch_bookmarks:
                yield _bookmark(watch, version, {INITIAL_EVENTS_END: "true"})
        elif watch.options.version:
            version = watch.options.version
        try:
            async for chunk in self._changes(watch, version, is_first):
                yield chunk
        except Expired as error:
            yield _error(error)

    async def _initial(self, watch: Watch, state: Iterator[StoredObject]) -> AsyncGenerator[bytes, None]:
        parts: list[bytes] = []
        size, is_first = 0, True
        for stored in state:
            parts.append(_encoded(b"ADDED", watch.rendering.watched(stored, is_first)))
            size, is_first = size + len(parts[-1]), False
            if size >= CHUNK_BYTES:
                await self._throttle.spend(size)
                yield b"".join(parts)
                parts, size = [], 0
        if parts:
            await self._throttle.spend(size)
            yield b"".join(parts)

    async def _changes(self, watch: Watch, version: int, is_first: bool) -> AsyncGenerator[bytes, None]:
        now = asyncio.get_running_loop().time
        deadline = now() + (watch.options.timeout_s or random.randint(*_LIFETIMES_S))  # noqa: S311
        next_bookmark = _next_bookmark(now(), deadline)
        while now() < deadline:
            changes = await self._next_changes(watch.resource, version, min(deadline, next_bookmark))
            if changes:
                version = changes[-1].version
                if events := list(_events(watch, changes, is_first)):
                    is_first = False
                    yield b"".join(events)
            elif now() < deadline:
                version = self._store.version
                next_bookmark = _next_bookmark(now(), deadline)
                if watch.options.allow_watch_bookmarks:
                    yield _bookmark(watch, version)

    async def _next_changes(self, resource: str, version: int, until: float) -> Sequence[Change]:
        """The changes after `version`; empty if there are none at the loop time `until`."""
        try:
            async with asyncio.timeout_at(until):
                return await self._store.next_changes(resource, version)
        except TimeoutError:
            # A change can arrive between the timeout and this line; a bookmark must not skip it.
            return self._store.changes_since(resource, version)


def _next_bookmark(now: float, deadline: float) -> float:
    regular, last = now + BOOKMARK_INTERVAL_S, deadline - BOOKMARK_BEFORE_END_S
    return min(regular, last) if now < last else regular


def _events(watch: Watch, changes: Sequence[Change], is_first: bool) -> Iterator[bytes]:
    for change in changes:
        if watch.covers(change) and (event := _event(watch.options.selection, change)):
            kind, stored = event
            yield _encoded(kind, watch.rendering.watched(stored, is_first))
            is_first = False


def _event(selection: Selection, change: Change) -> tuple[bytes, StoredObject] | None:
    """The event of a change for this selection, None without one; an object that leaves it is DELETED."""
    was, is_now = selection.matches(change.before), selection.matches(change.after)
    if is_now:
        return (b"MODIFIED" if was else b"ADDED"), change.last
    if not was or change.before is None:
        return None
    return b"DELETED", change.last if change.after is None else with_version(change.before, change.version)


def _encoded(kind: bytes, obj: bytes) -> bytes:
    return b'{"type":"' + kind + b'","object":' + obj + b"}\n"


def _bookmark(watch: Watch, version: int, annotations: dict[str, str] | None = None) -> bytes:
    metadata: JsonObject = {"resourceVersion": str(version), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    return _encoded(b"BOOKMARK", watch.rendering.bookmark(metadata))


def _error(error: ApiError) -> bytes:
    return _encoded(b"ERROR", msgspec.json.encode(status(error)))
