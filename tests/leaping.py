"""An event loop that does not wait: for tests of what takes minutes.

Sockets work as long as both of their ends live in this loop: what one end sends on loopback is there for the other.
"""

import asyncio
import heapq
from collections.abc import Coroutine
from typing import Any


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time leaps to the next timer when there is nothing else to do."""

    leapt = 0.0

    def time(self) -> float:
        return super().time() + self.leapt

    def _run_once(self) -> None:
        if not self._ready:
            # What has arrived comes before any timer.
            self._process_events(self._selector.select(0))
        while self._scheduled and self._scheduled[0].cancelled():
            heapq.heappop(self._scheduled)._scheduled = False
            self._timer_cancelled_count -= 1
        if not self._ready and self._scheduled:
            self.leapt += max(0.0, self._scheduled[0].when() - self.time())
        super()._run_once()


def leaping(main: Coroutine[Any, Any, None]) -> None:
    """Runs `main` without waiting for time to pass."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        runner.run(main)
