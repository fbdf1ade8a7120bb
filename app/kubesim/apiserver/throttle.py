"""A limit on how fast bulk answers are sent, so that measurements can name the speed of the server."""

import asyncio
from typing import Final

# A loop wakes up to a millisecond late; sleeping off shorter debts would cost more than it pays back.
_SHORTEST_SLEEP_S: Final = 0.002


class Throttle:
    """A token bucket over all bulk answers of one server; None as rate means as fast as possible."""

    def __init__(self, bytes_per_s: float | None) -> None:
        self._bytes_per_s: Final = bytes_per_s
        self._paid_until = 0.0

    async def spend(self, count: int) -> None:
        """Waits until `count` more bytes are within the rate; always lets others run."""
        if self._bytes_per_s is None:
            await asyncio.sleep(0)
            return
        now = asyncio.get_running_loop().time()
        self._paid_until = max(self._paid_until, now - 10 * _SHORTEST_SLEEP_S) + count / self._bytes_per_s
        debt_s = self._paid_until - now
        await asyncio.sleep(debt_s if debt_s > _SHORTEST_SLEEP_S else 0)
