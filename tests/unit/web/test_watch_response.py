"""The response that lasts, when its client or its lines fail; without a network."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from app.edge.protocol import ABORT
from app.web.watch import PERMIT, WatchResponse
from tests.leaping import leaping


async def permitted() -> None:
    """Yes."""


async def never_sent(sent: list[str], message: Any) -> None:
    sent.append(message["type"])
    if message["type"] == "http.response.body":
        await asyncio.Event().wait()


async def lines_until_closed(closed: list[bool]) -> AsyncGenerator[bytes, None]:
    try:
        while True:
            yield b"{}\n"
    finally:
        closed.append(True)


def test_a_client_that_reads_nothing_is_cut_off() -> None:
    """The answer is not ended, so nobody takes it for whole."""
    sent: list[str] = []
    closed: list[bool] = []

    async def main() -> None:
        response = WatchResponse(lines_until_closed(closed), "boxes", {})
        silent = asyncio.Event()
        began = asyncio.get_running_loop().time()
        scope = {"type": "http", "method": "GET", "state": {PERMIT: permitted, ABORT: lambda: closed.append(False)}}
        await response.answer(scope, silent.wait, lambda message: never_sent(sent, message))
        assert 60 <= asyncio.get_running_loop().time() - began < 62

    leaping(main())

    assert sent == ["http.response.start", "http.response.body"]
    # First the lines, which others share, and then the connection.
    assert closed == [True, False]


def test_a_defect_cuts_a_watch_off() -> None:
    """An end that looks like a whole answer would be taken for one."""
    sent: list[Any] = []

    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"{}\n"
        raise ZeroDivisionError

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        with pytest.raises(ExceptionGroup):
            await WatchResponse(broken(), "boxes", {}).answer(
                {"type": "http", "method": "GET", "state": {PERMIT: permitted}}, asyncio.Event().wait, send
            )

    leaping(main())

    assert sent[-1] == {"type": "http.response.body", "body": b"{}\n", "more_body": True}
