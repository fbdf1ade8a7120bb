"""Requests whose framing is broken are answered with 400 before the connection ends, on both event loops."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from tests.hanging import HANGS_AFTER_S
from tests.leaping import leaping
from tests.wire import REQUEST, Answer, Client, Wire, serving_wire

Loop = Callable[[], asyncio.AbstractEventLoop]

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
HEAD = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
BROKEN = {
    "an unknown transfer coding": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: zip\r\n\r\n0\r\n\r\n",
    "chunked is not the last coding": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
    "chunked twice": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
    "another coding before chunked": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "identity before chunked": b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity, chunked\r\n\r\n",
    "a chunk size that is no number": HEAD + b"zz\r\nabc\r\n0\r\n\r\n",
    "a negative chunk size": HEAD + b"-1\r\n\r\n",
    "a chunk size beyond 64 bits": HEAD + b"fffffffffffffffff\r\n",
    "a chunk longer than its size": HEAD + b"1\r\nabc\r\n0\r\n\r\n",
    "bare line feeds": HEAD + b"1\na\n0\n\n",
    "a bare carriage return": HEAD + b"1\r\na\r\n0\r\rx",
    "an invalid trailer": HEAD + b"0\r\n\0: a\r\n\r\n",
    "a length that is no number": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    "a length beyond 64 bits": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "a length beyond 63 bits": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n",
    "two different lengths": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a # in the target": b"GET /echo#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a # in the query": b"GET /echo?a=b#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "only a fragment": b"GET /# HTTP/1.1\r\nHost: a\r\n\r\n",
}


def on(loop: Loop, main: Callable[[Wire], Coroutine[Any, Any, None]]) -> None:
    """Runs `main` with a server on a new event loop."""

    async def run() -> None:
        async with serving_wire() as wire, asyncio.timeout(HANGS_AFTER_S):
            await main(wire)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())


async def answers_of(client: Client) -> list[Answer]:
    """All answers until the connection ends."""
    found = []
    while (answer := await client.answer()) is not None:
        found.append(answer)
    return found


def is_refusal(answer: Answer) -> bool:
    return (answer.code, answer.headers["connection"], answer.json["kind"]) == (400, "close", "Status")


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN)
def test_a_request_with_broken_framing_is_400(loop: Loop, request_: bytes) -> None:
    """The connection ended without an answer, as if the server had crashed."""

    async def main(wire: Wire) -> None:
        async with wire.client() as client:
            await client.send(request_)
            (answer,) = await answers_of(client)
            assert is_refusal(answer)
        async with wire.client() as client:
            await client.send(request_ + REQUEST * 3)
            (answer,) = await answers_of(client)
            assert is_refusal(answer)

    on(loop, main)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
@pytest.mark.parametrize("request_", BROKEN.values(), ids=BROKEN)
def test_requests_before_it_are_answered_first(loop: Loop, request_: bytes) -> None:
    async def main(wire: Wire) -> None:
        async with wire.client() as client:
            await client.send(REQUEST * 3 + request_ + REQUEST)
            *served, refused = await answers_of(client)

        assert [answer.code for answer in served] == [200, 200, 200]
        assert is_refusal(refused)

    on(loop, main)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_body_that_breaks_while_the_handler_works_is_400(loop: Loop) -> None:
    async def main(wire: Wire) -> None:
        async with wire.client() as client:
            await client.send(HEAD.replace(b"/echo", b"/wait"))
            await wire.app.waiting.wait()
            await client.send(b"zz\r\n")
            (answer,) = await answers_of(client)
        await wire.app.gone.wait()

        assert is_refusal(answer)

    on(loop, main)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_a_body_that_breaks_after_the_response_is_400_as_well(loop: Loop) -> None:
    async def main(wire: Wire) -> None:
        async with wire.client() as client:
            first = await client.exchange(HEAD)
            second = await client.exchange(b"zz\r\n")
            assert await client.ended()

        assert first is not None
        assert second is not None
        assert first.code == 200
        assert is_refusal(second)

    on(loop, main)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_the_answer_arrives_though_the_client_goes_on_sending(loop: Loop) -> None:
    """Closing a socket with unread bytes resets it, which can overtake the answer."""

    async def main(wire: Wire) -> None:
        async with wire.client() as client:
            sending = asyncio.create_task(client.send(HEAD + b"zz\r\n", *[b"a" * 65_536] * 64))
            (answer,) = await answers_of(client)
            await sending

        assert is_refusal(answer)

    on(loop, main)


@pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
def test_one_byte_at_a_time_makes_no_difference(loop: Loop) -> None:
    async def main(wire: Wire) -> None:
        async with wire.client() as client:
            await client.send(*[bytes([byte]) for byte in HEAD + b"1\r\na\r\nzz\r\n"])
            *_, refused = await answers_of(client)

        assert is_refusal(refused)

    on(loop, main)


def test_a_refusal_waits_30_s_for_the_response_before_it() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            clock = asyncio.get_running_loop().time
            began = clock()
            await client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n" + REQUEST)
            assert await client.ended()
            assert 29.9 <= clock() - began < 31
            await wire.app.gone.wait()

    leaping(main())


def test_too_many_pipelined_requests_are_refused() -> None:
    """A quarter of a megabyte holds ten thousand requests, for which the server needs a hundred times the memory."""

    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            await client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + REQUEST * 200)
            await asyncio.sleep(1)
            wire.app.release.set()
            *served, refused = await answers_of(client)

            assert [answer.code for answer in served] == [200] * 101
            assert refused.code == 429

    leaping(main())
