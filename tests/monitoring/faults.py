"""A server to which happens all that it counts, faults as well, short of what takes a minute."""

import asyncio
import contextlib
import itertools
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aiohttp import web

from kubesim.store.store import CHANGES_KEPT
from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.server.runtime import Limits
from tests.serving.load import ROOT
from tests.serving.relay import Relay, Spec
from tests.serving.runningserver import NODES, RunningServer, eventually, fetch, identity, running_server

_INFLIGHT = 2
NONE: Mapping[str, int] = MappingProxyType({})


class FaultyServer:
    """One running server, and the relay between it and the API server."""

    def __init__(self, server: RunningServer, relay: Relay, holds: asyncio.Event) -> None:
        """Reviews are answered while `holds` is set."""
        self.server = server
        self.relay = relay
        self.holds = holds
        self._numbers = itertools.count()

    async def metrics(self) -> str:
        """The text of /metrics."""
        return (await self.server.forwarded("/metrics", "root", "system:masters")).body.decode()

    async def counted(self, counter: str) -> int:
        """The sum of the series of a counter whose text begins with this."""
        found = re.findall(rf"^{re.escape(counter)}.* (\S+)$", await self.metrics(), re.MULTILINE)
        return int(sum(map(float, found)))

    async def everything(self) -> None:
        """One after the other; returns when all of it is counted."""
        await self._requests()
        await self._watch()
        await self.rejects(1)
        await self._invalid()
        await self._cut()
        await self._expired()

    async def _requests(self) -> None:
        listed: Any = (await self.server.forwarded(NODES, "root", "system:masters")).json
        name = listed["items"][0]["metadata"]["name"]
        assert (await self.server.forwarded(f"{NODES}/{name}", "root", "system:masters")).code == 200
        # A token of its own each time, whose review is not cached.
        token = ("Authorization", f"Bearer token-{next(self._numbers)}")
        assert (await self.server.request(NODES, headers=[token])).code == 401

    async def _watch(self) -> None:
        async with self.server.session(self.server.front_proxy) as session:
            url = f"https://127.0.0.1:{self.server.port}{NODES}?watch=true"
            async with session.get(url, headers=ROOT, server_hostname=SERVICE_HOST) as answer:
                await answer.content.readline()

    async def rejects(self, times: int) -> None:
        """As many requests are answered with 429."""
        self.holds.clear()
        reviewed = len(self.relay.reviews)
        user = f"user-{next(self._numbers)}"
        waiting = [
            asyncio.create_task(self.server.forwarded(NODES, f"{user}-{number}")) for number in range(_INFLIGHT)
        ]
        while len(self.relay.reviews) < reviewed + _INFLIGHT:  # noqa: ASYNC110 - there is no event for a review
            await asyncio.sleep(0.01)
        async with self.server.session(self.server.front_proxy) as session:
            answers = [await fetch(session, self.server.port, NODES, identity("one-more")) for _ in range(times)]
        assert {answer.code for answer in answers} == {429}
        self.holds.set()
        assert [(await task).code for task in waiting] == [403] * _INFLIGHT

    async def _invalid(self) -> None:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.server.port, ssl=self.server.tls(), server_hostname=SERVICE_HOST
        )
        writer.write(b"no request\r\n\r\n")
        await reader.read()
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()

    async def _cut(self) -> None:
        # A watch that ends before its first event is repeated without being counted. Lists only add.
        modified = 'kubesum_watch_events_total{resource="namespaces",type="MODIFIED"}'
        before = await self.counted(modified)
        await self._grows(modified, before, self._change)
        before = await self.counted("kubesum_watch_restarts_total")
        self.relay.cut()
        await self._grows("kubesum_watch_restarts_total", before)

    async def _expired(self) -> None:
        before = await self.counted("kubesum_relists_total")
        for _ in range(CHANGES_KEPT + 1):
            self._change()
        await self._grows("kubesum_relists_total", before)

    def _change(self) -> None:
        label = str(next(self._numbers))
        self.server.store.put("namespaces", {"metadata": {"name": "default", "labels": {"number": label}}})

    async def _grows(self, counter: str, before: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        async def grown() -> bool:
            meanwhile()
            return await self.counted(counter) > before

        await eventually(grown, within_s=30)


@asynccontextmanager
async def faulty_server(
    home: Path, refused: Mapping[str, int] = NONE, memory_limit_bytes: int = 0
) -> AsyncIterator[FaultyServer]:
    """A server that is ready, and for which the API server has refused these paths from its start."""
    holds = asyncio.Event()
    holds.set()

    async def override(_kind: str, _spec: Spec) -> web.StreamResponse | None:
        await holds.wait()
        return None

    relay = Relay(override, dict(refused))
    limits = Limits(max_requests_inflight=_INFLIGHT, memory_limit_bytes=memory_limit_bytes)
    async with running_server(home, limits, relay) as server:
        yield FaultyServer(server, relay, holds)
