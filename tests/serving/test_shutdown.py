"""Graceful shutdown: no request fails, watches end in order, and the process ends in time."""

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest

from kubesum.server.runtime import Limits
from tests.commands.running import Command, kubesum
from tests.hanging import HANGS_AFTER_S
from tests.serving.load import ROOT, load
from tests.serving.runningserver import NODES, RunningServer, eventually, fetch, is_ready, running_server

SHUTDOWN_DELAY_S = 1.5


@pytest.fixture
def limits() -> Limits:
    """A short shutdown delay."""
    return Limits(shutdown_delay_s=SHUTDOWN_DELAY_S)


async def test_requests_are_answered_during_the_shutdown_delay(tmp_path: Path, limits: Limits) -> None:
    """Section 10.2: /readyz fails at once, /livez does not, and every response ends its connection."""
    async with running_server(tmp_path, limits) as server:
        async with load(server, lambda: server.tls(server.front_proxy)) as clients:
            server.shutdown.set()
            await eventually(lambda: is_not_ready(server))
            verbose = await server.request("/readyz?verbose")
            alive = await server.request("/livez")
            data = await server.forwarded(NODES, "root", "system:masters")

        await server.stopped.wait()

    assert clients.failures == []
    assert verbose.body.endswith(b"[-]shutdown failed: reason withheld\nreadyz check failed\n")
    assert (alive.code, data.code) == (200, 200)
    assert data.headers["Connection"] == "close"


async def is_not_ready(server: RunningServer) -> bool:
    return not await is_ready(server)


async def test_watches_end_in_order_and_spread_over_seconds(tmp_path: Path, limits: Limits) -> None:
    """An aborted watch is an error for its client, and all clients at once would overload the other replicas."""
    ends: list[float] = []

    async with running_server(tmp_path, limits) as server, server.session(server.front_proxy) as session:

        async def watching(opened: asyncio.Semaphore) -> None:
            url = f"https://127.0.0.1:{server.port}{NODES}?watch=true"
            async with session.get(url, headers=dict(ROOT), server_hostname=server.name) as answer:
                assert json.loads(await answer.content.readline())["type"] == "ADDED"
                opened.release()
                # Raises for an incomplete response.
                await answer.read()
                ends.append(asyncio.get_running_loop().time())

        opened = asyncio.Semaphore(0)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(20):
                tasks.create_task(watching(opened))
            for _ in range(20):
                await opened.acquire()
            requested = asyncio.get_running_loop().time()
            server.shutdown.set()
        await server.stopped.wait()

    assert len(ends) == 20
    assert min(ends) - requested >= SHUTDOWN_DELAY_S
    assert len({round(end, 1) for end in ends}) > 5


async def test_an_idle_connection_does_not_delay_the_shutdown(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, Limits(shutdown_delay_s=0.0)) as server,
        server.session(server.front_proxy) as session,
    ):
        assert (await fetch(session, server.port, NODES, ROOT)).code == 200
        reader, _ = await asyncio.open_connection("127.0.0.1", server.port, ssl=server.tls())

        server.shutdown.set()
        async with asyncio.timeout(15):
            await server.stopped.wait()
            assert await reader.read() == b""
        with pytest.raises(aiohttp.ClientConnectorError):
            await server.request("/livez")


async def listening(command: Command) -> None:
    """Returns when the log says that the authentication configuration is loaded, after signal handlers are set."""
    assert command.process.stderr is not None
    async with asyncio.timeout(HANGS_AFTER_S):
        while b"loaded extension-apiserver-authentication" not in (line := await command.process.stderr.readline()):
            assert line, "the process has ended"


async def test_the_first_signal_shuts_down_gracefully_and_the_second_at_once(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        arguments = server.arguments("--shutdown-delay-duration", "1h")
        async with kubesum(tmp_path, "serve", *arguments) as command:
            await listening(command)
            command.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(HANGS_AFTER_S):
                while b"shutting down" not in await command.process.stderr.readline():  # type: ignore[union-attr]
                    continue
            assert command.process.returncode is None

            ended = await command.stopped(signal.SIGTERM)

    assert ended.code == 0
    assert "Traceback" not in ended.err


async def test_a_signal_ends_the_process_with_code_0(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        arguments = server.arguments("--shutdown-delay-duration", "0s")
        async with kubesum(tmp_path, "serve", *arguments) as command:
            await listening(command)

            ended = await command.stopped(signal.SIGTERM)

    assert ended.code == 0
    assert "Traceback" not in ended.err
