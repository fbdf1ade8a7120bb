"""The deadlines of the strict HTTP protocol, on a clock that leaps."""

import asyncio

from tests.leaping import leaping
from tests.wire import REQUEST, serving_wire


def test_a_silent_connection_is_closed() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            clock = asyncio.get_running_loop().time
            began = clock()
            assert await client.ended()
            assert 31.9 <= clock() - began < 33

    leaping(main())


def test_empty_lines_do_not_keep_a_connection_open() -> None:
    """They are allowed before a request (RFC 9112, 2.2), and kept an idle connection open for ever."""

    async def main() -> None:
        async with serving_wire() as wire, wire.client() as silent, wire.client() as idle:
            clock = asyncio.get_running_loop().time
            began = clock()
            await silent.send(b"\r\n\r\n")
            assert (await idle.exchange(REQUEST)) is not None
            await idle.send(b"\r\n")
            assert await silent.ended()
            assert 31.9 <= clock() - began < 33
            assert await idle.ended()
            assert 119.9 <= clock() - began < 122

    leaping(main())


def test_a_slow_head_is_408() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            clock = asyncio.get_running_loop().time
            began = clock()
            await client.send(b"GET /echo HTTP/1.1\r\nHost: a\r\n")
            for number in range(4):
                await asyncio.sleep(2.4)
                await client.send(b"X-%d: a\r\n" % number)
            answer = await client.answer()
            assert answer is not None
            assert (answer.code, answer.json["reason"]) == (408, "")
            assert await client.ended()
            assert 9.9 <= clock() - began < 11

    leaping(main())


def test_a_slow_head_of_a_second_request_is_408() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            first = await client.exchange(REQUEST + b"GET")
            second = await client.answer()
            assert [answer and answer.code for answer in (first, second)] == [200, 408]

    leaping(main())


def test_a_slow_body_ends_the_connection() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            clock = asyncio.get_running_loop().time
            began = clock()
            await client.send(b"POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
            for _ in range(9):
                await asyncio.sleep(3)
                await client.send(b"a")
            assert await client.ended()
            assert 29.9 <= clock() - began < 31
            await wire.app.gone.wait()

    leaping(main())


def test_an_idle_connection_outlives_the_90_s_of_kube_apiserver() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            for _ in range(3):
                assert (await client.exchange(REQUEST)) is not None
                await asyncio.sleep(119)
            assert (await client.exchange(REQUEST)) is not None
            began = asyncio.get_running_loop().time()
            assert await client.ended()
            assert 119.9 <= asyncio.get_running_loop().time() - began < 122

    leaping(main())


def test_deadlines_of_the_request_do_not_limit_the_response() -> None:
    """Also if the request began to arrive before the response to the previous one had ended."""

    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            await client.send(b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\n")
            assert (await client.answer()) is not None
            await client.send(b"Host: a\r\n\r\n")
            await asyncio.sleep(600)
            wire.app.release.set()
            answer = await client.answer()
            assert answer is not None
            assert answer.code == 200

    leaping(main())
