"""Writes that wait for a client to read: each holds what is to be sent, and the buffers of its connection."""

import asyncio
from typing import Final

from starlette.types import Send

from kubesum.vocabulary.memorypressure import CurrentPressure, MemoryPressure

WRITE_TIMEOUT_S: Final = 60.0
"""How long a client may take to make room for a chunk in the buffers of the connection."""
SHORT_WRITE_TIMEOUT_S: Final = 2.0
"""The same for chunks that are written while memory is short."""
LARGE_BYTES: Final = 4096


class WriteTimeout(Exception):
    """The client does not read."""


class Writes:
    """The writes in progress of all responses."""

    def __init__(self, memory_pressure: CurrentPressure) -> None:
        self._memory_pressure: Final = memory_pressure
        self._began: Final[dict[asyncio.Timeout, float]] = {}

    async def write(self, send: Send, chunk: bytes, *, more: bool) -> None:
        """Sends a chunk of a body; raises WriteTimeout if the client does not make room for it in time.

        A large one is not sent if there is no memory for it.
        """
        pressure = self._memory_pressure()
        if pressure is MemoryPressure.CRITICAL and len(chunk) > LARGE_BYTES:
            raise WriteTimeout
        timeout_s = SHORT_WRITE_TIMEOUT_S if pressure >= MemoryPressure.OVER else WRITE_TIMEOUT_S
        try:
            async with asyncio.timeout(timeout_s) as deadline:
                self._began[deadline] = asyncio.get_running_loop().time()
                try:
                    await send({"type": "http.response.body", "body": chunk, "more_body": more})
                finally:
                    del self._began[deadline]
        except TimeoutError as error:
            raise WriteTimeout from error

    def expire(self, waited_s: float) -> int:
        """Ends the writes that have waited for so long; returns how many."""
        now = asyncio.get_running_loop().time()
        late = [one for one, began in self._began.items() if began + waited_s <= now and not one.expired()]
        for deadline in late:
            deadline.reschedule(now)
        return len(late)
