"""Clients that send requests without a pause, and record failures."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.serving.runningserver import NODES, RunningServer, fetch, identity

ROOT = identity("root", "system:masters")


@dataclass
class Load:
    """The number of responses, and the failures."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def reaches(self, count: int) -> None:
        """Returns when `count` more requests are answered."""
        target = self.answered + count
        async with self._changed:
            await self._changed.wait_for(lambda: self.answered >= target)

    async def run(self, server: RunningServer, tls: Callable[[], ssl.SSLContext], *, keeps_alive: bool) -> None:
        """One front proxy, on one kept connection or on a new one for each request."""
        while True:
            connector = aiohttp.TCPConnector(ssl=tls())
            async with aiohttp.ClientSession(connector=connector) as session:
                await self._request(server, session)
                while keeps_alive:
                    await self._request(server, session)

    async def _request(self, server: RunningServer, session: aiohttp.ClientSession) -> None:
        try:
            answer = await fetch(session, server.port, NODES, ROOT)
        except (aiohttp.ClientError, OSError) as error:
            self.failures.append(repr(error))
            return
        if answer.code != 200:
            self.failures.append(f"{answer.code} {answer.body.decode()}")
        self.answered += 1
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def load(server: RunningServer, tls: Callable[[], ssl.SSLContext]) -> AsyncIterator[Load]:
    """Two clients with kept connections and two without; `tls` gives the context of each new connection."""
    load = Load()
    async with asyncio.TaskGroup() as tasks:
        clients = [
            tasks.create_task(load.run(server, tls, keeps_alive=keeps_alive))
            for keeps_alive in (True, True, False, False)
        ]
        await load.reaches(20)
        yield load
        await load.reaches(20)
        for client in clients:
            client.cancel()
