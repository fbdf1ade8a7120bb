"""A relay on loopback between kubesum and the API server, in which a test has faults happen.

It ends TLS on both sides, so that a fault can be placed at a byte of a response, and gives each request a connection
of its own to the server. Without TLS it passes on what it cannot read: a fault then strikes the bytes of TLS itself.
What the faults do is in tests/faults/faults.py; which requests they strike is a rule.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """The head and body of a request; of a connection that cannot be read, all is empty."""

    method: str = ""
    path: str = ""
    query: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def is_watch(self) -> bool:
        """Whether it asks for changes alone."""
        return self.query.get("watch") == "true" and "sendInitialEvents" not in self.query

    @property
    def is_list(self) -> bool:
        """Whether it asks for what there is: in pages, or streamed at the begin of a watch."""
        return self.method == "GET" and not self.is_watch


class Response:
    """The server's response, which is requested when its head is read; without TLS the head is empty."""

    def __init__(self, connect: Callable[[], Awaitable[asyncio.StreamReader]], has_head: bool) -> None:
        self._connect = connect
        self._has_head = has_head
        self._reader: asyncio.StreamReader | None = None

    async def head(self) -> bytes:
        """The head, to its blank line."""
        self._reader = await self._connect()
        return await self._reader.readuntil(END_OF_HEAD) if self._has_head else b""

    async def body(self) -> AsyncIterator[bytes]:
        """What follows the head, as it arrives."""
        assert self._reader is not None, "the head comes first"
        while part := await self._reader.read(CHUNK_BYTES):
            yield part


async def unchanged(response: Response) -> AsyncIterator[bytes]:
    """The response as the server sends it."""
    yield await response.head()
    async for part in response.body():
        yield part


Fault = Callable[[Response], AsyncIterator[bytes]]
"""What is sent to the client in place of a response: some of its bytes, or others.

The connection is closed at the end, and reset if the fault raises ConnectionAbortedError.
"""


@dataclass
class Rule:
    """A fault, the requests that it strikes, and how many it has struck; `most` is how many it strikes at all."""

    fault: Fault
    strikes: Callable[[Request], bool]
    most: float
    requests: list[Request] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def has_struck(self, times: int = 1, within_s: float = 600) -> None:
        """Returns once so many requests were struck; `within_s` is on the clock of the event loop."""
        async with asyncio.timeout(within_s):
            while len(self.requests) < times:
                self.changed.clear()
                await self.changed.wait()


class FaultRelay:
    """Passes on everything to the server at `target_port` on loopback that no rule strikes."""

    def __init__(self, accept: ssl.SSLContext | None = None, trust: ssl.SSLContext | None = None) -> None:
        """`accept` is the context for clients, `trust` the one for the server; without them, TLS is passed on."""
        self.target_port = 0
        self.address = LOOPBACK
        self.accept = accept
        self.port = 0
        self.requests: list[Request] = []
        self.passes_on = asyncio.Event()
        """While it is not set, nothing arrives at clients, and their connections stay."""
        self.passes_on.set()
        self._trust = trust
        self._rules: list[Rule] = []
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], Request] = {}

    async def up(self) -> None:
        """Accepts connections, on the same port each time."""
        self._server = await asyncio.start_server(self._connected, self.address, self.port, ssl=self.accept)
        self.port = self._server.sockets[0].getsockname()[1]

    def down(self) -> None:
        """Refuses connections, and resets those there are."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self, strikes: Callable[[Request], bool] = lambda _: True) -> None:
        """Resets the connections of these requests, in the middle of whatever is sent."""
        for connection, request in self._connections.items():
            if strikes(request):
                connection.cancel()

    async def ended(self) -> None:
        """Returns when all connections have ended that are ending."""
        await asyncio.gather(*self._connections, return_exceptions=True)

    @contextmanager
    def fault(
        self, fault: Fault, strikes: Callable[[Request], bool] = lambda _: True, most: float = float("inf")
    ) -> Iterator[Rule]:
        """Has requests struck from now on; of several rules that fit, the first one that is not used up strikes."""
        rule = Rule(fault, strikes, most)
        self._rules.append(rule)
        try:
            yield rule
        finally:
            self._rules.remove(rule)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections[connection] = Request()
        try:
            # A client that keeps its connection sends its next request only after the last response.
            with suppress(OSError, EOFError, asyncio.CancelledError):
                await self._answer(connection, reader, writer)
        finally:
            del self._connections[connection]
            _abort(writer)

    async def _answer(
        self, connection: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        request = await _request(reader) if self.accept is not None else Request()
        self._connections[connection] = request
        self.requests.append(request)
        async with AsyncExitStack() as beyond:
            response = Response(lambda: self._beyond(request, reader, beyond), has_head=self.accept is not None)
            async for part in self._fault(request)(response):
                await self.passes_on.wait()
                writer.write(part)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def _beyond(
        self, request: Request, reader: asyncio.StreamReader, closing: AsyncExitStack
    ) -> asyncio.StreamReader:
        """What the server sends back; its connection is closed with `closing`."""
        name = None if self._trust is None else "localhost"
        answer, writer = await asyncio.open_connection(
            LOOPBACK, self.target_port, ssl=self._trust, server_hostname=name
        )
        # It holds the writer itself: one that nothing refers to closes its connection.
        closing.callback(_abort, writer)
        writer.write(request.content)
        if self.accept is None:
            closing.callback(asyncio.create_task(_pass_on(reader, writer)).cancel)
        return answer

    def _fault(self, request: Request) -> Fault:
        for rule in self._rules:
            if len(rule.requests) < rule.most and rule.strikes(request):
                rule.requests.append(request)
                rule.changed.set()
                return rule.fault
        return unchanged


async def _request(reader: asyncio.StreamReader) -> Request:
    """The next request, whose connection the server will close after the response."""
    head = await reader.readuntil(END_OF_HEAD)
    first, *lines = head.decode().strip().split("\r\n")
    method, target, _ = first.split()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    content = head.removesuffix(b"\r\n") + b"Connection: close\r\n\r\n" + body
    url = urlsplit(target)
    return Request(method, url.path, dict(parse_qsl(url.query)), content)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(CHUNK_BYTES):
            writer.write(part)
            await writer.drain()


def _abort(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
