"""Upgraded connections to the extension server, such as WebSocket: bytes are relayed both ways once both sides agree.

As kube-aggregator does: it sends the client's request with the identity of the user, and passes on what follows,
whether that is 101 or a refusal: k8s.io/apimachinery/pkg/util/proxy/upgradeaware.go, tryUpgrade.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesim.aggregation.forwarding import Headers

_CHUNK_BYTES: Final = 64 * 1024

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def is_upgrade(headers: Mapping[str, str]) -> bool:
    """Whether a request asks to upgrade its connection; k8s.io/apimachinery/pkg/util/httpstream, IsUpgradeRequest."""
    return any(word.strip().lower() == "upgrade" for word in headers.get("connection", "").split(","))


def head(method: str, target: str, host: str, headers: Headers) -> bytes:
    """The head of a request in HTTP/1.1."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


class UpgradedResponse(Response):
    """Hands the client's connection over to the extension server, and returns once it has ended.

    The protocol of the client's connection is `state.connection` of the request.
    """

    def __init__(self, request: Request, backend: Connection) -> None:
        """`backend` is a connection to which the request was sent."""
        super().__init__()
        self._connection: Final = request.state.connection
        self._backend: Final = backend

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Relays until one side ends."""
        client, backend = self._taken_over(), self._backend
        directions = ((client[0], backend[1]), (backend[0], client[1]))
        relays = [asyncio.create_task(_relayed(reader, writer)) for reader, writer in directions]
        try:
            await asyncio.wait(relays, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for relay in relays:
                relay.cancel()
            for _, writer in (client, backend):
                writer.close()
            # The server must not answer a request whose connection is no longer HTTP.
            self._connection.connection_lost(None)

    def _taken_over(self) -> Connection:
        """The client's connection as a stream, which HTTP no longer reads."""
        loop, transport = asyncio.get_running_loop(), self._connection.transport
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        transport.resume_reading()
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _relayed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies bytes until the end of either side."""
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    except OSError:
        return
