"""When a watch sends its next bookmark, and when it ends."""

import asyncio
import math
from collections.abc import Awaitable
from typing import Final

BOOKMARK_INTERVAL_S: Final = 60.0
BOOKMARK_BEFORE_END_S: Final = 2.0
"""So long before its end a watch sends a last bookmark: a client that resumes from it has missed next to nothing."""


class WatchTimer:
    """The times of one watch, in those of the event loop."""

    def __init__(self, lifetime_s: float, has_bookmarks: bool) -> None:
        self._now: Final = asyncio.get_running_loop().time
        self._end: Final = self._now() + lifetime_s
        self._bookmark = self._next_bookmark() if has_bookmarks else math.inf

    def is_over(self) -> bool:
        """Whether the watch has to end."""
        return self._now() >= self._end

    def take_bookmark(self) -> bool:
        """Whether a bookmark is due; the next one is due later."""
        if self._now() < self._bookmark:
            return False
        self._bookmark = self._next_bookmark()
        return True

    async def wait(self, events: Awaitable[None]) -> None:
        """Returns when there are events, when a bookmark is due, or at the end."""
        try:
            async with asyncio.timeout_at(min(self._bookmark, self._end)):
                await events
        except TimeoutError:
            return

    def _next_bookmark(self) -> float:
        now, last = self._now(), self._end - BOOKMARK_BEFORE_END_S
        regular = now + BOOKMARK_INTERVAL_S
        return min(regular, last) if now < last else regular
