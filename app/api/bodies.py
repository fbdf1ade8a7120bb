"""Encoded answers, kept for as long as they are right and shared by all who ask for the same.

A body is right while the collection is at the version that it was made from and, where it tells ages, while
their text stays the same. A newer body takes the place of the older one; the least recently used ones go when
all together exceed a number of bytes. Keys count too: clients write parts of them, and make as many as they
like. However many ask for a body at once, it is made once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache


@dataclass(frozen=True, slots=True)
class Body:
    """An encoded answer made from `version` and right until `expires`, in seconds since 1970."""

    content: bytes
    version: int
    expires: float


@dataclass(frozen=True, slots=True)
class _Kept:
    body: Body
    size_bytes: int


class BodyCache:
    """The bodies that were made lately."""

    def __init__(self, capacity_bytes: int, now: Callable[[], float]) -> None:
        """`now` tells seconds since 1970."""
        self._now = now
        self._bodies: LRUCache[Hashable, _Kept] = LRUCache(capacity_bytes, lambda kept: kept.size_bytes)
        self._in_the_making: dict[tuple[Hashable, int], asyncio.Future[Body]] = {}

    async def body(self, key: Hashable, version: int, make: Callable[[], Awaitable[Body]]) -> Body:
        """The body for `key` made from `version`; `make` is called unless there is one or one is being made."""
        while True:
            kept = self._bodies.get(key)
            if kept is not None and kept.body.version == version and self._now() < kept.body.expires:
                return kept.body
            pending = self._in_the_making.get((key, version))
            if pending is None:
                return await self._made(key, version, make)
            await asyncio.wait((pending,))
            if not pending.cancelled():
                return pending.result()
            # Whoever was making it gave up; one of those who wait takes over.

    async def _made(self, key: Hashable, version: int, make: Callable[[], Awaitable[Body]]) -> Body:
        pending = self._in_the_making[key, version] = asyncio.get_running_loop().create_future()
        try:
            body = await make()
        except BaseException:
            pending.cancel()
            raise
        finally:
            del self._in_the_making[key, version]
        pending.set_result(body)
        self._keep(key, body)
        return body

    def _keep(self, key: Hashable, body: Body) -> None:
        kept = _Kept(body, len(body.content) + len(repr(key)))
        if kept.size_bytes <= self._bodies.maxsize:
            self._bodies[key] = kept
