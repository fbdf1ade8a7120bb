"""Pauses of long work in the event loop, and whose turn it is to go on.

Requests that need long work do it in slices, and so do watches when something changes. However many there are, those
that go on in one iteration of the event loop take about one slice together, in turn, so that everything else waits
for one slice and not for one of each.
"""

import asyncio
import time
from collections import deque
from typing import Final

SLICE_S: Final = 0.002
"""For how long requests work before other tasks run."""


class Turns:
    """The order in which requests go on with long work."""

    def __init__(self, most: int) -> None:
        """At most `most` requests go on in one iteration, and as many as take less than a slice together."""
        self._most: Final = most
        self._waiting: Final[deque[asyncio.Future[None]]] = deque()
        self._at_once = 1
        self._began = 0.0
        self._is_scheduled = False
        self._arrival = 0.0
        """When the first of the requests came that come in this iteration; 0 for none."""

    def pacer(self) -> "Pacer":
        """The pacer of one more request; those that come in one iteration have one slice together."""
        if self._waiting:
            return Pacer(self, 0.0)
        if not self._arrival:
            self._arrival = time.perf_counter()
            asyncio.get_running_loop().call_soon(self._end_arrivals)
        return Pacer(self, self._arrival)

    def _end_arrivals(self) -> None:
        self._arrival = 0.0

    async def wait(self, *, before_others: bool = False) -> None:
        """Returns in a later iteration of the event loop, after all who waited before, or before them."""
        mine = asyncio.get_running_loop().create_future()
        if before_others:
            self._waiting.appendleft(mine)
        else:
            self._waiting.append(mine)
        if not self._is_scheduled:
            self._is_scheduled = True
            # The ones before may have had next to nothing to do, and these much.
            self._at_once = 1
            asyncio.get_running_loop().call_soon(self._go_on)
        await mine

    def _go_on(self) -> None:
        """Lets the next ones go on, in the next iteration, after which it is called again."""
        loop = asyncio.get_running_loop()
        loop.call_soon(self._begin)
        going_on = 0
        while self._waiting and going_on < self._at_once:
            first = self._waiting.popleft()
            # One that was cancelled while it waited must not use up the turn of another.
            if not first.done():
                first.set_result(None)
                going_on += 1
        loop.call_soon(self._end)

    def _begin(self) -> None:
        self._began = time.perf_counter()

    def _end(self) -> None:
        took_s = time.perf_counter() - self._began
        if took_s > SLICE_S:
            self._at_once = max(1, self._at_once // 2)
        elif took_s < SLICE_S / 2:
            self._at_once = min(self._most, self._at_once * 2)
        self._is_scheduled = bool(self._waiting)
        if self._waiting:
            self._go_on()


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
