"""Pauses of long work in the event loop."""

import asyncio
import time
from typing import Final

SLICE_S: Final = 0.002
"""For how long one request works before other tasks run."""


class Pacer:
    """Lets other tasks run whenever a slice of time is over."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    async def pause(self) -> None:
        """To be called between small pieces of work."""
        if time.perf_counter() - self._began > SLICE_S:
            await asyncio.sleep(0)
            self._began = time.perf_counter()
