"""One client that takes all it can get keeps nobody else out."""

import asyncio
import gc
import mmap
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.server.memorywatch import resident_bytes, trim_memory
from kubesum.server.runtime import Limits
from tests.commands.running import Command, started
from tests.serving.load import ROOT
from tests.serving.relay import Relay, Spec, review
from tests.serving.runningserver import (
    NODES,
    RunningServer,
    V,
    eventually,
    fetch,
    free_port,
    identity,
    is_ready,
    running_server,
)

GREEDY = identity("greedy")
MASTER = ("root", "system:masters")


async def probes(server: RunningServer) -> list[int]:
    """The status codes of what kubelets and kube-apiserver ask for, each on a new connection."""
    kubelet = [await server.request(path) for path in ("/livez", "/readyz")]
    return [answer.code for answer in [*kubelet, await server.forwarded(V, "system:kube-aggregator")]]


async def metric(server: RunningServer, name: str, **labels: str) -> float:
    """The value of a series, 0 if there is none."""
    text = (await server.forwarded("/metrics", "root", "system:masters")).body.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


@asynccontextmanager
async def open_watches(server: RunningServer, count: int, user: list[tuple[str, str]]) -> AsyncIterator[list[int]]:
    """So many watches of a user, each over a connection of its own; gives their status codes."""
    url = f"https://127.0.0.1:{server.port}{NODES}?watch=true"
    async with server.session(server.front_proxy) as session:
        answers = await asyncio.gather(
            *(session.get(url, headers=user, server_hostname=SERVICE_HOST) for _ in range(count))
        )
        yield [answer.status for answer in answers]
        for answer in answers:
            answer.close()


async def test_a_user_with_400_slow_lists_keeps_nobody_out(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def override(_kind: str, spec: Spec) -> web.StreamResponse | None:
        if spec["user"] == "greedy":
            await released.wait()
        return None

    async with (
        running_server(tmp_path, relay=Relay(override)) as server,
        server.session(server.front_proxy) as session,
    ):
        # Their connections stay for the lists: on a loaded machine reviews time out before 400 handshakes have ended.
        await asyncio.gather(*(fetch(session, server.port, "/livez") for _ in range(400)))
        lists = [asyncio.create_task(fetch(session, server.port, NODES, GREEDY)) for _ in range(400)]
        refused = [await answer for answer in islice(asyncio.as_completed(lists), 300)]

        assert {answer.code for answer in refused} == {429}
        assert await metric(server, "apiserver_current_inflight_requests") == 101
        assert await metric(server, "kubesum_max_requests_inflight") == 400
        assert await metric(server, "kubesum_requests_refused_total", reason="user") >= 300
        assert (await server.forwarded(NODES, "jane", "system:masters")).code == 200
        assert (await server.forwarded(NODES, "john")).code == 403
        assert await probes(server) == [200, 200, 200]

        released.set()
        answers = await asyncio.gather(*lists)
    assert [answer.code for answer in answers].count(403) == 100


async def test_a_user_with_all_watches_there_are_keeps_nobody_out(tmp_path: Path) -> None:
    async def override(kind: str, _spec: Spec) -> web.StreamResponse | None:
        return review(kind, {"allowed": True})

    limits = Limits(max_connections=160, user_share_percent=50)
    async with (
        running_server(tmp_path, limits, Relay(override)) as server,
        open_watches(server, 80, GREEDY) as codes,
        open_watches(server, 1, identity("jane")) as of_jane,
    ):
        assert (codes.count(200), codes.count(429)) == (40, 40)
        assert await metric(server, "kubesum_max_watches") == 80
        assert of_jane == [200]
        assert await probes(server) == [200, 200, 200]


async def test_masters_get_no_more_watches_than_there_are(tmp_path: Path) -> None:
    """Each holds a connection, of which some are left for others."""
    async with (
        running_server(tmp_path, Limits(max_connections=20)) as server,
        open_watches(server, 12, ROOT) as codes,
    ):
        assert (codes.count(200), codes.count(429)) == (10, 2)
        assert await probes(server) == [200, 200, 200]


async def test_requests_that_wait_for_token_reviews_leave_connections_to_probes(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def override(kind: str, _spec: Spec) -> web.StreamResponse | None:
        if kind == "TokenReview":
            await released.wait()
        return None

    async with (
        running_server(tmp_path, Limits(max_connections=64), Relay(override)) as server,
        server.session() as session,
    ):
        tokens = [[("Authorization", f"Bearer {number}")] for number in range(40)]
        asking = [asyncio.create_task(fetch(session, server.port, NODES, token)) for token in tokens]
        refused = [await answer for answer in islice(asyncio.as_completed(asking), 36)]

        assert {answer.code for answer in refused} == {429}
        assert await probes(server) == [200, 200, 200]
        assert await metric(server, "kubesum_requests_refused_total", reason="authentication") == 36

        released.set()
        answers = await asyncio.gather(*asking)
    assert [answer.code for answer in answers].count(401) == 4


@contextmanager
def resident(size: int) -> Iterator[None]:
    """So many bytes of memory in use by this process, which holds the server."""
    with mmap.mmap(-1, size) as memory:
        for at in range(0, size, mmap.PAGESIZE):
            memory[at] = 1
        yield


async def test_lists_and_new_watches_are_refused_while_memory_is_short(tmp_path: Path) -> None:
    # What earlier tests have freed would make room later.
    gc.collect()
    trim_memory()
    limit = resident_bytes() * 10 // 6
    async with (
        running_server(tmp_path, Limits(memory_limit_bytes=limit)) as server,
        open_watches(server, 1, ROOT) as before,
    ):
        [name, *_] = [item["metadata"]["name"] for item in (await server.forwarded(NODES, *MASTER)).json["items"]]

        with resident(limit // 2):
            await eventually(lambda: answers(server, NODES, 429))

            refused = await server.forwarded(NODES, *MASTER)
            assert (refused.headers["Retry-After"], refused.json["reason"]) == ("5", "TooManyRequests")
            assert refused.message == "The server is short of memory, please try again later."
            async with open_watches(server, 1, ROOT) as codes:
                assert codes == [429]
            assert before == [200]
            assert (await server.forwarded(f"{NODES}/{name}", *MASTER)).code == 200
            assert await probes(server) == [200, 200, 200]
            assert await metric(server, "kubesum_memory_limit_bytes") == limit
            assert await metric(server, "kubesum_memory_pressure") == 3
            assert await metric(server, "kubesum_requests_refused_total", reason="memory") >= 3

        await eventually(lambda: answers(server, NODES, 200))
        assert await metric(server, "kubesum_memory_pressure") == 0


async def answers(server: RunningServer, path: str, code: int) -> bool:
    return (await server.forwarded(path, *MASTER)).code == code


@asynccontextmanager
async def with_few_descriptors(server: RunningServer) -> AsyncIterator[tuple[RunningServer, Command]]:
    """A second server, in a process that may have 128 files open, once it has raised its limit of 64."""
    port = free_port()
    shell = 'ulimit -Sn 64 && ulimit -Hn 128 && exec "$0" "$@"'
    serve = (sys.executable, "-m", "kubesum", "serve", *server.arguments("--secure-port", str(port)))
    async with started(server.home, "/bin/sh", "-c", shell, *serve) as command:
        second = replace(server, port=port)
        await eventually(lambda: is_ready(second), 30)
        yield second, command


async def test_idle_connections_use_up_no_descriptors_and_keep_nobody_out(tmp_path: Path) -> None:
    """Two hundred of one client, in every state in which a connection can be idle."""
    async with running_server(tmp_path) as first, with_few_descriptors(first) as (server, command):
        async with AsyncExitStack() as stack:
            for number in range(50):
                await stack.enter_async_context(idle_connection(server, tls=False))
                await stack.enter_async_context(idle_connection(server))
                await stack.enter_async_context(idle_connection(server, b"GET /livez HTTP/1.1\r\n"))
                await stack.enter_async_context(idle_connection(server, b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"))
                if number % 10 == 0:
                    assert await probes(server) == [200, 200, 200]

            assert await probes(server) == [200, 200, 200]
            assert await metric(server, "kubesum_max_connections") == 64
            assert 60 <= await metric(server, "kubesum_connections") <= 64
            assert await metric(server, "kubesum_accept_errors_total") == 0
            assert await metric(server, "kubesum_connections_evicted_total") >= 130
            assert await metric(server, "process_max_fds") == 128
            assert await metric(server, "process_open_fds") < 128
        ended = await command.stopped(signal.SIGKILL)
    assert '"message":"raised the limit of open files","before":64,"limit":128' in ended.err
    assert '"message":"all connections are taken"' in ended.err


@asynccontextmanager
async def idle_connection(server: RunningServer, sent: bytes = b"", *, tls: bool = True) -> AsyncIterator[None]:
    """A connection of a client that sends this, and nothing more."""
    more: dict[str, Any] = {"ssl": server.tls(), "server_hostname": SERVICE_HOST} if tls else {}
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, **more)
    try:
        writer.write(sent)
        if sent.endswith(b"\r\n\r\n"):
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        yield
    finally:
        writer.transport.abort()
