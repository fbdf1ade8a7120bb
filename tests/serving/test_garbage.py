"""What a request, a watch or a connection leaves behind: nothing that only the garbage collector frees.

Objects that stood through a full collection are never looked at again (kubesum.server.garbage): a cycle of them would
stay in memory for good.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from kubesum.server.runtime import Limits
from tests.serving.rawclient import RawClient, exchange
from tests.serving.runningserver import NODES, RunningServer, V, eventually, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIMES: Final = 10
OURS: Final = ("kubesum.", "uvicorn.", "starlette.", "fastapi.", "httptools.", "websockets.")
ROOT: Final = ("X-Remote-User: root", "X-Remote-Group: system:masters")
PODS: Final = f"{V}/podsummaries"
TABLE: Final = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io"
UPGRADE: Final = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
WATCH: Final = f"{NODES}?watch=true"

REQUESTS: Final = {
    "a get": (200, (f"{V}/clustersummaries/cluster", *ROOT)),
    "a get of an object that is none": (404, (f"{NODES}/none", *ROOT)),
    "a list": (200, (PODS, *ROOT)),
    "a page": (200, (f"{PODS}?limit=3", *ROOT)),
    "a list by a selector": (200, (f"{PODS}?labelSelector=a%21%3Db", *ROOT)),
    "a Table": (200, (PODS, TABLE, *ROOT)),
    "a compressed list": (200, (PODS, "Accept-Encoding: gzip", *ROOT)),
    "a list in YAML": (200, (PODS, "Accept: application/yaml", *ROOT)),
    "an indented list": (200, (f"{PODS}?pretty=true", *ROOT)),
    "a list that comes too late": (504, (f"{PODS}?resourceVersion=9000000000000000000&timeout=1ms", *ROOT)),
    "discovery": (200, (V, *ROOT)),
    "metrics": (200, ("/metrics", *ROOT)),
    "OpenAPI": (200, ("/openapi/v3", *ROOT)),
    "a probe": (200, ("/readyz", *ROOT)),
    "a path that is none": (404, ("/none", *ROOT)),
    "a request without rights": (403, (NODES, "X-Remote-User: jane")),
    "a request without a user": (401, (NODES, "Authorization: Bearer none")),
    "a request that is wrong": (400, (f"{NODES}?limit=x", *ROOT)),
    "a watch that expired": (410, (f"{WATCH}&resourceVersion=1&allowWatchBookmarks=true", *ROOT)),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("garbage")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(server: RunningServer) -> RawClient:
    return RawClient(server.port, server.tls(server.front_proxy))


async def garbage(work: Callable[[], object], times: int = TIMES) -> list[str]:
    """What of the server `work`, done some times in a thread, leaves to the garbage collector."""
    # What is made once is not counted.
    await _done(work, 1)
    gc.collect()
    gc.disable()
    try:
        await _done(work, times)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return sorted({name for one in gc.garbage if (name := _name(one)).startswith(OURS)})
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def _done(work: Callable[[], object], times: int) -> None:
    """Does it so often, and returns when all connections have ended."""
    for _ in range(times):
        await asyncio.to_thread(work)
    await eventually(_has_no_connection)
    # The tasks of their requests have been told; they end in the next iterations.
    for _ in range(10):
        await asyncio.sleep(0)


async def _has_no_connection() -> bool:
    return not REGISTRY.get_sample_value("kubesum_connections")


def _name(one: object) -> str:
    """The type of an object; for a frame, a coroutine and a generator, its function."""
    for code in ("f_code", "cr_code", "ag_code", "gi_code"):
        if (found := getattr(one, code, None)) is not None and "/kubesum/" in found.co_filename:
            return f"kubesum.{found.co_qualname}"
    return f"{type(one).__module__}.{type(one).__qualname__}"


@pytest.mark.parametrize("what", REQUESTS)
async def test_a_request_leaves_no_cyclic_garbage(client: RawClient, what: str) -> None:
    code, lines = REQUESTS[what]

    def work() -> None:
        with client.connection() as connection:
            assert [exchange(connection, *lines) for _ in range(3)] == [code] * 3

    assert await garbage(work) == []


async def test_a_list_that_is_refused_leaves_no_cyclic_garbage(tmp_path: Path) -> None:
    """429, as while memory is short."""
    async with running_server(tmp_path, Limits(memory_limit_bytes=1)) as server:
        client = RawClient(server.port, server.tls(server.front_proxy))

        def work() -> None:
            with client.connection() as connection:
                assert exchange(connection, PODS, *ROOT) == 429

        assert await garbage(work) == []


@pytest.mark.parametrize("ends_by_reset", [False, True], ids=["closed", "reset"])
async def test_a_watch_that_its_client_ends_leaves_no_cyclic_garbage(client: RawClient, ends_by_reset: bool) -> None:
    def work() -> None:
        assert client.ask(WATCH, *ROOT, until=b"ADDED", resets=ends_by_reset) == 200

    assert await garbage(work) == []


async def test_a_watch_over_websocket_leaves_no_cyclic_garbage(client: RawClient) -> None:
    def work() -> None:
        assert client.ask(WATCH, *UPGRADE, *ROOT, until=b"ADDED") == 101

    assert await garbage(work) == []


async def test_a_watch_that_ends_leaves_no_cyclic_garbage(client: RawClient) -> None:
    def work() -> None:
        assert client.ask(f"{WATCH}&timeoutSeconds=1", *ROOT, until=b"0\r\n\r\n") == 200

    assert await garbage(work, times=1) == []


def without_tls(client: RawClient) -> None:
    with client.plain() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        while connection.recv(1 << 10):
            pass


def closed_in_the_handshake(client: RawClient) -> None:
    with client.plain():
        pass


def silent(client: RawClient) -> None:
    with client.connection():
        pass


def closed_by_close_notify(client: RawClient) -> None:
    with client.connection() as connection:
        exchange(connection, "/livez")
        connection.unwrap()


def reset(client: RawClient) -> None:
    client.ask("/livez", resets=True)


def not_http(client: RawClient) -> None:
    with client.connection() as connection:
        connection.sendall(b"none\r\n\r\n")
        while connection.recv(1 << 10):
            pass


def with_requests_that_wait(client: RawClient) -> None:
    with client.connection() as connection:
        head = "\r\n".join((f"GET {PODS} HTTP/1.1", "Host: a", *ROOT, "", ""))
        connection.sendall(head.encode() * 50)
        connection.recv(100)


@pytest.mark.parametrize(
    "work",
    [
        without_tls,
        closed_in_the_handshake,
        silent,
        closed_by_close_notify,
        reset,
        not_http,
        with_requests_that_wait,
    ],
)
async def test_a_connection_leaves_no_cyclic_garbage(client: RawClient, work: Callable[[RawClient], None]) -> None:
    assert await garbage(partial(work, client)) == []
