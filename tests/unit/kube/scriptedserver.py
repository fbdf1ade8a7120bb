"""An API server that answers the first request with the first answer of a script, the second with the second.

It speaks HTTP over a real socket and can close or reset the connection at any byte. After the last answer it accepts
requests and sends nothing.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
JsonObject = dict[str, Any]

_HEAD = b"HTTP/1.1 %d X\r\nContent-Type: %b\r\n%b"


@dataclass(frozen=True)
class Request:
    """A request as it arrived; header names in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass
class Script:
    """The answers still to send, and the requests received."""

    answers: list[Answer] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    connections: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        connection = asyncio.current_task()
        assert connection is not None
        self.connections.add(connection)
        try:
            while True:
                self.requests.append(await _request(reader))
                answer = self.answers.pop(0) if self.answers else silence
                await answer(writer)
                await writer.drain()
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return
        finally:
            writer.close()

    async def end(self) -> None:
        """Ends all connections."""
        for connection in self.connections:
            connection.cancel()
        await asyncio.gather(*self.connections)


@asynccontextmanager
async def playing(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[Script]:
    """Serves the script on a free port of loopback; `script.url` is its URL."""
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    script.url = f"http{'s' if tls else ''}://127.0.0.1:{port}"
    try:
        yield script
    finally:
        server.close()
        await script.end()


async def silence(_writer: asyncio.StreamWriter) -> None:
    """Sends nothing until the test ends."""
    await asyncio.Event().wait()


def body(content: bytes, code: int = 200, media_type: str = "application/json", headers: str = "") -> Answer:
    """A complete response."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        extra = f"{headers}Content-Length: {len(content)}\r\n\r\n".encode()
        writer.write(_HEAD % (code, media_type.encode(), extra) + content)

    return answer


def cut(content: bytes, length: int | None) -> Answer:
    """A response that ends with the connection: before its Content-Length of `length`, or without one (None)."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        framing = f"Content-Length: {length}\r\n\r\n" if length else "Connection: close\r\n\r\n"
        writer.write(_HEAD % (200, b"application/json", framing.encode()) + content)
        await writer.drain()
        raise ConnectionAbortedError

    return answer


def failure(code: int, reason: str = "", message: str = "", headers: str = "") -> Answer:
    """A response with a metav1.Status of failure."""
    return body(json.dumps(status(code, reason, message)).encode(), code, headers=headers)


def page(*items: JsonObject, version: str = "100", token: str = "", kind: str = "PodList") -> Answer:
    """One page of a list; with a token there are more."""
    metadata = {"resourceVersion": version} | ({"continue": token} if token else {})
    return body(json.dumps({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": list(items)}).encode())


def watch(*lines: bytes) -> Answer:
    """A watch that the server ends after these lines."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        _begin(writer, *lines)
        writer.write(b"0\r\n\r\n")

    return answer


def silent_watch(*lines: bytes) -> Answer:
    """A watch that stays open after these lines."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        _begin(writer, *lines)
        await writer.drain()
        await silence(writer)

    return answer


def reset_watch(*lines: bytes) -> Answer:
    """A watch whose connection is reset after these lines."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        _begin(writer, *lines)
        await writer.drain()
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise ConnectionAbortedError

    return answer


def event(kind: str, obj: JsonObject) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def bookmark(version: str, *, initial_events_end: bool = False) -> bytes:
    """A bookmark as kube-apiserver sends it, with null where Go has an empty slice."""
    metadata: JsonObject = {"resourceVersion": version, "creationTimestamp": None}
    if initial_events_end:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    obj = {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": {"containers": None}, "status": {}}
    return event("BOOKMARK", obj)


def pod(name: str, phase: str = "Running", version: str = "1") -> JsonObject:
    """A pod in namespace shop."""
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": version}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "status": {"phase": phase}}


def status(code: int, reason: str = "", message: str = "") -> JsonObject:
    """A metav1.Status."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def _begin(writer: asyncio.StreamWriter, *lines: bytes) -> None:
    writer.write(_HEAD % (200, b"application/json", b"Transfer-Encoding: chunked\r\n\r\n"))
    content = b"".join(lines)
    if content:
        writer.write(b"%x\r\n%b\r\n" % (len(content), content))


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    url = urlsplit(target)
    return Request(method, url.path, dict(parse_qsl(url.query)), headers, content)
