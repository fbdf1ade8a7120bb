"""uvicorn's HTTP protocol with limits, for a server that any client in the cluster can reach.

It adds what uvicorn lacks: limits on the size of a request's head, and on the time that head and body may take;
exactly one Host header; no proxy requests, and no upgrade but that of a watch to WebSocket; errors as metav1.Status;
the certificates of the connection in the context of every request. Trailers are dropped and never merged into the
headers (RFC 9110, 6.5.1), since the front proxy sets the identity headers in the head and may pass a client's
trailers on. A request that is refused here ends the connection, so that no request can be smuggled in the rest of its
bytes: that is dropped, the requests before it are answered, and then the error is.
"""

import asyncio
import logging
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from kubesum.api.representations.status import status_body
from kubesum.edge.http.connections import Connection
from kubesum.edge.http.requestcontext import RequestContext, attach
from kubesum.edge.http.requesthead import objection
from kubesum.edge.http.websocket import WebSocketProtocol, WebSocketWatch, handshake, is_watch
from kubesum.edge.tls.certpool import Chain
from kubesum.edge.tls.servertls import client_certificate_requested, client_chain, serving_chain
from kubesum.operations.logs import log_defect
from kubesum.operations.metrics import CONNECTIONS_REFUSED
from kubesum.vocabulary.errors import (
    ApiError,
    BadRequest,
    HeadersTooLarge,
    InternalError,
    RequestTimeout,
    TooManyRequests,
)

log = logging.getLogger(__name__)

MAX_HEADER_BYTES: Final = 1024 * 1024
"""The default of net/http; requests of users with hundreds of groups exceed what most servers allow."""
HEADER_OVERHEAD_BYTES: Final = 32
"""Counted for each header beside its bytes, as in HTTP/2 (RFC 9113, 6.5.2): short headers take memory too."""
MAX_TARGET_BYTES: Final = 64 * 1024 - 1
"""Of a path with its query; httptools cannot parse a longer one."""
MAX_PIPELINED_REQUESTS: Final = 100
"""Requests of a connection that wait for the responses to earlier ones."""
FIRST_BYTE_TIMEOUT_S: Final = 32.0
"""Of a new connection. kube-apiserver opens some in advance and uses them later, or never."""
READ_HEADER_TIMEOUT_S: Final = 10.0
"""From the first byte of a request to the end of its head."""
READ_BODY_TIMEOUT_S: Final = 30.0
"""From the end of the head to the end of the body, which no handler reads."""
WRITE_BUFFER_BYTES: Final = 64 * 1024
"""Of a connection whose client does not read, before writes wait; uvloop's 512 KiB become 2 MiB with their copies."""
_OF_TARGETS: Final = (httptools.HttpParserError, UnicodeDecodeError)
_OF_BODIES: Final = frozenset({b"content-length", b"transfer-encoding"})


class StrictProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, connection: Connection, *arguments: Any) -> None:
        """`arguments` are those of uvicorn's protocol."""
        super().__init__(*arguments)
        self._connection = connection
        self._client_chain: Chain = ()
        self._serving_chain: Chain = ()
        self._certificate_requested = False
        self._received_bytes = 0
        self._head_bytes = 0
        self._in_head = False
        self._error: ApiError | None = None
        self._is_refused = False
        self._deadline: asyncio.TimerHandle | None = None
        self._active: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Reads the certificates of the connection, once for all its requests."""
        self._connection.abort = transport.abort
        transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        tls = transport.get_extra_info("ssl_object")
        self._client_chain, self._serving_chain = client_chain(tls), serving_chain(tls)
        self._certificate_requested = client_certificate_requested(tls)
        super().connection_made(transport)
        self._expect(FIRST_BYTE_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the deadline, and soon sends http.disconnect to the request that is being answered.

        Also to be called for a connection that ends in its handshake.
        """
        self._expect(None)
        self._connection.closed(partial(self._end, exc))

    def _end(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._active is not None:
            # uvicorn notifies the latest request of the connection only, while an earlier one may be in progress.
            self._active.disconnected = True
            self._active.message_event.set()
        self._drop_cycles()

    def _drop_cycles(self) -> None:
        """Drops what refers to this protocol when no request follows: cycles would be left to the garbage collector.

        Requests in progress go on.
        """
        self._active = None
        self.pipeline.clear()
        self.parser = None  # type: ignore[assignment]  # as uvicorn ends
        self.cycle = None  # type: ignore[assignment]  # as uvicorn begins
        self.scope = {}  # type: ignore[typeddict-item]  # no request any more

    def data_received(self, data: bytes) -> None:
        """Parses `data`; invalid or refused HTTP ends the connection."""
        if self.transport.is_closing() or self._is_refused:
            return
        self._received_bytes = len(data)
        self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
            self._require_size()
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except (httptools.HttpParserError, ApiError) as error:
            self._note_defect(error)
            self.send_400_response("")

    def _note_defect(self, error: Exception) -> None:
        """Logs an unexpected exception in one of the methods below, which the parser raises as one of its own."""
        cause = error.__context__
        # uvicorn's method raises the others for a target that is no URL.
        if self._error is not None or not isinstance(cause, Exception) or isinstance(cause, _OF_TARGETS):
            return
        log_defect(cause)
        self._error = InternalError(f"Internal error occurred: {type(cause).__name__}")

    def on_message_begin(self) -> None:
        """Begins a request; empty lines before it do not, so that they cannot keep an idle connection open."""
        self._unset_keepalive_if_required()
        super().on_message_begin()
        context = RequestContext(self._client_chain, self._serving_chain, self._abort, self.transport.is_closing)
        attach(self.scope["state"], context)
        self._in_head, self._head_bytes = True, self._received_bytes
        self._expect(READ_HEADER_TIMEOUT_S)

    def _abort(self) -> None:
        """Ends the connection in the midst of a response, which uvicorn would log as one that was not completed."""
        if self._active is not None:
            self._active.disconnected = True
        self.transport.abort()

    def on_url(self, url: bytes) -> None:
        """Adds a part of the target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self._refuse(HeadersTooLarge("the request target is 64 KiB or larger"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Adds a header; one that follows the body is dropped."""
        self._head_bytes += HEADER_OVERHEAD_BYTES
        self._require_size()
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Starts the request, or refuses it if it could be parsed in two ways or would upgrade the connection."""
        if (objection := self._objection()) is not None:
            self._refuse(objection)
        self._in_head = False
        self._connection.busy()
        # The end of an earlier response may have started the keep-alive timeout meanwhile.
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        if not self._certificate_requested and self.cycle is not None:
            # The client had no occasion to present a certificate; on a new connection it has.
            self.cycle.keep_alive = False
        self._expect(READ_BODY_TIMEOUT_S)

    def on_body(self, body: bytes) -> None:
        """Adds a part of the body; the bytes around its chunks count as part of the head."""
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Cancels the deadline: the request is complete."""
        super().on_message_complete()
        self._expect(None)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def _require_size(self) -> None:
        if self._head_bytes > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLarge("the request line and headers are larger than 1 MiB"))

    def _refuse(self, error: ApiError) -> None:
        self._error = error
        raise error

    def _objection(self) -> ApiError | None:
        if (malformed := objection(self.parser.get_http_version(), self.url, self.headers)) is not None:
            return malformed
        if self.parser.should_upgrade() and (reason := self._upgrade_refusal()):
            return BadRequest(reason)
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            return TooManyRequests("too many pipelined requests on this connection")
        return None

    def _should_upgrade(self) -> bool:
        # A request that may not be upgraded is refused before uvicorn asks.
        return True

    def _upgrade_refusal(self) -> str:
        """Why the connection is not upgraded; empty if it is.

        A watch lasts as long as its connection. Of any other upgrade, kube-apiserver would pass on more requests
        without their identity (CVE-2018-1002105).
        """
        path, _, query = self.url.partition(b"?")
        if self._get_upgrade() != b"websocket" or not is_watch(self.parser.get_method(), path, query):
            return "only a watch can be upgraded, and only to WebSocket"
        headers = dict(self.headers)
        if not headers.keys().isdisjoint(_OF_BODIES):
            return "a request to be upgraded has no body"
        if headers.get(b"sec-websocket-version") != b"13" or not headers.get(b"sec-websocket-key"):
            return "the handshake of WebSocket needs Sec-WebSocket-Version 13 and a Sec-WebSocket-Key"
        if self._active is not None and not self._active.response_complete:
            return "a request to be upgraded cannot be pipelined"
        return ""

    def _upgrade(self, rest: bytes) -> None:
        """Hands the connection over to WebSocket; `rest` followed the head of the request."""
        self._expect(None)
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        path, _, query = self.url.partition(b"?")
        scope = {**self.scope, "path": "", "raw_path": path, "query_string": query}
        websocket = WebSocketProtocol(self._connection, self.config, self.server_state, {})
        websocket.app = WebSocketWatch(self.app, scope)
        websocket.connection_made(self.transport)
        websocket.data_received(handshake(scope) + rest)
        self.transport.set_protocol(websocket)
        self._drop_cycles()

    def send_400_response(self, msg: str) -> None:
        """Answers the request that was refused once those before it are answered, and ends the connection.

        It aborts the connection if they take longer than a body may, or if the response to the refused request has
        begun: the end of a body may be invalid.
        """
        error = self._error = self._error or BadRequest("the request cannot be understood")
        self._is_refused = True
        CONNECTIONS_REFUSED.labels(str(error.code)).inc()
        source = self.client[0] if self.client else ""
        log.debug("request refused", extra={"code": error.code, "reason": str(error), "source": source})
        self._expect(None)
        if not self._withdraw():
            self.transport.abort()
        elif self._active is None or self._active.response_complete or self._active.disconnected:
            self._send_error(error)
        else:
            self._expect(READ_BODY_TIMEOUT_S)

    def on_response_complete(self) -> None:
        """Starts the next request, or answers the one that was refused if it is next."""
        is_next = self._is_refused and not self.pipeline
        super().on_response_complete()
        if is_next and self._error is not None and not self.transport.is_closing():
            self._send_error(self._error)
        if self._active is None or self._active.response_complete:
            self._connection.idle()

    def _withdraw(self) -> bool:
        """Takes back the request that is refused if its head is complete already; false if its response has begun."""
        cycle = self.cycle
        if self._in_head or cycle is None or not cycle.more_body or cycle.response_complete:
            return True
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
            return True
        if cycle.response_started:
            return False
        # What its handler sends from now on is dropped.
        cycle.disconnected = True
        cycle.message_event.set()
        return True

    def _send_error(self, error: ApiError) -> None:
        self._expect(None)
        self._unset_keepalive_if_required()
        body = status_body(error)
        head = (
            f"HTTP/1.1 {error.code} {HTTPStatus(error.code).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _expect(self, within_s: float | None) -> None:
        """Replaces the deadline by one in `within_s` seconds, None for none."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if within_s is None else self.loop.call_later(within_s, self._late)

    def _late(self) -> None:
        self._deadline = None
        if self._in_head and (self.cycle is None or self.cycle.response_complete):
            self._error = RequestTimeout("the head of the request did not arrive in time")
            self.send_400_response("")
            return
        CONNECTIONS_REFUSED.labels("silent").inc()
        self.transport.abort()
