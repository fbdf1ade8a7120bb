"""Watches over HTTP: a response that lasts.

Each line is sent when there is one, the head before all of them. A watch that ends is a whole answer; one that
fails is cut off, so that nobody takes it for whole.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

from fastapi import Response
from starlette.types import Receive, Scope, Send

from kubesum.edge.http.protocol import ABORT
from kubesum.operations.metrics import WATCHES, WATCHES_CUT
from kubesum.vocabulary.errors import Forbidden, ServiceUnavailable

LASTING: Final = "lasting_answer"
"""Under this name the state of a request holds the application that is to answer it after all others."""
PERMIT: Final = "permit"
"""Under this name it holds what asks once more whether the request is permitted; raises Forbidden."""
REAUTHORIZATION_INTERVAL_S: Final = 60.0
"""How often that is asked while a watch lasts."""
AUTHORIZATION_GRACE_S: Final = 300.0
"""How long a watch lasts on while nobody can tell."""
WRITE_TIMEOUT_S: Final = 60.0
"""How long a client may take to read what the buffers of a connection hold."""


class WatchResponse(Response):
    """The answer to a watch: its lines, chunk by chunk, until it or the client ends."""

    media_type = "application/json"

    def __init__(self, lines: AsyncGenerator[bytes, None], resource: str, headers: Mapping[str, str]) -> None:
        """`resource` labels the measurement."""
        super().__init__(headers=headers)
        # How long it gets is not known; uvicorn sends chunks then.
        del self.headers["content-length"]
        self._lines = lines
        self._resource = resource

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leaves the answer to the entrance: as long as it lasts, what routed the request needs no memory."""
        scope["state"][LASTING] = self.answer

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head at once, since clients wait for it, and then what comes."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
            return
        with WATCHES.labels(self._resource).track_inprogress():
            try:
                await self._attended(scope, receive, send)
            except* _Gone:
                pass
            except* _Stuck:
                # What it was sent is lost to it, so that its answer must not look whole.
                WATCHES_CUT.labels(self._resource).inc()
                scope["state"][ABORT]()

    async def _attended(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the lines as long as the client is there and may have them; raises a group of what ends it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                attending = tasks.create_task(_attend(receive, scope["state"][PERMIT]), name="watch attendance")
                await self._sent(send)
                attending.cancel()
        except* _Denied:
            await _taken(send, b"", more=False)

    async def _sent(self, send: Send) -> None:
        async with aclosing(self._lines) as lines:
            async for chunk in lines:
                await _taken(send, chunk, more=True)
                del chunk
        await _taken(send, b"", more=False)


async def _taken(send: Send, chunk: bytes, *, more: bool) -> None:
    """Sends a chunk; raises _Stuck if the client does not make room for it."""
    try:
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await send({"type": "http.response.body", "body": chunk, "more_body": more})
    except TimeoutError as error:
        raise _Stuck from error


class _Stuck(Exception):
    """The client does not read."""


class _Gone(Exception):
    """The client has ended the connection."""


class _Denied(Exception):
    """The client may watch no longer."""


async def _attend(receive: Receive, permit: Callable[[], Awaitable[None]]) -> None:
    """Raises _Gone once the client has gone, _Denied once it may watch no longer.

    ASGI tells of the one to those who receive, and to nobody else.
    """
    permitted_at = asked_at = _now()
    while True:
        try:
            # A body that comes bit by bit puts nothing off.
            async with asyncio.timeout_at(asked_at + REAUTHORIZATION_INTERVAL_S):
                if (await receive())["type"] == "http.disconnect":
                    raise _Gone
        except TimeoutError:
            permitted_at = await _permitted(permit, permitted_at)
            asked_at = _now()


async def _permitted(permit: Callable[[], Awaitable[None]], before: float) -> float:
    """When it was last said that the watch is permitted, `before` if nobody can tell now; raises _Denied."""
    try:
        await permit()
    except Forbidden as error:
        raise _Denied from error
    except ServiceUnavailable as error:
        if _now() - before > AUTHORIZATION_GRACE_S:
            raise _Denied from error
        return before
    return _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
