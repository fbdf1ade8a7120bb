"""uvicorn's HTTP protocol, as strict as a server must be that anybody in the cluster can reach.

It adds what uvicorn lacks: bounds on the size of a request's head and on the time that it and a body may take,
exactly one Host, no upgrade and no proxying, errors as metav1.Status, and the certificates of the client in
the state of every request. What follows a body is never taken for headers (RFC 9110, 6.5.1): the front proxy says
in the head who asks, and vouches for nothing behind it. What is refused here ends the connection, so that nobody
can hide a request in what is left of another. To be dropped where uvicorn does the same.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from kubesum.api.representations.status import status_body
from kubesum.edge.tls.certpool import Chain
from kubesum.edge.tls.servertls import client_certificate_requested, client_chain, serving_chain
from kubesum.operations.metrics import CONNECTIONS_REFUSED
from kubesum.vocabulary.errors import (
    ApiError,
    BadRequest,
    HeadersTooLarge,
    HTTPVersionNotSupported,
    RequestTimeout,
    TooManyRequests,
)

MAX_HEADER_BYTES: Final = 1024 * 1024
"""As net/http has it; users with hundreds of groups need more than most servers allow."""
HEADER_OVERHEAD_BYTES: Final = 32
"""What each header counts beside its text, as in HTTP/2 (RFC 9113, 6.5.2): short ones cost memory too."""
MAX_TARGET_BYTES: Final = 64 * 1024 - 1
"""Of a path with its query: the parser knows no longer ones, and to decode them would hold everybody up."""
MAX_PIPELINED_REQUESTS: Final = 100
"""Requests that are sent before earlier ones of the connection are answered."""
FIRST_BYTE_TIMEOUT_S: Final = 32.0
"""How long a new connection may say nothing. kube-apiserver opens some in advance and uses them later, or never."""
READ_HEADER_TIMEOUT_S: Final = 10.0
"""From the first byte of a request to the end of its head."""
READ_BODY_TIMEOUT_S: Final = 30.0
"""From the end of the head to the end of a body, which nobody reads."""

CHAIN: Final = "chain"
"""Under this name the state of a request holds the certificates that its client showed."""
OWN_CHAIN: Final = "own_chain"
"""Under this name it holds the certificates that its client was shown."""
ABORT: Final = "abort"
"""Under this name it holds what ends the connection at once, without a goodbye that a stuck client never answers."""


class StrictProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._arrived_bytes = 0
        self._head_bytes = 0
        self._in_head = False
        self._was_asked = False
        self._refusal: ApiError | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Reads what the client showed, once for all requests of the connection."""
        tls = transport.get_extra_info("ssl_object")
        chain: Chain = client_chain(tls)
        self._was_asked = client_certificate_requested(tls)
        self.app_state = {**self.app_state, CHAIN: chain, OWN_CHAIN: serving_chain(tls), ABORT: transport.abort}
        super().connection_made(transport)
        self._expect(FIRST_BYTE_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forgets the deadline, and tells whoever answers that nobody listens."""
        self._expect(None)
        super().connection_lost(exc)
        if self._answering is not None:
            # uvicorn tells the last request only, while an earlier one may still be answered.
            self._answering.disconnected = True
            self._answering.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Reads on; what is no HTTP, or none that is spoken here, ends the connection."""
        if self.transport.is_closing():
            return
        self._arrived_bytes = len(data)
        self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
            self._require_room()
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ApiError):
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begins a request; line breaks before it do not, so that they keep no idle connection open."""
        self._unset_keepalive_if_required()
        super().on_message_begin()
        self._in_head, self._head_bytes = True, self._arrived_bytes
        self._expect(READ_HEADER_TIMEOUT_S)

    def on_url(self, url: bytes) -> None:
        """Takes a part of the target."""
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self._refuse(HeadersTooLarge("the request target is 64 KiB or larger"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header; one that follows the body is nothing."""
        self._head_bytes += HEADER_OVERHEAD_BYTES
        self._require_room()
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Refuses what could be understood in two ways, or would turn the connection into something else."""
        if (objection := self._objection()) is not None:
            self._refuse(objection)
        self._in_head = False
        # An earlier answer that ended meanwhile has begun to wait for this request.
        self._unset_keepalive_if_required()
        super().on_headers_complete()
        if not self._was_asked:
            # Its client had no occasion to say who it is, which a new connection gives it.
            self.cycle.keep_alive = False
        self._expect(READ_BODY_TIMEOUT_S)

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body; what surrounds its chunks counts as head does."""
        self._head_bytes -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Is done with the deadline: a request was received whole."""
        super().on_message_complete()
        self._expect(None)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _require_room(self) -> None:
        if self._head_bytes > MAX_HEADER_BYTES:
            self._refuse(HeadersTooLarge("the request line and headers are larger than 1 MiB"))

    def _refuse(self, error: ApiError) -> None:
        self._refusal = error
        raise error

    def _objection(self) -> ApiError | None:
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            return HTTPVersionNotSupported("only HTTP/1.0 and HTTP/1.1 are spoken here")
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (hosts == 0 and self.parser.get_http_version() == "1.1"):
            return BadRequest("a request needs exactly one Host header")
        if not self.url.startswith(b"/"):
            return BadRequest("the request target is not a path")
        if self.parser.should_upgrade():
            # Never: what is behind an upgrade could claim to be anybody (CVE-2018-1002105).
            return BadRequest("this server upgrades to no other protocol")
        if len(self.pipeline) >= MAX_PIPELINED_REQUESTS:
            return TooManyRequests("too many requests wait for the answers to earlier ones")
        return None

    def send_400_response(self, msg: str) -> None:
        """Answers a request that cannot be served, and ends the connection."""
        error = self._refusal or BadRequest("the request cannot be understood")
        CONNECTIONS_REFUSED.labels(str(error.code)).inc()
        self._expect(None)
        if self.cycle is not None and not self.cycle.response_complete:
            # An earlier request is being answered: nothing can be said in between.
            self.transport.abort()
            return
        body = status_body(error)
        head = (
            f"HTTP/1.1 {error.code} {HTTPStatus(error.code).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _expect(self, within_s: float | None) -> None:
        """Sets when something must have come, None for no more deadline."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if within_s is None else self.loop.call_later(within_s, self._late)

    def _late(self) -> None:
        self._deadline = None
        if self._in_head and (self.cycle is None or self.cycle.response_complete):
            self._refusal = RequestTimeout("the head of the request did not arrive in time")
            self.send_400_response("")
            return
        CONNECTIONS_REFUSED.labels("silent").inc()
        self.transport.abort()
