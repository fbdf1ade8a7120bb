"""Encoded answers, kept for as long as they are right and shared by all who ask for the same.

A body is right while the collection is at the version that it was made from and, where it tells ages, while
their text stays the same. A newer body takes the place of the older one; the least recently used ones go when
all together exceed a number of bytes. Keys count too: clients write parts of them, and make as many as they
like. However many ask for a body at once, it is made once.

What makes a body is a task of those who wait for it: the first one starts it, it goes on as long as any of them
waits, and the last one to give up cancels it and sees it end. So nobody has to begin anew because somebody else hung
up, and no work outlives the requests that it is done for: no other group of tasks need know of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded answer made from `version` and right until `expires`, in seconds since 1970; 0 is for now alone."""

    content: bytes
    version: int
    expires: float


@dataclass(frozen=True, slots=True)
class _Kept:
    body: Body
    size_bytes: int


@dataclass(slots=True)
class _Making:
    task: asyncio.Task[Body]
    waiting: int = 0


class BodyCache:
    """The bodies that were made lately."""

    def __init__(self, capacity_bytes: int, now: Callable[[], float]) -> None:
        """`now` tells seconds since 1970."""
        self._now = now
        self._bodies: LRUCache[Hashable, _Kept] = LRUCache(capacity_bytes, lambda kept: kept.size_bytes)
        self._in_the_making: dict[tuple[Hashable, int], _Making] = {}

    async def body(self, key: Hashable, version: int, make: Callable[[], Awaitable[Body]]) -> Body:
        """The body for `key` made from `version`; `make` is called unless there is one or one is being made."""
        kept = self._bodies.get(key)
        if kept is not None and kept.body.version == version and self._now() < kept.body.expires:
            return kept.body
        making = self._in_the_making.get((key, version))
        if making is None:
            making = _Making(asyncio.create_task(self._made(key, make), name="body"))
            self._in_the_making[key, version] = making
        making.waiting += 1
        try:
            # Who waits in this way can be cancelled without the task.
            await asyncio.wait((making.task,))
        finally:
            making.waiting -= 1
            if not making.waiting:
                del self._in_the_making[key, version]
                await _ended(making.task)
        return making.task.result()

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[Body]]) -> Body:
        body = await make()
        kept = _Kept(body, len(body.content) + len(repr(key)))
        if kept.size_bytes <= self._bodies.maxsize and self._now() < body.expires:
            self._bodies[key] = kept
        return body


async def _ended(task: asyncio.Task[Body]) -> None:
    """Returns once a task has ended that nobody waits for any more."""
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled():
        # Taken note of, or asyncio would complain about an error that nobody has looked at.
        task.exception()
