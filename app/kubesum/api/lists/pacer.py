"""Pauses of long work in the event loop, and whose turn it is to go on.

Requests that need long work do it in slices. However many there are, one of them works in each iteration of the event
loop, in turn, so that everything else waits for one slice and not for one of each.
"""

import asyncio
import time
from collections import deque
from typing import Final

SLICE_S: Final = 0.002
"""For how long one request works before others do."""


class Turns:
    """The order in which requests go on with long work."""

    def __init__(self) -> None:
        self._waiting: Final[deque[asyncio.Future[None]]] = deque()

    def pacer(self) -> "Pacer":
        """The pacer of one more request."""
        return Pacer(self, 0.0 if self._waiting else time.perf_counter())

    async def wait(self) -> None:
        """Returns in a later iteration of the event loop, after all who waited before, one in each iteration."""
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._go_on)
        self._waiting.append(mine)
        await mine

    def _go_on(self) -> None:
        """Lets the next one go on, in the next iteration."""
        while self._waiting:
            first = self._waiting.popleft()
            # One that was cancelled while it waited must not use up the turn of another.
            if not first.done():
                first.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._go_on)


class Pacer:
    """Lets other tasks run whenever a slice of time is over."""

    def __init__(self, turns: Turns, began: float) -> None:
        """`began` is when its first slice did, by `time.perf_counter`."""
        self._turns = turns
        self._began = began

    async def pause(self) -> None:
        """To be called before and between small pieces of work."""
        if time.perf_counter() - self._began > SLICE_S:
            await self._turns.wait()
            self._began = time.perf_counter()
