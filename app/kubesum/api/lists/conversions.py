"""Conversions of large lists to YAML and indented JSON, of which few run at a time.

Each holds its list as a whole, in both forms. They share one processor, so that the last one ends no later if they
run one after the other.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from kubesum.api.representations.status import out_of_memory
from kubesum.vocabulary.memorypressure import CurrentPressure, MemoryPressure

AT_ONCE: Final = 2
LARGE_ROWS: Final = 500
"""Smaller lists do not wait for others."""


class Conversions:
    """The conversions in progress."""

    def __init__(self, memory_pressure: CurrentPressure) -> None:
        self._memory_pressure: Final = memory_pressure
        self._places: Final = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def place(self, rows: int) -> AsyncIterator[None]:
        """Waits until a list of so many rows may be converted; raises TooManyRequests if memory is short by then."""
        if rows < LARGE_ROWS:
            yield
            return
        async with self._places:
            if self._memory_pressure() >= MemoryPressure.OVER:
                raise out_of_memory()
            yield
