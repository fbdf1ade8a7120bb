"""Watches over HTTP: a response that lasts.

Each line is sent when there is one, the head before all of them. A watch that ends is a whole answer; one that
fails is cut off, so that nobody takes it for whole.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi import Response
from starlette.types import Receive, Scope, Send

from app.telemetry import WATCHES, WATCHES_CUT

LASTING: Final = "lasting_answer"
"""Under this name the state of a request holds the application that is to answer it after all others."""
STUCK_S: Final = 60.0
"""How long a client may take to read what the buffers of a connection hold."""


class WatchResponse(Response):
    """The answer to a watch: its lines, chunk by chunk, until it or the client ends."""

    media_type = "application/json"

    def __init__(self, lines: AsyncGenerator[bytes, None], resource: str) -> None:
        """`resource` labels the measurement."""
        super().__init__()
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
                async with asyncio.TaskGroup() as tasks:
                    listening = tasks.create_task(_until_gone(receive), name="watch disconnect")
                    await self._sent(send)
                    listening.cancel()
            except* _Gone:
                pass

    async def _sent(self, send: Send) -> None:
        try:
            async with aclosing(self._lines) as lines:
                async for chunk in lines:
                    await _taken(send, chunk, more=True)
                    del chunk
            await _taken(send, b"", more=False)
        except _Stuck:
            # What it was sent is lost to it; the connection is closed because the answer is not whole.
            WATCHES_CUT.labels(self._resource).inc()


async def _taken(send: Send, chunk: bytes, *, more: bool) -> None:
    """Sends a chunk; raises _Stuck if the client does not make room for it."""
    try:
        async with asyncio.timeout(STUCK_S):
            await send({"type": "http.response.body", "body": chunk, "more_body": more})
    except TimeoutError as error:
        raise _Stuck from error


class _Stuck(Exception):
    """The client does not read."""


class _Gone(Exception):
    """The client has ended the connection."""


async def _until_gone(receive: Receive) -> None:
    """Raises _Gone once the client has gone: ASGI tells of that to those who receive, and to nobody else."""
    while (await receive())["type"] != "http.disconnect":
        continue
    raise _Gone
