"""The response to a watch when its client, its chunks or its authorization fail; without a network."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import nullcontext
from typing import Any

import pytest
from starlette.types import Scope

from kubesum.edge.http.requestcontext import RequestContext, attach
from kubesum.operations.pacer import Turns
from kubesum.vocabulary.errors import Forbidden, ServiceUnavailable
from kubesum.vocabulary.memorypressure import MemoryPressure, no_pressure
from kubesum.web.watch import WatchResponse
from kubesum.web.writes import Writes, WriteTimeout
from tests.leaping import leaping
from tests.unit.web.fakeresources import BOXES


async def authorized() -> None:
    """Every authorization succeeds."""


def scope(authorize: Callable[[], Awaitable[None]], abort: Callable[[], None]) -> Scope:
    """A GET with such a context."""
    state: dict[str, Any] = {}
    context = RequestContext((), (), abort, lambda: False)
    context.authorize = authorize
    attach(state, context)
    return {"type": "http", "method": "GET", "state": state}


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


def test_a_client_that_does_not_read_is_aborted() -> None:
    """The response is not ended, so that the client does not take it for complete."""
    sent: list[str] = []
    closed: list[bool] = []

    async def main() -> None:
        response = WatchResponse(lines_until_closed(closed), BOXES, Turns(1), {}, Writes(no_pressure))
        began = asyncio.get_running_loop().time()
        request = scope(authorized, lambda: closed.append(False))
        await response.send(request, silence, lambda message: never_sent(sent, message))
        assert 60 <= asyncio.get_running_loop().time() - began < 62

    leaping(main())

    assert sent == ["http.response.start", "http.response.body"]
    # First the generator of the chunks, which may hold what other watches share, and then the connection.
    assert closed == [True, False]


def test_a_client_that_has_not_read_for_a_while_is_aborted_when_memory_is_short() -> None:
    closed: list[bool] = []

    async def main() -> None:
        writes = Writes(no_pressure)
        response = WatchResponse(lines_until_closed(closed), BOXES, Turns(1), {}, writes)
        request = scope(authorized, lambda: closed.append(False))
        sending = asyncio.create_task(response.send(request, silence, lambda message: never_sent([], message)))
        await asyncio.sleep(1)
        assert writes.expire(waited_s=2) == 0
        assert not closed
        await asyncio.sleep(1.1)
        assert writes.expire(waited_s=2) == 1
        await asyncio.sleep(0)
        assert writes.expire(waited_s=2) == 0
        await sending
        assert writes.expire(waited_s=0) == 0

    leaping(main())

    assert closed == [True, False]


def test_a_client_has_less_time_to_read_what_is_written_while_memory_is_short() -> None:
    aborted: list[bool] = []

    async def main() -> None:
        response = WatchResponse(lines_until_closed([]), BOXES, Turns(1), {}, Writes(lambda: MemoryPressure.OVER))
        began = asyncio.get_running_loop().time()
        request = scope(authorized, lambda: aborted.append(True))
        await response.send(request, silence, lambda message: never_sent([], message))
        assert 2 <= asyncio.get_running_loop().time() - began < 3

    leaping(main())

    assert aborted == [True]


@pytest.mark.parametrize(("size", "is_sent"), [(4096, True), (4097, False)])
def test_nothing_large_is_written_when_there_is_hardly_any_memory(size: int, is_sent: bool) -> None:
    """Else the lists in progress fill what is left in one turn of the event loop."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["body"])

    async def main() -> None:
        writes = Writes(lambda: MemoryPressure.CRITICAL)
        with nullcontext() if is_sent else pytest.raises(WriteTimeout):
            await writes.write(send, b"a" * size, more=True)

    leaping(main())

    assert len(sent) == is_sent


def test_an_unexpected_exception_aborts_the_watch() -> None:
    """A response that is ended would be taken for complete."""
    sent: list[Any] = []

    async def broken() -> AsyncGenerator[bytes, None]:
        yield b"{}\n"
        raise ZeroDivisionError

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await WatchResponse(broken(), BOXES, Turns(1), {}, Writes(no_pressure)).send(
                scope(authorized, lambda: None), silence, send
            )

    leaping(main())

    assert sent[-1] == {"type": "http.response.body", "body": b"{}\n", "more_body": True}


def test_what_waits_to_be_made_for_clients_that_have_gone_is_not_made() -> None:
    """Five thousand watches that were dropped kept their places for 14 s, until a slice of each had been made."""
    made_for_nobody: list[bytes] = []

    async def main() -> None:
        turns, gone = Turns(1), asyncio.Event()

        async def lines() -> AsyncGenerator[bytes, None]:
            while True:
                await turns.wait()
                if gone.is_set():
                    made_for_nobody.append(b"{}\n")
                yield b"{}\n"

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(_message: Any) -> None:
            """A client that reads everything at once."""

        watches = [WatchResponse(lines(), BOXES, turns, {}, Writes(no_pressure)) for _ in range(100)]
        request = scope(authorized, lambda: None)
        running = [asyncio.create_task(watch.send(request, receive, send)) for watch in watches]
        for _ in range(300):
            await turns.wait()
        gone.set()
        await asyncio.gather(*running)

    leaping(main())

    assert len(made_for_nobody) < 10


class Connection:
    """The client of a watch, and whether it is authorized; on a clock that leaps."""

    def __init__(self, authorize: Any = authorized) -> None:
        self.sent: list[bytes] = []
        self.aborted = False
        self.closed: list[bool] = []
        self.authorize = authorize
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
        request = scope(self.authorize, self.abort)
        await WatchResponse(self._chunks(), BOXES, Turns(1), {}, Writes(no_pressure)).send(
            request, self.messages.get, self.send
        )
        return asyncio.get_running_loop().time() - began

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"{}\n"
                await asyncio.sleep(60)
        finally:
            self.closed.append(True)


def answers(*results: Exception | None) -> Any:
    """An authorization with one result after the other, and then the last one again and again."""
    left = list(results)

    async def authorize() -> None:
        result = left.pop(0) if len(left) > 1 else left[0]
        if result is not None:
            raise result

    return authorize


UNANSWERED = ServiceUnavailable("kube-apiserver does not answer")
DENIED = Forbidden("no")


@pytest.mark.parametrize(
    ("results", "minutes"),
    [
        ((DENIED,), 1),
        ((None, None, DENIED), 3),
        ((UNANSWERED,), 5),
        ((UNANSWERED, UNANSWERED, None, UNANSWERED), 8),
        ((UNANSWERED, DENIED), 2),
    ],
    ids=["denied", "denied later", "unanswered", "unanswered again", "unanswered and then denied"],
)
def test_a_watch_that_is_no_longer_authorized_ends_in_order(results: Any, minutes: int) -> None:
    """[decisions 11] Authorized every minute; without an answer it goes on for five."""
    connection = Connection(answers(*results))

    async def main() -> None:
        assert 60 * minutes <= await connection.watched() < 60 * minutes + 2

    leaping(main())

    assert connection.sent[-1] == b"END"
    assert connection.sent.count(b"END") == 1
    assert (connection.closed, connection.aborted) == ([True], False)


def test_a_body_that_comes_byte_by_byte_does_not_postpone_the_authorization() -> None:
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


def test_a_disconnect_ends_the_watch() -> None:
    connection = Connection()

    async def main() -> None:
        asyncio.get_running_loop().call_later(200, connection.messages.put_nowait, {"type": "http.disconnect"})
        assert 200 <= await connection.watched() < 201

    leaping(main())

    assert (connection.closed, connection.aborted) == ([True], False)


def test_a_client_that_does_not_read_and_is_no_longer_authorized_is_aborted() -> None:
    """The end could not be sent, which was taken for an unexpected exception."""
    connection = Connection(answers(DENIED))

    async def main() -> None:
        asyncio.get_running_loop().call_later(30, connection.reading.clear)
        assert 120 <= await connection.watched() < 122

    leaping(main())

    assert (connection.closed, connection.aborted) == ([True], True)
