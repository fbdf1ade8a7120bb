"""An event loop that does not wait: for tests of what takes minutes.

Sockets work as long as both of their ends live in this loop: what one end sends on loopback is there for the other.
"""

import asyncio
import heapq
import socket
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp.connector
import pytest

_monotonic = time.monotonic


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time leaps to the next timer when there is nothing else to do."""

    leapt = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, str] = {}
        """The address of each name in the domain `test`, which no resolver has (RFC 6761)."""
        self.names_are_answered = asyncio.Event()
        """While it is not set, nobody answers what is asked about these names."""
        self.names_are_answered.set()

    async def getaddrinfo(self, host: Any, port: Any, **how: Any) -> list[Any]:
        """As the resolver of the system has it, but for names in the domain `test`."""
        if not str(host).endswith(".test"):
            return await super().getaddrinfo(host, port, **how)
        await self.names_are_answered.wait()
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (self.names[host], port))]

    def time(self) -> float:
        # Not that of the module, which may leap too.
        return _monotonic() + self.leapt

    def _run_once(self) -> None:
        own: Any = self  # what asyncio declares of its loops leaves these out
        if not own._ready:
            # What has arrived comes before any timer.
            own._process_events(own._selector.select(0))
        while own._scheduled and own._scheduled[0].cancelled():
            heapq.heappop(own._scheduled)._scheduled = False
            own._timer_cancelled_count -= 1
        if not own._ready and own._scheduled:
            self.leapt += max(0.0, own._scheduled[0].when() - self.time())
        super()._run_once()  # type: ignore[misc]  # not declared, as above


def leaping(main: Coroutine[Any, Any, None]) -> None:
    """Runs `main` without waiting for time to pass."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        runner.run(main)


def leaping_together(main: Coroutine[Any, Any, None]) -> None:
    """Runs `main` without waiting for time to pass; the other clocks of Python leap with the loop."""
    wall, wall_ns = time.time, time.time_ns
    with asyncio.Runner(loop_factory=LeapingLoop) as runner, pytest.MonkeyPatch.context() as patch:
        loop: Any = runner.get_loop()
        patch.setattr(time, "monotonic", loop.time)
        # By it aiohttp keeps what a name resolved to.
        patch.setattr(aiohttp.connector, "monotonic", loop.time)
        patch.setattr(time, "time", lambda: wall() + loop.leapt)
        patch.setattr(time, "time_ns", lambda: wall_ns() + int(loop.leapt * 1e9))
        runner.run(main)
