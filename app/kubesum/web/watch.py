"""The response to a watch: chunked lines, sent as events come.

The head is sent before the first line. A watch that ends in order is a complete response; one that fails is aborted,
so that the client does not take it for complete.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesum.edge.http.requestcontext import request_context
from kubesum.operations.metrics import SENT_WATCH_EVENTS, WATCHES_CUT
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
        headers: Mapping[str, str],
        writes: Writes,
    ) -> None:
        """`resource` labels the metrics."""
        super().__init__(headers=headers)
        # Without it, uvicorn sends a chunked response.
        del self.headers["content-length"]
        self._chunks = chunks
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
            await self._send_while_authorized(request_context(scope).authorize, receive, send)
        except* _Disconnected:
            pass
        except* WriteTimeout:
            # The client has missed events, so that the response must not look complete.
            self._cut.inc()
            request_context(scope).abort()

    async def _send_while_authorized(
        self, authorize: Callable[[], Awaitable[None]], receive: Receive, send: Send
    ) -> None:
        """Sends the chunks, and ends the response when it is no longer authorized; raises a group of what ends it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                watchdog = tasks.create_task(_watchdog(receive, authorize), name="watch authorization")
                await self._send_chunks(send)
                watchdog.cancel()
        except* _NotAuthorized:
            await self._writes.write(send, b"", more=False)

    async def _send_chunks(self, send: Send) -> None:
        async with aclosing(self._chunks) as chunks:
            async for chunk in chunks:
                await self._writes.write(send, chunk, more=True)
                self._sent.inc(chunk.count(b"\n"))
                # Not kept in memory while the next one is awaited.
                del chunk
        await self._writes.write(send, b"", more=False)


class _Disconnected(Exception):
    """The client has closed the connection."""


class _NotAuthorized(Exception):
    """The user is no longer allowed to watch."""


async def _watchdog(receive: Receive, authorize: Callable[[], Awaitable[None]]) -> None:
    """Raises _Disconnected when the client has gone, _NotAuthorized when a repeated authorization fails.

    One task does both, because ASGI reports a disconnect only to `receive`.
    """
    authorized_at = reviewed_at = _now()
    while True:
        try:
            # A deadline, not a timeout: a client that sends a body byte by byte must not postpone it.
            async with asyncio.timeout_at(reviewed_at + REAUTHORIZATION_INTERVAL_S):
                if (await receive())["type"] == "http.disconnect":
                    raise _Disconnected
        except TimeoutError:
            authorized_at = await _reauthorize(authorize, authorized_at)
            reviewed_at = _now()


async def _reauthorize(authorize: Callable[[], Awaitable[None]], before: float) -> float:
    """The time of the last successful authorization, `before` if the review fails now; raises _NotAuthorized."""
    try:
        await authorize()
    except Forbidden as error:
        raise _NotAuthorized from error
    except ServiceUnavailable as error:
        if _now() - before > AUTHORIZATION_GRACE_S:
            raise _NotAuthorized from error
        return before
    return _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
