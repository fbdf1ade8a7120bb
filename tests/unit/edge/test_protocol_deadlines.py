"""How long the protocol waits for what, on a clock that leaps."""

import asyncio

from tests.leaping import leaping
from tests.wire import ASK, serving_wire


def test_a_connection_that_says_nothing_is_closed() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            clock = asyncio.get_running_loop().time
            began = clock()
            assert await client.ended()
            assert 31.9 <= clock() - began < 33

    leaping(main())


def test_line_breaks_are_no_request() -> None:
    """They are allowed before one (RFC 9112, 2.2), and an idle connection lived by them for ever."""

    async def main() -> None:
        async with serving_wire() as wire, wire.client() as silent, wire.client() as idle:
            clock = asyncio.get_running_loop().time
            began = clock()
            await silent.send(b"\r\n\r\n")
            assert (await idle.asked(ASK)) is not None
            await idle.send(b"\r\n")
            assert await silent.ended()
            assert 31.9 <= clock() - began < 33
            assert await idle.ended()
            assert 119.9 <= clock() - began < 122

    leaping(main())


def test_a_head_that_comes_slowly_is_late() -> None:
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


def test_a_second_head_that_comes_slowly_is_late_too() -> None:
    async def main() -> None:
        async with serving_wire() as wire, wire.client() as client:
            first = await client.asked(ASK + b"GET")
            second = await client.answer()
            assert [answer and answer.code for answer in (first, second)] == [200, 408]

    leaping(main())


def test_a_body_that_comes_slowly_ends_the_connection() -> None:
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
                assert (await client.asked(ASK)) is not None
                await asyncio.sleep(119)
            assert (await client.asked(ASK)) is not None
            began = asyncio.get_running_loop().time()
            assert await client.ended()
            assert 119.9 <= asyncio.get_running_loop().time() - began < 122

    leaping(main())


def test_an_answer_may_take_longer_than_any_deadline_of_its_request() -> None:
    """Also one whose request began to arrive before the answer to the one before had ended."""

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
