"""A rolling update: two replicas behind one address are replaced one after the other, and no request fails."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from kubesum.commands.serve.run import serve
from kubesum.server.runtime import Limits
from tests.serving.load import load
from tests.serving.runningserver import RunningServer, eventually, free_port, is_ready, options, running_server

LIMITS = Limits(shutdown_delay_s=1.0)
PROBED_EVERY_S = 0.1


class Balancer:
    """Balances new connections over the ready replicas, as a Service does."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self.ports: set[int] = set()
        self._ready: list[int] = []
        self._turn = itertools.count()

    async def probe(self) -> None:
        """Updates the list of ready replicas."""
        while True:
            self._ready = [port for port in sorted(self.ports) if await is_ready(replace(self._server, port=port))]
            await asyncio.sleep(PROBED_EVERY_S)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relays one connection."""
        port = self._ready[next(self._turn) % len(self._ready)]
        try:
            there, back = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(relay(reader, back))
            tasks.create_task(relay(there, writer))


async def relay(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def balancing(balancer: Balancer, port: int) -> AsyncIterator[None]:
    listener = await asyncio.start_server(balancer.connect, "127.0.0.1", port)
    probing = asyncio.create_task(balancer.probe())
    yield
    probing.cancel()
    listener.close()


async def test_a_rolling_update_fails_no_request(tmp_path: Path) -> None:
    """A terminating pod answers during the shutdown delay, and a new one gets requests only when it is ready."""
    async with running_server(tmp_path, LIMITS) as first:
        balancer, front = Balancer(first), replace(first, port=free_port())
        shutdowns = {first.port: first.shutdown}
        balancer.ports = {first.port}

        async with asyncio.TaskGroup() as tasks, balancing(balancer, front.port):

            async def add() -> None:
                port = free_port()
                shutdowns[port] = asyncio.Event()
                running = tasks.create_task(serve(options(first, LIMITS, port), shutdowns[port]))
                running.add_done_callback(lambda _: balancer.ports.discard(port))
                balancer.ports.add(port)
                await eventually(lambda: is_ready(replace(first, port=port)))

            await add()
            async with load(front, lambda: first.tls(first.front_proxy)) as clients:
                for old in list(shutdowns):
                    await add()
                    shutdowns[old].set()
                    await eventually(lambda: is_gone(first, old))  # noqa: B023  # awaited in this round
                    balancer.ports.discard(old)
                await clients.reaches(50)
            for shutdown in shutdowns.values():
                shutdown.set()

    assert clients.failures == []
    assert clients.answered > 200


async def is_gone(server: RunningServer, port: int) -> bool:
    """Whether no server listens on the port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False
