"""A cache of encoded responses, shared by all clients that ask for the same.

A body is valid while its resource is at the version that it was made from and, where it contains ages, while their
text stays the same. A newer body replaces the older one of its key; the least recently used ones are evicted when all
together exceed a number of bytes. Keys count too, because clients write parts of them. However many requests need a
body at once, it is made once.

A body is made in a task. The first request starts it, it runs as long as any request waits for it, and the last one
to give up cancels it and waits for its end. So a client that disconnects does not restart the work for others, and no
task outlives the requests that it works for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded response made from `version`, valid until `expires_at`, in seconds since 1970.

    One that expires at 0 is not cached, but still shared by the requests that wait for it.
    """

    content: bytes
    version: int
    expires_at: float
    gzipped: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    body: Body
    size_bytes: int


@dataclass(slots=True)
class _Pending:
    task: asyncio.Task[Body]
    waiting: int = 0


class ResponseCache:
    """The bodies that were made lately."""

    def __init__(self, capacity_bytes: int, now: Callable[[], float]) -> None:
        """`now` gives seconds since 1970."""
        self._now = now
        self._entries: LRUCache[Hashable, _Entry] = LRUCache(capacity_bytes, lambda entry: entry.size_bytes)
        self._pending: dict[tuple[Hashable, int], _Pending] = {}

    def drop(self) -> None:
        """Drops all bodies; those that are being made are still shared."""
        self._entries.clear()

    async def body(self, key: Hashable, version: int, make: Callable[[], Awaitable[Body]]) -> Body:
        """The body for `key` made from `version`; `make` is called unless it is cached or being made."""
        entry = self._entries.get(key)
        if entry is not None and entry.body.version == version and self._now() < entry.body.expires_at:
            return entry.body
        pending = self._pending.get((key, version))
        if pending is None:
            pending = _Pending(asyncio.create_task(self._made(key, make), name="body"))
            self._pending[key, version] = pending
        pending.waiting += 1
        try:
            # Unlike an await of the task itself, this can be cancelled without it.
            await asyncio.wait((pending.task,))
        finally:
            pending.waiting -= 1
            if not pending.waiting:
                del self._pending[key, version]
                await _cancelled(pending.task)
        return pending.task.result()

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[Body]]) -> Body:
        body = await make()
        entry = _Entry(body, len(body.content) + len(repr(key)))
        if entry.size_bytes <= self._entries.maxsize and self._now() < body.expires_at:
            self._entries[key] = entry
        return body


async def _cancelled(task: asyncio.Task[Body]) -> None:
    """Cancels a task unless it is done, and returns once it has ended."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        # asyncio logs an exception that was never retrieved.
        task.exception()
