"""A connection to the API server that ends leaves nothing that only the garbage collector frees.

Objects that stood through a full collection are never looked at again (kubesum.server.garbage): a cycle of them would
stay in memory for good, some for each watch that is cut.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Final

import pytest

from kubesum.kube.client import Upstream
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.kube.scriptedserver import Answer, Script

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
TIMES: Final = 5
IDLE_S: Final = 0.05


def sent(content: bytes, *, resets: bool = False) -> Answer:
    """An answer of these bytes, after which the connection is closed, or reset."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if resets:
            writer.transport.abort()
        else:
            writer.close()

    return answer


async def silent(writer: asyncio.StreamWriter) -> None:
    """Sends the begin of a stream, and nothing more."""
    writer.write(HEAD)
    await asyncio.sleep(3600)


async def get(upstream: Upstream) -> None:
    await upstream.get("/api/v1/pods", {}, IDLE_S)


async def stream(upstream: Upstream) -> None:
    async with aclosing(upstream.stream("/api/v1/pods", {}, IDLE_S)) as chunks:
        async for _ in chunks:
            pass


ANSWERS: Final = {
    "nothing": sent(b""),
    "a reset": sent(b"", resets=True),
    "no HTTP": sent(b"SSH-2.0-x\r\n\r\n"),
    "an event that is cut": sent(HEAD + b'5\r\n{"a":'),
    "an event and a reset": sent(HEAD + b'5\r\n{"a":\r\n', resets=True),
    "a malformed chunk": sent(HEAD + b"zz\r\n"),
    "a Status": sent(b"HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"),
    "silence": silent,
}


@pytest.mark.parametrize("work", [get, stream])
@pytest.mark.parametrize("answer", ANSWERS)
async def test_a_request_that_fails_leaves_no_cyclic_garbage(
    script: Script, upstream: Upstream, work: Callable[[Upstream], Awaitable[None]], answer: str
) -> None:
    async def failing() -> None:
        # aiohttp sends a request again whose connection ended without an answer.
        script.answers[:] = [ANSWERS[answer]] * 3
        with suppress(UpstreamError):
            await work(upstream)
        # The end of the connection is told in the next iterations.
        for _ in range(10):
            await asyncio.sleep(0)

    assert await garbage(failing) == []


async def garbage(work: Callable[[], Awaitable[None]]) -> list[str]:
    """What of the client `work`, done some times, leaves to the garbage collector."""
    # What is made once is not counted.
    await work()
    gc.collect()
    gc.disable()
    try:
        for _ in range(TIMES):
            await work()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        return sorted({name for one in gc.garbage if (name := _name(one)).startswith(("aiohttp.", "kubesum."))})
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


def _name(one: object) -> str:
    return f"{type(one).__module__}.{type(one).__qualname__}"
