"""The response to a watch: chunked lines, sent as events come.

The head is sent before the first line. A watch that ends in order is a complete response; one that fails is aborted,
so that the client does not take it for complete.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from enum import Enum, auto
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesum.edge.http.requestcontext import RequestContext, request_context
from kubesum.operations.metrics import SENT_WATCH_EVENTS, WATCHES_CUT
from kubesum.operations.pacer import Turns
from kubesum.vocabulary.errors import Forbidden, ServiceUnavailable
from kubesum.vocabulary.resource import ComputedResource
from kubesum.web.writes import Writes, WriteTimeout

REAUTHORIZATION_INTERVAL_S: Final = 60.0
"""How often a watch is authorized again."""
AUTHORIZATION_GRACE_S: Final = 300.0
"""How long a watch goes on while kube-apiserver does not answer the review."""


class WatchResponse(Response):
    """The chunks of a watch, until they or the client end."""

    media_type = "application/json"

    def __init__(
        self,
        chunks: AsyncGenerator[bytes, None],
        resource: ComputedResource,
        turns: Turns,
        headers: Mapping[str, str],
        writes: Writes,
    ) -> None:
        """`resource` labels the metrics; watches whose clients have gone end in `turns`."""
        super().__init__(headers=headers)
        # Without it, uvicorn sends a chunked response.
        del self.headers["content-length"]
        self._chunks = chunks
        self._turns = turns
        # A series from the first watch on: increases of a new one are lost to Prometheus.
        self._cut = WATCHES_CUT.labels(resource.resource_group)
        self._writes = writes
        self._sent = SENT_WATCH_EVENTS.labels(resource.group, resource.version, resource.plural)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leaves the response to the handler chain, so that the frames of the handlers are freed meanwhile."""
        request_context(scope).long_running = self.send

    async def send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head at once, because clients wait for it, and then the chunks."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
            return
        try:
            await self._send_while_authorized(request_context(scope), receive, send)
        except WriteTimeout:
            # The client has missed events, so that the response must not look complete.
            self._cut.inc()
            request_context(scope).abort()

    async def _send_while_authorized(self, context: RequestContext, receive: Receive, send: Send) -> None:
        """Sends the chunks until the client has gone, and ends the response when it is no longer authorized.

        Not a group of tasks that one ends by an exception: the frames of each watch would refer to each other in
        cycles, and the garbage of thousands that end at once takes the collector half a second.
        """
        sending = asyncio.create_task(self._send_chunks(send, context.is_closing), name="watch")
        watchdog = asyncio.create_task(_watchdog(receive, context.authorize, self._turns), name="watch authorization")
        tasks = (sending, watchdog)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not sending.cancelled():
            sending.result()
        elif watchdog.result() is _Verdict.NOT_AUTHORIZED:
            await self._writes.write(send, b"", more=False)

    async def _send_chunks(self, send: Send, is_closing: Callable[[], bool]) -> None:
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                await self._writes.write(send, chunk, more=True)
                if is_closing():
                    # The rest is for nobody: the watchdog ends the response.
                    await asyncio.get_running_loop().create_future()
                self._sent.inc(chunk.count(b"\n"))
                # Not kept in memory while the next one is awaited.
                del chunk
        await self._writes.write(send, b"", more=False)


class _Verdict(Enum):
    """Why a watch ends."""

    DISCONNECTED = auto()
    """The client has closed the connection."""
    NOT_AUTHORIZED = auto()
    """The user is no longer allowed to watch."""


async def _watchdog(receive: Receive, authorize: Callable[[], Awaitable[None]], turns: Turns) -> _Verdict:
    """Returns when the client has gone, or when a repeated authorization fails.

    One task does both, because ASGI reports a disconnect only to `receive`.
    """
    authorized_at = reviewed_at = _now()
    while True:
        try:
            # A deadline, not a timeout: a client that sends a body byte by byte must not postpone it.
            async with asyncio.timeout_at(reviewed_at + REAUTHORIZATION_INTERVAL_S):
                if (await receive())["type"] == "http.disconnect":
                    break
        except TimeoutError:
            last = await _reauthorized(authorize, authorized_at)
            if last is None:
                return _Verdict.NOT_AUTHORIZED
            authorized_at, reviewed_at = last, _now()
    # Thousands of clients may go at once, for instance with the API server that they came through. What is waiting
    # to be made for them takes turns too, and is given up where it is not made before.
    await turns.wait(before_others=True)
    return _Verdict.DISCONNECTED


async def _reauthorized(authorize: Callable[[], Awaitable[None]], before: float) -> float | None:
    """The time of the last successful authorization, `before` if the review fails now; None if it is denied."""
    try:
        await authorize()
    except Forbidden:
        return None
    except ServiceUnavailable:
        return None if _now() - before > AUTHORIZATION_GRACE_S else before
    return _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
