"""A rate limit on bulk responses, so that a benchmark runs against a server of known speed."""

import asyncio
from typing import Final

# Timers of the event loop fire up to 1 ms late, so shorter sleeps would make the rate inexact.
_SHORTEST_SLEEP_S: Final = 0.002


class Throttle:
    """A token bucket over all bulk responses of one server; a rate of None is no limit."""

    def __init__(self, bytes_per_s: float | None) -> None:
        self._bytes_per_s: Final = bytes_per_s
        self._available_at = 0.0

    async def spend(self, count: int) -> None:
        """Waits until `count` more bytes are within the rate; always yields to the event loop."""
        if self._bytes_per_s is None:
            await asyncio.sleep(0)
            return
        now = asyncio.get_running_loop().time()
        self._available_at = max(self._available_at, now - 10 * _SHORTEST_SLEEP_S) + count / self._bytes_per_s
        wait_s = self._available_at - now
        await asyncio.sleep(wait_s if wait_s > _SHORTEST_SLEEP_S else 0)
