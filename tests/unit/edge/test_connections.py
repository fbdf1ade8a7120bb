"""The maximum of open connections, over real TLS connections."""

import asyncio
import itertools
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial

import pytest
import pytest_asyncio

from kubesum.edge.http.connections import Connections
from kubesum.operations.metrics import ACCEPT_ERRORS, CONNECTIONS, CONNECTIONS_EVICTED, CONNECTIONS_REFUSED
from kubesum.server.sockets import LOOPBACK
from tests.hanging import HANGS_AFTER_S
from tests.leaping import leaping
from tests.wire import HOST, REQUEST, Client, Wire, client_tls, serving_wire

WAIT = REQUEST.replace(b"/echo", b"/wait")
SLOW_BODY = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\na"


@pytest_asyncio.fixture
async def wire() -> AsyncIterator[Wire]:
    """A server with room for two connections."""
    async with serving_wire(max_connections=2) as wire:
        yield wire


async def is_served(client: Client) -> bool:
    answer = await client.exchange(REQUEST)
    return answer is not None and answer.code == 200


async def has_ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


async def until(holds: Callable[[], bool]) -> None:
    """Returns when `holds` does, which is polled."""
    async with asyncio.timeout(HANGS_AFTER_S):
        for _ in itertools.count():
            if holds():
                return
            await asyncio.sleep(0.01)


async def until_open(count: int) -> None:
    """Returns when so many connections are open."""
    await until(lambda: CONNECTIONS._value.get() == count)


@contextmanager
def no_descriptor_left() -> Iterator[None]:
    """Lowers the limit of open files to those that are open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_new_connection_takes_the_place_of_the_one_idle_for_the_longest_time(wire: Wire) -> None:
    evicted = CONNECTIONS_EVICTED._value.get()
    async with wire.client() as first, wire.client() as second:
        assert await is_served(second)
        assert await is_served(first)

        async with wire.client() as third:
            assert await is_served(third)

            assert await second.ended()
            assert await is_served(first)
            assert CONNECTIONS_EVICTED._value.get() == evicted + 1


async def test_connections_that_never_begin_their_handshake_keep_nobody_out(wire: Wire) -> None:
    """They were not counted at all, and each held a descriptor for ten seconds."""
    silent = [await asyncio.open_connection(LOOPBACK, wire.port) for _ in range(5)]

    async with wire.client() as client:
        assert await is_served(client)

        for reader, _ in silent[:4]:
            assert await has_ended(reader)
    for _, writer in silent:
        writer.transport.abort()


@pytest.mark.parametrize("sent", [b"", b"GET /echo HTTP/1.1\r\nHost:", REQUEST + b"GET /echo", SLOW_BODY])
async def test_connections_without_a_request_in_progress_keep_nobody_out(wire: Wire, sent: bytes) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(wire.client()) for _ in range(2)]
        for client in clients:
            await client.send(sent)
            if b"\r\n\r\n" in sent:
                assert await client.answer() is not None

        async with wire.client() as new:
            assert await is_served(new)
            assert await clients[0].ended()


async def test_a_connection_is_refused_at_once_while_all_others_are_busy(wire: Wire) -> None:
    refused = CONNECTIONS_REFUSED.labels("limit")._value.get()
    async with wire.client() as first, wire.client() as second:
        for client in (first, second):
            await client.send(WAIT)
            await wire.app.waiting.wait()
            wire.app.waiting.clear()

        with pytest.raises((ConnectionError, ssl.SSLError)):
            await asyncio.open_connection(LOOPBACK, wire.port, ssl=client_tls(), server_hostname=HOST)
        assert CONNECTIONS_REFUSED.labels("limit")._value.get() == refused + 1

        wire.app.release.set()
        assert await first.answer() is not None
        assert await second.answer() is not None
        async with wire.client() as third:
            assert await is_served(third)
        assert await first.ended()


async def test_a_busy_connection_is_not_closed_for_a_new_one(wire: Wire) -> None:
    async with wire.client() as busy, wire.client() as idle:
        await busy.send(WAIT)
        await wire.app.waiting.wait()

        async with wire.client() as new:
            assert await is_served(new)
            assert await idle.ended()

            wire.app.release.set()
            assert await busy.answer() is not None


async def test_a_connection_with_pipelined_requests_is_busy_until_the_last_is_answered(wire: Wire) -> None:
    async with wire.client() as busy, wire.client() as idle:
        await busy.send(REQUEST + WAIT)
        assert await busy.answer() is not None
        await wire.app.waiting.wait()

        async with wire.client() as new:
            assert await is_served(new)
            assert await idle.ended()

            wire.app.release.set()
            assert await busy.answer() is not None


async def test_failed_handshakes_leave_no_connection_behind(wire: Wire) -> None:
    untrusting = ssl.create_default_context()
    for _ in range(4):
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(LOOPBACK, wire.port, ssl=untrusting, server_hostname=HOST)
        reader, writer = await asyncio.open_connection(LOOPBACK, wire.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await has_ended(reader)
        writer.transport.abort()

    await until_open(0)
    assert wire.connections == 0


async def test_small_writes_are_sent_without_delay(wire: Wire) -> None:
    """Without TCP_NODELAY, a response waits 40 ms for the acknowledgement of the client."""
    made: list[asyncio.Transport] = []
    async with wire.client() as client:
        assert await is_served(client)
        made = [connection.transport for connection in wire.server.server_state.connections]

    served = made[0].get_extra_info("socket")
    assert served.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


async def test_connections_that_come_while_no_descriptor_is_left_are_accepted_later(wire: Wire) -> None:
    """uvloop closed each of them at once, and a probe failed."""
    failed = ACCEPT_ERRORS._value.get()
    with socket.socket() as client:
        with no_descriptor_left():
            client.connect((LOOPBACK, wire.port))
            await until(lambda: ACCEPT_ERRORS._value.get() > failed)

        await until_open(1)
    async with wire.client() as later:
        assert await is_served(later)


def test_the_accepting_pauses_while_no_descriptor_is_left() -> None:
    async def main() -> None:
        async with serving_wire() as wire:
            failed = ACCEPT_ERRORS._value.get()
            with socket.socket() as client, no_descriptor_left():
                client.connect((LOOPBACK, wire.port))
                await asyncio.sleep(10)
            assert 50 <= ACCEPT_ERRORS._value.get() - failed <= 101

    leaping(main())


async def test_an_idle_connection_gives_its_descriptor_to_a_new_one(wire: Wire) -> None:
    async with wire.client() as idle:
        assert await is_served(idle)
        with socket.socket() as client:
            with no_descriptor_left():
                client.connect((LOOPBACK, wire.port))
                assert await idle.ended()
            await until_open(1)


def test_while_memory_is_short_connections_that_are_idle_for_long_are_closed_but_a_hundred() -> None:
    async def main() -> None:
        connections = Connections(1000)
        aborted: list[int] = []
        for number in range(110):
            connection = connections.admit()
            assert connection is not None
            connection.abort = partial(aborted.append, number)

        connections.relieve(is_short=True)
        assert aborted == []
        assert connections.admit() is not None
        assert aborted == [0]
        connections.relieve(is_short=False)
        assert connections.admit() is not None
        assert aborted == [0]

    asyncio.run(main())
