"""A Service in front of several replicas: connections go to those that are ready, in turn."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

PROBED_EVERY_S = 0.1


class Balancer:
    """Balances new connections over the ready replicas among `ports` of loopback."""

    def __init__(self, is_ready: Callable[[int], Awaitable[bool]]) -> None:
        self.ports: set[int] = set()
        self._is_ready = is_ready
        self.ready: list[int] = []
        self._turn = itertools.count()

    async def probe(self) -> None:
        """Updates the list of ready replicas, until cancelled."""
        while True:
            self.ready = [port for port in sorted(self.ports) if await self._is_ready(port)]
            await asyncio.sleep(PROBED_EVERY_S)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relays one connection."""
        ready = [port for port in self.ready if port in self.ports]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", ready[next(self._turn) % max(1, len(ready))])
        except (OSError, IndexError):
            writer.transport.abort()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_relay(reader, back))
            tasks.create_task(_relay(there, writer))


async def _relay(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def balancing(balancer: Balancer, host: str, port: int) -> AsyncIterator[None]:
    """Accepts connections on an address for the balancer."""
    listener = await asyncio.start_server(balancer.connect, host, port)
    probing = asyncio.create_task(balancer.probe())
    try:
        yield
    finally:
        probing.cancel()
        listener.close()
