"""Signals that end the process: what is being answered is completed, watches end in order, and the code is 0."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from kubesim.apiserver.apiserver import ServerOptions
from tests.faults.childserver import (
    MASTER,
    NAMESPACES,
    ChildServer,
    eventually,
    ready_server,
    simulated_cluster,
    started_server,
)
from tests.serving.runningserver import identity

WATCHES = 100
"""Of each kind."""


@pytest.fixture(autouse=True)
def hangups_are_not_ignored() -> Iterator[None]:
    """A process inherits the signals that are ignored, so that a suite run by nohup would start servers like that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


async def test_a_signal_in_the_initial_list_ends_the_process(tmp_path: Path) -> None:
    """The lists of the cluster take half a minute at this rate."""
    async with (
        simulated_cluster(tmp_path, ServerOptions(bytes_per_s=20_000)) as cluster,
        started_server(cluster) as child,
    ):
        await eventually(lambda: is_alive(child))
        assert (await child.server.request("/readyz")).code == 500
        # Not yet known whom to trust, or nothing to serve yet.
        assert (await child.server.forwarded(NAMESPACES, *MASTER)).code in (401, 403, 503)
        child.process.send_signal(signal.SIGTERM)

        assert await child.ended() == 0
    assert child.other_output == []


async def is_alive(child: ChildServer) -> bool:
    try:
        return (await child.server.request("/livez")).code == 200
    except aiohttp.ClientError:
        return False


async def test_a_list_that_is_being_sent_is_completed(tmp_path: Path) -> None:
    """It is larger than all buffers, and its client reads on only when the process has been told to end."""
    async with simulated_cluster(tmp_path) as cluster:
        for number in range(100):
            cluster.add_namespace(f"large-{number:03}", **{f"label-{at}": "x" * 60 for at in range(1_000)})
        async with ready_server(cluster) as child:
            server = child.server
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=server.tls(server.front_proxy), server_hostname=server.name, limit=1024
            )
            lines = ("Host: x", *(f"{name}: {value}" for name, value in identity(*MASTER)), "", "")
            writer.write("\r\n".join([f"GET {NAMESPACES} HTTP/1.1", *lines]).encode())
            received = await reader.readuntil(b"\r\n\r\n")
            child.process.send_signal(signal.SIGTERM)
            await child.logged("shutting down")

            length = int(next(line for line in received.splitlines() if b"content-length" in line.lower()).split()[1])
            body = await reader.readexactly(length)

            assert await child.ended() == 0
    assert length > 6_000_000
    assert body.count(b'"name":"large-') == 100
    assert body.endswith(b"]}\n")


async def test_two_hundred_watches_end_in_order(tmp_path: Path) -> None:
    """Half of them are streamed, and end with the final chunk; half are WebSockets, and end with a close frame."""
    opened = asyncio.Semaphore(0)

    async def streamed(session: aiohttp.ClientSession, child: ChildServer) -> str:
        url = f"https://127.0.0.1:{child.server.port}{NAMESPACES}?watch=true"
        async with session.get(url, headers=dict(identity(*MASTER)), server_hostname=child.server.name) as answer:
            await answer.content.readline()
            opened.release()
            # Raises for a response without its end.
            await answer.read()
            return "complete"

    async def websocket(session: aiohttp.ClientSession, child: ChildServer) -> str:
        url = f"https://127.0.0.1:{child.server.port}{NAMESPACES}?watch=true"
        async with session.ws_connect(url, headers=dict(identity(*MASTER))) as socket:
            await socket.receive()
            opened.release()
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
            return f"{message.type.name} {message.data}"

    async with simulated_cluster(tmp_path) as cluster, ready_server(cluster) as child:
        async with child.server.session(child.server.front_proxy) as session, asyncio.TaskGroup() as tasks:
            ends = [
                tasks.create_task(watch(session, child)) for watch in (streamed, websocket) for _ in range(WATCHES)
            ]
            for _ in ends:
                await opened.acquire()
            assert (await child.server.request("/readyz")).code == 200
            child.process.send_signal(signal.SIGTERM)
        code = await child.ended()

    assert [end.result() for end in ends] == ["complete"] * WATCHES + ["CLOSE 1000"] * WATCHES
    assert code == 0
    assert child.other_output == []


async def test_a_hangup_shuts_down_as_sigterm_does(tmp_path: Path) -> None:
    """It ended the process without a word, with its requests, and left the kubeconfig of `local` behind."""
    async with simulated_cluster(tmp_path) as cluster, ready_server(cluster) as child:
        child.process.send_signal(signal.SIGHUP)
        await child.logged("shutting down")

        assert await child.ended() == 0


async def test_a_hangup_that_is_ignored_from_outside_stays_ignored(tmp_path: Path) -> None:
    """As with nohup; an interrupt still shuts down."""
    async with simulated_cluster(tmp_path) as cluster, ready_server(cluster, faults={"nohup": True}) as child:
        child.process.send_signal(signal.SIGHUP)
        assert await child.has_namespace("kube-system")
        assert child.lines("shutting down") == []
        child.process.send_signal(signal.SIGINT)
        await child.logged("shutting down")

        assert await child.ended() == 0
