"""A real server with the strict protocol on a TLS socket, and clients that write raw bytes."""

import asyncio
import json
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from kubesum.edge.http.connections import Connections
from kubesum.edge.http.requestcontext import request_context
from kubesum.edge.tls.certificates import KeyPair, authority, serving
from kubesum.edge.tls.servertls import ServerTls
from kubesum.server.sockets import LOOPBACK, listen
from kubesum.server.uvicornserver import Server, server_config

CA = authority("wire-ca")
CLIENTS = authority("clients-ca")
PAIR = serving(CA, ["kubesum.test"])
REQUEST = b"GET /echo HTTP/1.1\r\nHost: kubesum.test\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """One response."""

    code: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def headers_seen(self) -> list[tuple[str, str]]:
        """The headers of the request as the application got them."""
        return [(name, value) for name, value in self.json["headers"]]


@dataclass
class Application:
    """Answers `/echo` with the request as JSON; `/wait` answers when the client has gone or `release` is set."""

    seen: list[str] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope["path"])
        if scope["path"] == "/wait":
            await self._waited(receive)
        shown = {
            "path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": [(name.decode(), value.decode()) for name, value in scope["headers"]],
            "chain": len(request_context(scope).client_chain),
        }
        body = json.dumps(shown).encode()
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})

    async def _waited(self, receive: Receive) -> None:
        self.waiting.set()
        disconnecting = asyncio.create_task(_disconnected(receive))
        released = asyncio.create_task(self.release.wait())
        await asyncio.wait((disconnecting, released), return_when=asyncio.FIRST_COMPLETED)
        if disconnecting.done():
            self.gone.set()
        for task in (disconnecting, released):
            task.cancel()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        """Writes the parts one by one; stops when the server has closed the connection."""
        with suppress(ConnectionError):
            for part in parts:
                self.writer.write(part)
                await self.writer.drain()

    async def answer(self) -> Answer | None:
        """The next response; None if the connection ends before it."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode().strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return None
        return Answer(int(first.split()[1]), headers, body)

    async def exchange(self, *parts: bytes) -> Answer | None:
        """The response to a request that is sent in these parts."""
        await self.send(*parts)
        return await self.answer()

    async def ended(self) -> bool:
        """Waits for the end of the connection; returns whether it came without another byte."""
        try:
            return await self._reader.read() == b""
        except (ConnectionError, ssl.SSLError):
            return True

    def close(self) -> None:
        """Aborts the connection."""
        self.writer.transport.abort()


@dataclass
class Wire:
    """A running server."""

    port: int
    app: Application
    tls: ServerTls
    server: Server

    @asynccontextmanager
    async def client(self, pair: KeyPair | None = None) -> AsyncIterator[Client]:
        """A connection whose client presents `pair`."""
        client = Client(
            *await asyncio.open_connection(LOOPBACK, self.port, ssl=client_tls(pair), server_hostname=HOST)
        )
        try:
            yield client
        finally:
            client.close()

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self.server.server_state.connections)


HOST = "kubesum.test"


def client_tls(pair: KeyPair | None = None, ca: KeyPair = CA) -> ssl.SSLContext:
    """A client context that trusts `ca` and presents `pair`."""
    context = ssl.create_default_context(cadata=ca.certificate.decode())
    if pair is not None:
        load(context, pair)
    return context


def load(context: ssl.SSLContext, pair: KeyPair) -> None:
    """Loads a pair into a client context; `pair.certificate` may hold intermediates."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pair.key + pair.certificate)
        file.flush()
        context.load_cert_chain(file.name)


@asynccontextmanager
async def serving_wire(
    client_bundle: bytes = CLIENTS.certificate,
    served: ASGIApp | None = None,
    max_connections: int = 100,
    connections: Connections | None = None,
) -> AsyncIterator[Wire]:
    """A server that accepts client certificates of `client_bundle`, stopped on the way out.

    It serves `served`, or else an `Application`, on `connections`, or else at most `max_connections` of them.
    """
    tls, app = ServerTls(PAIR), Application()
    tls.set_client_ca(client_bundle)
    server = Server(server_config(served or app, tls.context), connections or Connections(max_connections))
    with listen(0) as listener:
        running = asyncio.create_task(server.serve([listener]))
        await server.listening.wait()
        try:
            yield Wire(listener.getsockname()[1], app, tls, server)
        finally:
            app.release.set()
            server.should_exit = server.force_exit = True
            await running
