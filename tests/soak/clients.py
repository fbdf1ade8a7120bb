"""Clients of kubesum during a soak test: watches that go on for ever, lists with selectors, and gets."""

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import aiohttp

from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.bench.client import API, HEADERS, TABLE

KINDS: Final = ("nodesummaries", "namespacesummaries", "workloadsummaries", "podsummaries", "clustersummaries")
RETRY_S: Final = 0.5


@dataclass
class Counts:
    """What the clients have seen."""

    events: int = 0
    lists: int = 0
    relists: int = 0
    failures: list[str] = field(default_factory=list)

    def fail(self, failure: str) -> None:
        """Counts a failure, and prints it: a run takes minutes, and may be ended before its report."""
        print(f"  {datetime.now(UTC):%H:%M:%S} {failure}", file=sys.stderr, flush=True)
        self.failures.append(failure)


class Clients:
    """All clients, each of which keeps on until it is cancelled."""

    def __init__(self, session: aiohttp.ClientSession, url: str, counts: Counts | None = None) -> None:
        """`counts` are those of other clients too."""
        self.counts: Final = counts or Counts()
        self._session = session
        self._url = url

    async def watch(self, kind: str) -> None:
        """Lists a kind and watches it from there, as an informer does, and begins anew when the watch ends."""
        while True:
            await self._tried(lambda: self._list_and_watch(kind))

    async def list_repeatedly(self, pause_s: float) -> None:
        """Lists all pods as a Table, selected in various ways."""
        number = 0
        while True:
            number += 1
            selector = f"labelSelector=app%21%3Dnone-{number % 50}"
            await self._tried(lambda: self._list(f"{API}/podsummaries?{selector}"))  # noqa: B023 - awaited at once
            await asyncio.sleep(pause_s)

    async def get_latency_ms(self) -> float:
        """How long a get of the cluster takes."""
        began = time.perf_counter()
        await self._list(f"{API}/clustersummaries/cluster")
        return 1000 * (time.perf_counter() - began)

    def _get(self, url: str, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._session.get(url, headers=headers, server_hostname=SERVICE_HOST)

    async def _list_and_watch(self, kind: str) -> None:
        version = await self._version(kind)
        self.counts.relists += 1
        await self._events(kind, version)

    async def _version(self, kind: str) -> str:
        while True:
            async with self._get(f"{self._url}{API}/{kind}?limit=1") as answer:
                body = await answer.read()
                if answer.status == HTTPStatus.OK:
                    version: str = json.loads(body)["metadata"]["resourceVersion"]
                    return version
            self._expect(answer.status, "list")
            await asyncio.sleep(RETRY_S)

    async def _events(self, kind: str, version: str) -> None:
        query = f"watch=true&allowWatchBookmarks=true&resourceVersion={version}&timeoutSeconds=60"
        async with self._get(f"{self._url}{API}/{kind}?{query}") as answer:
            self._expect(answer.status, "watch")
            async for line in answer.content:
                if b'"type":"ERROR"' in line[:20]:
                    return
                self.counts.events += 1

    async def _list(self, path: str) -> None:
        async with self._get(self._url + path, Accept=TABLE) as answer:
            await answer.read()
        self._expect(answer.status, path)
        self.counts.lists += 1

    async def _tried(self, attempt: Callable[[], Awaitable[None]]) -> None:
        try:
            await attempt()
        except aiohttp.ClientError as error:
            self.counts.fail(repr(error))
            await asyncio.sleep(RETRY_S)

    def _expect(self, status: int, what: str) -> None:
        """A fault of the API server never shows in a status."""
        if status not in (HTTPStatus.OK, HTTPStatus.GONE):
            self.counts.fail(f"{what}: {status}")


def session(tls: ssl.SSLContext, *, keeps_alive: bool = True) -> aiohttp.ClientSession:
    """A session whose requests are those of a front proxy, on as many connections as are needed.

    Unless it `keeps_alive`, each request has a connection of its own.
    """
    timeout = aiohttp.ClientTimeout(total=None, sock_read=120)
    if keeps_alive:
        connector = aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=30)
    else:
        connector = aiohttp.TCPConnector(ssl=tls, limit=0, force_close=True)
    return aiohttp.ClientSession(connector=connector, headers=HEADERS, timeout=timeout, read_bufsize=1 << 20)
