"""Watches over WebSocket, for user interfaces in a browser, which cannot read a response line by line.

The client upgrades the request for a watch, and gets each event as one text message in place of one line:
k8s.io/apiserver/pkg/endpoints/handlers/watch.go, HandleWS. To the application it is the same request, with the same
identity, limits and endings; only the messages of the response are translated here. A response that is no watch, such
as an error, is sent as it is, and ends the connection.
"""

import logging
from functools import partial
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from kubesum.api.requests.requestinfo import request_info
from kubesum.edge.authn.subprotocols import offered_without_token
from kubesum.edge.http.connections import Connection
from kubesum.edge.http.requestcontext import Application, Message, Receive, Scope, Send
from kubesum.vocabulary.errors import ApiError

MAX_MESSAGE_BYTES: Final = 4096
"""Of a message from the client, which needs to send none."""
NORMAL_CLOSURE: Final = 1000

# Those that the handshake is computed from. websockets takes no more than 128 header lines, and a user of many groups
# has more of them.
_OF_HANDSHAKE: Final = frozenset({b"host", b"connection", b"upgrade"})
_PREFIX: Final = b"sec-websocket-"


def is_watch(method: bytes, path: bytes, query: bytes) -> bool:
    """Whether a request, as it stands in its first line, is for a watch."""
    try:
        return request_info(method.decode("ascii"), path, query).verb == "watch"
    except ApiError:
        return False


def _is_defect(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return isinstance(error, Exception) and not isinstance(error, UnicodeDecodeError)


# uvicorn would log the path and the query of each connection, and as errors what clients cause: a response that is no
# watch, messages that are no UTF-8, and watches that a shutdown cancels.
_QUIET: Final = logging.getLogger(f"{__name__}.uvicorn")
_QUIET.addFilter(_is_defect)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection after its upgrade; its watch ends as any other when the server stops."""

    def __init__(self, connection: Connection, *arguments: Any) -> None:
        """`arguments` are those of uvicorn's protocol."""
        super().__init__(*arguments)
        self._connection = connection
        self.logger = self.conn.logger = _QUIET

    def connection_lost(self, exc: Exception | None) -> None:
        """Frees the place of the connection."""
        self._connection.closed(partial(super().connection_lost, exc))

    def shutdown(self) -> None:
        """Leaves the end of the connection to the watch, which ends when the store is closed."""
        if not self.handshake_complete:
            super().shutdown()


def handshake(scope: Scope) -> bytes:
    """The head of a request as `WebSocketProtocol` reads it: what concerns the handshake, and nothing else."""
    lines = [
        name + b": " + value for name, value in scope["headers"] if name in _OF_HANDSHAKE or name.startswith(_PREFIX)
    ]
    return b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""])


class WebSocketWatch:
    """The application of one connection, around that of HTTP requests."""

    def __init__(self, application: Application, scope: Scope) -> None:
        """`scope` is that of the request that was upgraded."""
        self._application = application
        self._scope = scope
        self._accepted: str | None = None
        self._is_watch = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request; `scope`, `receive` and `send` are those of the WebSocket."""
        await receive()  # websocket.connect
        offered = offered_without_token(scope["subprotocols"])
        self._accepted = offered[0] if offered else None

        async def translated_receive() -> Message:
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return {"type": "http.disconnect"}

        async def translated_send(message: Message) -> None:
            try:
                for translated in self._translated(message):
                    await send(translated)
            except ClientDisconnected:
                # As for HTTP: `receive` gives http.disconnect to the application.
                pass

        await self._application(self._scope, translated_receive, translated_send)

    def _translated(self, message: Message) -> list[Message]:
        """The messages of ASGI for WebSocket in place of one for HTTP."""
        if message["type"] == "http.response.start":
            self._is_watch = message["status"] == 200
            if not self._is_watch:
                return [{**message, "type": "websocket.http.response.start"}]
            headers = [(name, value) for name, value in message["headers"] if name == b"warning"]
            return [{"type": "websocket.accept", "subprotocol": self._accepted, "headers": headers}]
        if not self._is_watch:
            return [{"body": b"", **message, "type": "websocket.http.response.body"}]
        lines: list[Message] = [_text(line) for line in message.get("body", b"").splitlines(keepends=True)]
        if not message.get("more_body", False):
            lines.append({"type": "websocket.close", "code": NORMAL_CLOSURE})
        return lines


def _text(line: bytes) -> dict[str, Any]:
    return {"type": "websocket.send", "text": line.decode()}
