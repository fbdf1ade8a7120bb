"""Clients that never stop asking, and remember what they did not like."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.serving.runningserver import NODES, RunningServer, asked, identity

ROOT = identity("root", "system:masters")


@dataclass
class Load:
    """What was asked, and how it went."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def reaches(self, count: int) -> None:
        """Returns once so many more requests are answered."""
        target = self.answered + count
        async with self._news:
            await self._news.wait_for(lambda: self.answered >= target)

    async def asking(self, server: RunningServer, tls: Callable[[], ssl.SSLContext], *, keeps_alive: bool) -> None:
        """One client, as the aggregator: on one connection for ever, or on a new one each time."""
        while True:
            connector = aiohttp.TCPConnector(ssl=tls())
            async with aiohttp.ClientSession(connector=connector) as session:
                await self._ask(server, session)
                while keeps_alive:
                    await self._ask(server, session)

    async def _ask(self, server: RunningServer, session: aiohttp.ClientSession) -> None:
        try:
            answer = await asked(session, server.port, NODES, ROOT)
        except (aiohttp.ClientError, OSError) as error:
            self.failures.append(repr(error))
            return
        if answer.code != 200:
            self.failures.append(f"{answer.code} {answer.body.decode()}")
        self.answered += 1
        async with self._news:
            self._news.notify_all()


@asynccontextmanager
async def load(server: RunningServer, tls: Callable[[], ssl.SSLContext]) -> AsyncIterator[Load]:
    """Two clients that keep their connections and two that do not; `tls` is asked for each new connection."""
    load = Load()
    async with asyncio.TaskGroup() as tasks:
        clients = [
            tasks.create_task(load.asking(server, tls, keeps_alive=keeps_alive))
            for keeps_alive in (True, True, False, False)
        ]
        await load.reaches(20)
        yield load
        await load.reaches(20)
        for client in clients:
            client.cancel()
