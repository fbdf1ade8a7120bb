"""What can happen to a response on its way, or be sent in place of one.

Offsets count the bytes of the body, which a stream has in chunks of HTTP with their framing.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from tests.faults.relay import Fault, Response

JSON = "application/json"
MIB = 1024 * 1024
_FRAMING = (b"content-length", b"transfer-encoding")


def of_body(change: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]) -> Fault:
    """The response with this done to its body."""

    async def fault(response: Response) -> AsyncIterator[bytes]:
        yield await response.head()
        async for part in change(response.body()):
            yield part

    return fault


def cut_at(offset: int) -> Fault:
    """The connection is reset after so many bytes of the body."""

    async def change(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for part in _begin(body, offset):
            yield part
        raise ConnectionAbortedError

    return of_body(change)


def ended_at(offset: int) -> Fault:
    """The connection is closed in order after so many bytes of the body."""
    return of_body(lambda body: _begin(body, offset))


def silent_at(offset: int) -> Fault:
    """Nothing more is sent after so many bytes of the body, and the connection stays: its other end is gone."""

    async def change(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for part in _begin(body, offset):
            yield part
        await asyncio.Event().wait()

    return of_body(change)


def flipped_at(offset: int) -> Fault:
    """The lowest bit of one byte of the body is another."""

    async def change(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        begin = 0
        async for part in body:
            at = offset - begin
            yield part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :] if 0 <= at < len(part) else part
            begin += len(part)

    return of_body(change)


def repeated(number: int) -> Fault:
    """What arrived from the server at once is sent twice, the first such part being number 0."""

    async def change(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        seen = 0
        async for part in body:
            yield part * (1 + (seen == number))
            seen += 1

    return of_body(change)


def grown(marker: bytes, parts: int) -> Fault:
    """In place of a text in the body there is another one of so many MiB."""

    async def fault(response: Response) -> AsyncIterator[bytes]:
        head = await response.head()
        body = b"".join([part async for part in response.body()])
        if b"\r\ntransfer-encoding: chunked" in head.lower():
            body = _without_chunks(body)
        # The end of the connection ends the body.
        yield b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(_FRAMING))
        begin, found, end = body.partition(marker)
        yield begin
        for _ in range(parts if found else 0):
            yield b"x" * MIB
        yield end

    return fault


def dripping(bytes_per_s: float) -> Fault:
    """The body comes one byte at a time."""

    async def change(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for part in body:
            for byte in part:
                await asyncio.sleep(1 / bytes_per_s)
                yield bytes([byte])

    return of_body(change)


async def unanswered(_response: Response) -> AsyncIterator[bytes]:
    """Not a byte is sent, and the connection stays."""
    await asyncio.Event().wait()
    yield b""


def answered(code: int, body: bytes, media_type: str = JSON, headers: str = "") -> Fault:
    """This in place of the server's response."""
    framing = f"HTTP/1.1 {code} X\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n"
    return written(f"{framing}{headers}Connection: close\r\n\r\n".encode() + body)


def written(raw: bytes) -> Fault:
    """These bytes in place of the server's response."""

    async def fault(_response: Response) -> AsyncIterator[bytes]:
        yield raw

    return fault


def failure(code: int, reason: str, message: str = "no", headers: str = "") -> Fault:
    """A metav1.Status of failure, with its code."""
    return answered(code, status(code, reason, message), headers=headers)


def status(code: int, reason: str, message: str = "no") -> bytes:
    """A metav1.Status of failure."""
    return _json(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
    )


def event(kind: str, obj: Any) -> bytes:
    """A line of a watch."""
    return _json({"type": kind, "object": obj}) + b"\n"


def preceded_by(*parts: bytes) -> Fault:
    """A stream that sends these parts first, and then what the server sends."""

    async def change(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        for part in parts:
            yield b"%x\r\n%b\r\n" % (len(part), part)
        async for part in body:
            yield part

    return of_body(change)


def _without_chunks(body: bytes) -> bytes:
    """What a body has that was sent in chunks."""
    parts: list[bytes] = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        parts.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return b"".join(parts)


async def _begin(body: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    left = count
    async for part in body:
        yield part[:left]
        left -= len(part)
        if left <= 0:
            return


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
