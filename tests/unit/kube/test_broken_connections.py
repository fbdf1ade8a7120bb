"""Connections that break without an end: every read has a deadline, whatever the HTTP parser makes of the bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from kubesum.edge.tls import certificates
from kubesum.kube.client import RESPONSE_TIMEOUT_S, Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.deltas import WatchError
from kubesum.kube.failures import Stalled
from kubesum.kube.poller import Poller, PollTiming
from kubesum.kube.reflector import Timing, reflect
from kubesum.kube.reviews import TIMEOUT_S, token_review
from kubesum.vocabulary.errors import UpstreamError
from tests.leaping import leaping
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.reflectorsteps import PODS, steps
from tests.unit.kube.scriptedserver import Answer, Script, bookmark, event, playing, pod, silence
from tests.unit.kube.test_client import server_context

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
GZIPPED = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
IDLE_S = 150.0


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def raw(*parts: bytes, then: Answer = silence) -> Answer:
    """These bytes, each on its own, and then whatever `then` sends; the connection stays open."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(1)
        await then(writer)

    return answer


async def drip(writer: asyncio.StreamWriter) -> None:
    """One byte of a line that never ends every second, in a chunk of its own."""
    while True:
        writer.write(chunk(b"x"))
        await writer.drain()
        await asyncio.sleep(1)


async def drip_of_a_head(writer: asyncio.StreamWriter) -> None:
    """One byte of a header that never ends every second."""
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(1)


async def blank_lines(writer: asyncio.StreamWriter) -> None:
    """A line without an event every minute, for ever."""
    while True:
        writer.write(chunk(b"\n"))
        await writer.drain()
        await asyncio.sleep(60)


@asynccontextmanager
async def broken(tmp_path: Path, *answers: Answer, tls: bool = False) -> AsyncIterator[Upstream]:
    """A connection to a server with this script, over plain TCP or TLS."""
    authority = certificates.authority("test-ca")
    context = server_context(tmp_path, authority) if tls else None
    async with playing(Script(list(answers)), context) as script:
        trusted = {"certificate-authority": str(tmp_path / "ca.crt")} if tls else {}
        config = written_kubeconfig(tmp_path / "config", script.url, cluster=trusted)
        async with await connect(kubeconfig(config, None)) as upstream:
            yield upstream


async def read_stream(upstream: Upstream, received: list[bytes], idle_s: float = IDLE_S) -> None:
    """Reads a stream to its end."""
    async with aclosing(upstream.stream("/api/v1/pods", {}, idle_s)) as chunks:
        async for part in chunks:
            received.append(part)


def timed(main: Callable[[], Coroutine[Any, Any, None]]) -> float:
    """Runs `main` on a loop that leaps; how many seconds it took there."""
    took: list[float] = []

    async def run() -> None:
        began = asyncio.get_running_loop().time()
        await main()
        took.append(asyncio.get_running_loop().time() - began)

    leaping(run())
    return took[0]


MALFORMED = {
    "a chunk size that is no number": b"zz\r\nxx\r\n",
    "a chunk size beyond 64 bits": b"fffffffffffffffff\r\n",
    "a negative chunk size": b"-1\r\n",
    "a chunk longer than its size": b"1\r\nxxxx\r\n",
    "another response": b"HTTP/1.1 200 OK\r\n\r\n",
    "zeros": b"\0" * 100,
}


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_chunk_ends_a_stream_at_once(tmp_path: Path, malformed: bytes, tls: bool) -> None:
    """The reader waited for ever: the parser's error cancelled the read timeout and reached no reader."""

    async def main() -> None:
        received: list[bytes] = []
        async with broken(tmp_path, raw(HEAD, chunk(b"{}\n"), malformed), tls=tls) as upstream:
            with pytest.raises(UpstreamError):
                await read_stream(upstream, received)
        assert received[:2] == [b"", b"{}\n"]

    # A peer that does not answer the end of TLS has 30 s for it.
    assert timed(main) < 40


@pytest.mark.parametrize("tls", [False, True], ids=["tcp", "tls"])
@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_chunk_ends_a_stream_on_uvloop(tmp_path: Path, malformed: bytes, tls: bool) -> None:
    """The event loop of the commands, whose clock is the real one: the idle time is an hour."""

    async def at_once(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + chunk(b"{}\n") + malformed)
        await writer.drain()
        await silence(writer)

    async def main() -> None:
        async with broken(tmp_path, at_once, tls=tls) as upstream, asyncio.timeout(50):
            with pytest.raises(UpstreamError):
                await read_stream(upstream, [], idle_s=3600)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


SILENT = {
    "before the head": raw(),
    "within the head": raw(HEAD[:40]),
    "after the head": raw(HEAD),
    "within a chunk size": raw(HEAD, b"1"),
    "within a chunk": raw(HEAD, b"ff\r\nx"),
    "a head of one byte a second": raw(HEAD[:-2] + b"X: ", then=drip_of_a_head),
}


@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT)
def test_a_stream_that_falls_silent_stalls(tmp_path: Path, answer: Answer) -> None:
    """As when the other end is gone without a word: the connection is half open."""

    async def main() -> None:
        async with broken(tmp_path, answer) as upstream:
            with pytest.raises(Stalled):
                await read_stream(upstream, [])

    assert IDLE_S - 1 <= timed(main) < 2 * IDLE_S


GARBAGE = {
    "at its start": (GZIPPED, chunk(b"no gzip at all")),
    "after its header": (GZIPPED, chunk(b"\x1f\x8b\x08\0\0\0\0\0\0\xff"), chunk(b"\xff" * 100)),
}


@pytest.mark.parametrize("parts", GARBAGE.values(), ids=GARBAGE)
def test_bytes_that_are_no_gzip_end_a_stream(tmp_path: Path, parts: tuple[bytes, ...]) -> None:
    async def main() -> None:
        async with broken(tmp_path, raw(*parts)) as upstream:
            with pytest.raises(UpstreamError):
                await read_stream(upstream, [])

    assert timed(main) < 40


NEVER_WHOLE = {
    **SILENT,
    "a body of one byte a second": raw(HEAD, then=drip),
    **{name: raw(HEAD, chunk(b"{"), malformed) for name, malformed in MALFORMED.items()},
    "no gzip": raw(GZIPPED, chunk(b"no gzip at all")),
}


@pytest.mark.parametrize("answer", NEVER_WHOLE.values(), ids=NEVER_WHOLE)
def test_a_response_that_never_ends_is_an_error(tmp_path: Path, answer: Answer) -> None:
    async def main() -> None:
        async with broken(tmp_path, answer) as upstream:
            with pytest.raises(UpstreamError):
                await upstream.get("/api/v1/pods", {})

    assert timed(main) < RESPONSE_TIMEOUT_S + 2


def test_a_second_try_with_new_credentials_has_the_deadline_of_the_first(tmp_path: Path) -> None:
    unauthorized = raw(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")

    async def main() -> None:
        async with broken(tmp_path, raw(then=late(50, unauthorized)), silence) as upstream:
            with pytest.raises(UpstreamError):
                await upstream.response("/api/v1/pods", {})

    assert timed(main) < RESPONSE_TIMEOUT_S + 2


def late(seconds: float, then: Answer) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await then(writer)

    return answer


LISTED = (event("ADDED", pod("a")), bookmark("100", initial_events_end=True))
BROKEN_WATCHES = {
    **{name: raw(HEAD, chunk(b"".join(LISTED)), malformed) for name, malformed in MALFORMED.items()},
    "a line of one byte a second": raw(HEAD, chunk(b"".join(LISTED)), then=drip),
    "blank lines after its timeoutSeconds": raw(HEAD, chunk(b"".join(LISTED)), then=blank_lines),
    "silence": raw(HEAD, chunk(b"".join(LISTED))),
}


@pytest.mark.parametrize("answer", BROKEN_WATCHES.values(), ids=BROKEN_WATCHES)
def test_a_watch_that_breaks_is_followed_by_another(tmp_path: Path, answer: Answer) -> None:
    """The kind stayed as it was for ever, past the idle time of its watch."""
    resumed = raw(HEAD, chunk(event("ADDED", pod("b", version="101"))))

    async def main() -> None:
        async with (
            broken(tmp_path, answer, resumed) as upstream,
            aclosing(reflect(upstream, PODS, Timing(stall_timeout_s=IDLE_S))) as events,
        ):
            async for step in steps(events):
                if step == ("b", "Running"):
                    return

    assert timed(main) < 600 + 3 * IDLE_S


@pytest.mark.parametrize("answer", NEVER_WHOLE.values(), ids=NEVER_WHOLE)
def test_a_poll_that_never_ends_fails(tmp_path: Path, answer: Answer) -> None:
    async def main() -> None:
        async with broken(tmp_path, answer) as upstream:
            poller = Poller(upstream, PODS, PollTiming(interval_s=30))
            assert isinstance(await poller.attempt(), WatchError)

    assert timed(main) < 32


@pytest.mark.parametrize("answer", NEVER_WHOLE.values(), ids=NEVER_WHOLE)
def test_a_review_that_never_ends_fails(tmp_path: Path, answer: Answer) -> None:
    async def main() -> None:
        async with broken(tmp_path, *[answer] * 4) as upstream:
            with pytest.raises(UpstreamError):
                await token_review(upstream, "abc")

    assert timed(main) < TIMEOUT_S + 2
