"""Many clients at once: what a server must bear while it answers the availability probe.

A program of the benchmark runs one load in a process of its own: `python -m tests.bench.crowd KIND NUMBER ...`.
It prints a line once the load stands; then each line on standard input is answered by one with the responses so far.
It ends with its standard input.
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from typing import Final

import uvloop

from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.bench.client import API, JSON, TABLE, client_tls
from tests.bench.commandlines import commands

LOOPBACK: Final = "127.0.0.1"
KINDS: Final = ("podsummaries", "workloadsummaries", "nodesummaries", "namespacesummaries", "clustersummaries")
USERS: Final = 10
"""Each client is one of so many users, since one user alone is given a part of all places only."""
AT_ONCE: Final = 50
"""Connections that are opened at the same time."""
RETRY_S: Final = 1.0
NICENESS: Final = 5
"""The load must not keep the prober, which runs on the same processor, from its turn."""
SMALL_BYTES: Final = 16 * 1024
"""The receive buffer of a connection from which little is read."""
SLOW_PAUSE_S: Final = 1.0

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Target:
    """A server, how its clients connect, and what it has answered."""

    port: int
    tls: ssl.SSLContext
    codes: dict[int, int] = field(default_factory=dict)
    """How many responses had each code."""
    rounds: int = 0
    """How often all watches were opened and dropped."""
    _open: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, receive_bytes: int = 0) -> Wire:
        """A connection; `receive_bytes` is the size of its receive buffers, 0 for the usual ones."""
        wire = socket.socket()
        wire.setblocking(False)
        if receive_bytes:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await asyncio.get_running_loop().sock_connect(wire, (LOOPBACK, self.port))
        opened = await asyncio.open_connection(
            sock=wire, ssl=self.tls, server_hostname=SERVICE_HOST, limit=receive_bytes or 1 << 20
        )
        self._open.append(opened[1])
        return opened

    def drop(self) -> None:
        """Aborts all connections."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def head(self, wire: Wire, path: str, user: int, accept: str = JSON) -> tuple[int, int]:
        """Sends a request as one of the users; the code of its response, and the length of the body that follows."""
        reader, writer = wire
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {SERVICE_HOST}\r\nAccept: {accept}\r\n"
            f"X-Remote-User: user-{user % USERS}\r\nX-Remote-Group: system:masters\r\n\r\n".encode()
        )
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        code = int(status.split()[1])
        self.codes[code] = self.codes.get(code, 0) + 1
        lengths = [line.partition(":")[2] for line in lines if line.lower().startswith("content-length:")]
        return code, int(lengths[0]) if lengths else 0

    async def get(self, wire: Wire, path: str, user: int, accept: str = JSON) -> int:
        """The code of the response to a request, whose body is read and dropped."""
        code, left = await self.head(wire, path, user, accept)
        while left:
            left -= len(await wire[0].read(min(left, 1 << 20)))
        return code


@asynccontextmanager
async def listing(target: Target, number: int) -> AsyncIterator[None]:
    """Clients that list all objects of all kinds without a pause, each with a selector of its own."""
    begun = asyncio.Semaphore(0)

    async def client(user: int) -> None:
        wire = await target.connect()
        for kind, accept in zip(cycle(KINDS), cycle((TABLE, JSON, JSON)), strict=True):
            code = await target.get(wire, f"{API}/{kind}?labelSelector=app%21%3Dnone-{user}", user, accept)
            begun.release()
            if code != HTTPStatus.OK:
                await asyncio.sleep(RETRY_S)

    async with _clients(target, client, number):
        await _all(begun, number)
        yield


@asynccontextmanager
async def idle(target: Target, number: int) -> AsyncIterator[None]:
    """Connections that had one response and stay open."""

    async def client(user: int) -> None:
        await target.get(await target.connect(SMALL_BYTES), "/livez", user)

    await _in_batches(client, number)
    yield
    target.drop()


@asynccontextmanager
async def slow_reading(target: Target, number: int) -> AsyncIterator[None]:
    """Clients that list all pods and read the list so slowly that it never ends; one that is refused tries again."""
    begun = asyncio.Semaphore(0)

    async def client(user: int) -> None:
        wire = await target.connect(SMALL_BYTES)
        try:
            while (await target.head(wire, f"{API}/podsummaries", user))[0] != HTTPStatus.OK:
                begun.release()
                wire[1].transport.abort()
                await asyncio.sleep(RETRY_S)
                wire = await target.connect(SMALL_BYTES)
            begun.release()
            while await wire[0].read(SMALL_BYTES):  # noqa: ASYNC110 - a slow reader
                await asyncio.sleep(SLOW_PAUSE_S)
        finally:
            wire[1].transport.abort()

    async with _clients(target, client, number):
        await _all(begun, number)
        yield


@asynccontextmanager
async def dropped_watches(target: Target, number: int) -> AsyncIterator[None]:
    """Watches that are opened until so many stand, then dropped all at once, again and again."""

    async def client(user: int) -> None:
        wire = await target.connect(SMALL_BYTES)
        await target.head(wire, f"{API}/namespacesummaries?watch=true&{FROM_NOW}", user)

    async def rounds() -> None:
        while True:
            await _in_batches(client, number)
            target.drop()
            target.rounds += 1

    opening = asyncio.create_task(rounds())
    yield
    opening.cancel()
    await asyncio.wait((opening,))
    target.drop()


@asynccontextmanager
async def watching(target: Target, number: int) -> AsyncIterator[None]:
    """Watches that read every event."""
    begun = asyncio.Semaphore(0)

    async def client(user: int) -> None:
        wire = await target.connect()
        await target.head(wire, f"{API}/{KINDS[user % len(KINDS)]}?watch=true&{FROM_NOW}", user)
        begun.release()
        while await wire[0].read(1 << 20):
            continue

    async with _clients(target, client, number):
        await _all(begun, number)
        yield


FROM_NOW: Final = "sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
"""Of a watch that begins without the objects that there are."""

LOADS: Final[dict[str, Callable[[Target, int], AbstractAsyncContextManager[None]]]] = {
    "listing": listing,
    "idle": idle,
    "slow-reading": slow_reading,
    "dropped-watches": dropped_watches,
    "watching": watching,
}


@asynccontextmanager
async def _clients(target: Target, client: Callable[[int], Awaitable[None]], number: int) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_awaited(client(user))) for user in range(number)]
        yield
        for task in running:
            task.cancel()
    target.drop()


async def _awaited(one: Awaitable[None]) -> None:
    await one


async def _all(begun: asyncio.Semaphore, number: int) -> None:
    for _ in range(number):
        await begun.acquire()


async def _in_batches(client: Callable[[int], Awaitable[None]], number: int) -> None:
    for start in range(0, number, AT_ONCE):
        await asyncio.gather(*map(client, range(start, min(start + AT_ONCE, number))))


async def run(target: Target, kind: str, number: int) -> None:
    """Keeps up a load until the standard input ends."""
    async with LOADS[kind](target, number):
        print(json.dumps({}), flush=True)
        async for _ in commands(sys.stdin):
            print(json.dumps({"codes": target.codes, "rounds": target.rounds}), flush=True)


def main() -> None:
    """Runs one load."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crowd", description=__doc__)
    parser.add_argument("kind", choices=LOADS)
    parser.add_argument("number", type=int, help="of its clients, connections or watches")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--authority", type=Path, required=True, help="of the server's certificate")
    parser.add_argument("--pair", type=Path, nargs=2, required=True, help="certificate and key of a front proxy")
    options = parser.parse_args()
    os.nice(NICENESS)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    target = Target(options.port, client_tls(options.authority, tuple(options.pair)))
    uvloop.run(run(target, options.kind, options.number))


if __name__ == "__main__":
    main()
