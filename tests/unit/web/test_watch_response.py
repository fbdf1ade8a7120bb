"""The response that lasts, when its client or its lines fail; without a network."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from kubesum.edge.http.protocol import ABORT
from kubesum.vocabulary.errors import Forbidden, ServiceUnavailable
from kubesum.web.watch import PERMIT, WatchResponse
from tests.leaping import leaping


async def permitted() -> None:
    """Yes."""


async def silence() -> Any:
    """A client that says nothing."""
    await asyncio.Event().wait()


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
        began = asyncio.get_running_loop().time()
        scope = {"type": "http", "method": "GET", "state": {PERMIT: permitted, ABORT: lambda: closed.append(False)}}
        await response.answer(scope, silence, lambda message: never_sent(sent, message))
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
                {"type": "http", "method": "GET", "state": {PERMIT: permitted}}, silence, send
            )

    leaping(main())

    assert sent[-1] == {"type": "http.response.body", "body": b"{}\n", "more_body": True}


class Connection:
    """The client's end of a watch, and what it may do; on a clock that leaps."""

    def __init__(self, permit: Any = permitted) -> None:
        self.sent: list[bytes] = []
        self.aborted = False
        self.closed: list[bool] = []
        self.permit = permit
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()

    async def send(self, message: Any) -> None:
        await self.reading.wait()
        if message["type"] == "http.response.body":
            self.sent.append(message["body"] if message["more_body"] else b"END")

    def abort(self) -> None:
        self.aborted = True

    async def watched(self) -> float:
        """How long a watch lasts that has one line a minute."""
        began = asyncio.get_running_loop().time()
        state = {PERMIT: self.permit, ABORT: self.abort}
        scope = {"type": "http", "method": "GET", "state": state}
        await WatchResponse(self._lines(), "boxes", {}).answer(scope, self.messages.get, self.send)
        return asyncio.get_running_loop().time() - began

    async def _lines(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"{}\n"
                await asyncio.sleep(60)
        finally:
            self.closed.append(True)


def answers(*verdicts: Exception | None) -> Any:
    """Gives one verdict after the other, the last for ever."""
    left = list(verdicts)

    async def permit() -> None:
        verdict = left.pop(0) if len(left) > 1 else left[0]
        if verdict is not None:
            raise verdict

    return permit


UNDECIDED = ServiceUnavailable("nobody can tell")
DENIED = Forbidden("no")


@pytest.mark.parametrize(
    ("verdicts", "minutes"),
    [
        ((DENIED,), 1),
        ((None, None, DENIED), 3),
        ((UNDECIDED,), 5),
        ((UNDECIDED, UNDECIDED, None, UNDECIDED), 8),
        ((UNDECIDED, DENIED), 2),
    ],
    ids=["denied", "denied later", "undecided", "undecided again", "undecided and then denied"],
)
def test_a_watch_that_is_no_longer_permitted_ends_like_any_other(verdicts: Any, minutes: int) -> None:
    """[decisions 11] Asked every minute; while nobody can tell, it goes on for five."""
    connection = Connection(answers(*verdicts))

    async def main() -> None:
        assert 60 * minutes <= await connection.watched() < 60 * minutes + 2

    leaping(main())

    assert connection.sent[-1] == b"END"
    assert connection.sent.count(b"END") == 1
    assert (connection.closed, connection.aborted) == ([True], False)


def test_a_body_that_comes_bit_by_bit_does_not_put_off_the_question() -> None:
    connection = Connection(answers(DENIED))

    async def body() -> None:
        while True:
            connection.messages.put_nowait({"type": "http.request", "body": b"a", "more_body": True})
            await asyncio.sleep(7)

    async def main() -> None:
        sending = asyncio.create_task(body())
        assert 60 <= await connection.watched() < 62
        sending.cancel()

    leaping(main())

    assert connection.sent[-1] == b"END"


def test_a_client_that_has_gone_ends_its_watch() -> None:
    connection = Connection()

    async def main() -> None:
        asyncio.get_running_loop().call_later(200, connection.messages.put_nowait, {"type": "http.disconnect"})
        assert 200 <= await connection.watched() < 201

    leaping(main())

    assert (connection.closed, connection.aborted) == ([True], False)


def test_a_client_that_reads_nothing_and_is_no_longer_permitted_is_cut_off() -> None:
    """It could not be told of the end, which was taken for a defect."""
    connection = Connection(answers(DENIED))

    async def main() -> None:
        asyncio.get_running_loop().call_later(30, connection.reading.clear)
        assert 120 <= await connection.watched() < 122

    leaping(main())

    assert (connection.closed, connection.aborted) == ([True], True)
