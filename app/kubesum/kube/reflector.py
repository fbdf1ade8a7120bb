"""The reflector: lists a kind, then follows it, for ever.

An initial state is streamed where the server offers it (WatchList, KEP-3157) and listed in pages where it does
not. A watch that ends is resumed from the last version; only a version that the server no longer has leads to a
new list, and until that is whole everything known stays. Nothing here ends because of the server.

The protocol is that of client-go's reflector (k8s.io/client-go/tools/cache/reflector.go).
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import Decoder, Events
from kubesum.kube.deltas import Deltas, Fact, ListStarted, SourceEvent, Synced, WatchedResource, WatchError
from kubesum.kube.failures import Stalled, StatusError
from kubesum.kube.watcherrorlog import WatchErrorLog
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

PAGE_OBJECTS: Final = 500
"""kube-apiserver's own clients ask for pages of this size (client-go/tools/pager)."""
SLICE_OBJECTS: Final = 100
"""Decoded at a time: a few milliseconds, after which others run."""
LONGEST_LINE_BYTES: Final = 64 * 1024 * 1024
"""etcd holds objects of a few MiB; what is longer is no watch."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a reflector waits for what, in seconds."""

    shortest_pause_s: float = 0.2
    """Before the first attempt after a failure; doubled for each one after."""
    longest_pause_s: float = 30.0
    refused_pause_s: float = 10.0
    """After a refusal that only a person can lift."""
    longest_retry_after_s: float = 60.0
    stall_s: float = 150.0
    """Silence after which a watch is taken for dead: kube-apiserver sends a bookmark every minute."""
    steady_s: float = 5.0
    """A watch that lives this long without a word has still worked."""
    shortest_watch_s: int = 300
    longest_watch_s: int = 600
    """The server is asked to end a watch at a random time between, so that not all end together."""


DEFAULT_TIMING: Final = Timing()


async def reflect(
    upstream: Upstream, kind: WatchedResource[Fact], timing: Timing = DEFAULT_TIMING
) -> AsyncGenerator[SourceEvent[Fact], None]:
    """News of all objects of a kind, without end."""
    reflector = Reflector(upstream, kind, timing)
    while True:
        async with aclosing(reflector.attempt()) as attempt:
            async for news in attempt:
                yield news
        await asyncio.sleep(reflector.pause_s)


class Reflector(Generic[Fact]):
    """Where one kind stands between attempts: its version, and what the server was found to offer."""

    def __init__(self, upstream: Upstream, kind: WatchedResource[Fact], timing: Timing) -> None:
        self.pause_s = 0.0
        """How long to wait before the next attempt."""
        self._upstream: Final = upstream
        self._kind: Final = kind
        self._timing: Final = timing
        self._decoder: Final = Decoder(kind)
        self._version = ""
        self._version_before = ""
        self._streams_lists = True
        self._watching_since: float | None = None
        self._heard = False
        self._failures = 0
        self._log: Final = WatchErrorLog(kind.resource)

    async def attempt(self) -> AsyncGenerator[SourceEvent[Fact], None]:
        """One list or watch, until it ends or fails."""
        self.pause_s, self._watching_since, self._heard = 0.0, None, False
        self._version_before = self._version
        try:
            async with aclosing(self._reading()) as reading:
                async for news in reading:
                    yield news
        except UpstreamError as error:
            trouble = self._failed(error)
            if trouble is not None:
                self._log.trouble(trouble)
                yield trouble

    def _reading(self) -> AsyncGenerator[SourceEvent[Fact], None]:
        return self._stream() if self._version or self._streams_lists else self._pages()

    async def _stream(self) -> AsyncGenerator[SourceEvent[Fact], None]:
        """A watch from the version known; without one, the initial state and a watch from there."""
        if not self._version:
            yield ListStarted()
        async with aclosing(self._lines()) as slices:
            async for lines in slices:
                events = self._decoder.events(lines, self._version)
                self._heard |= self._version != "" and len(lines) > 0
                if events.changes or self._version:
                    yield Deltas(events.changes)
                for complete in self._advance(events):
                    yield complete
                await asyncio.sleep(0)
        if self._version:
            self._resume("eof")
        else:
            self._fall_back("it ended before the initial state did")

    async def _lines(self) -> AsyncGenerator[Sequence[bytes], None]:
        """The lines of the stream, a chunk at a time; none where the server began to answer or a line goes on.

        They are gone once the next ones are asked for.
        """
        chunks = self._upstream.stream(self._kind.path, self._stream_params(), self._timing.stall_s)
        async with aclosing(chunks), aclosing(whole_lines(chunks)) as batches:
            async for lines in batches:
                self._note_life()
                yield lines
                # Nobody needs them while the next ones are awaited, perhaps for minutes.
                lines.clear()

    async def _pages(self) -> AsyncGenerator[SourceEvent[Fact], None]:
        yield ListStarted()
        params = {"limit": str(PAGE_OBJECTS), **self._kind.selectors}
        while True:
            page = self._decoder.page(await self._upstream.get(self._kind.path, params))
            self._note_life()
            for items in sliced(page.items):
                yield Deltas(self._decoder.objects(items))
                await asyncio.sleep(0)
            if not page.continue_token:
                yield self._listed(page.version)
                return
            params["continue"] = page.continue_token

    def _stream_params(self) -> dict[str, str]:
        shortest, longest = self._timing.shortest_watch_s, self._timing.longest_watch_s
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(random.randint(shortest, longest)),  # noqa: S311 - spreads load, hides nothing
            **self._kind.selectors,
        }
        if self._version:
            return params | {"resourceVersion": self._version}
        return params | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    def _advance(self, events: Events[Fact]) -> Iterator[Synced]:
        """Moves on to the version that events brought; raises the refusal that they end with."""
        if self._version:
            self._version = events.version or self._version
        elif events.complete:
            yield self._listed(events.version)
        if events.error is not None:
            raise StatusError(f"the watch of {self._kind.path} at {self._upstream.host}", events.error)

    def _listed(self, version: str) -> Synced:
        self._version = version
        self._note_life()
        metrics.INFORMER_SYNCED.labels(self._kind.resource).set(1)
        return Synced()

    def _note_life(self) -> None:
        metrics.INFORMER_LAST_BYTE.labels(self._kind.resource).set_to_current_time()
        if self._version and self._watching_since is None:
            self._watching_since = asyncio.get_running_loop().time()
        self._log.back()

    def _failed(self, error: UpstreamError) -> WatchError | None:
        """Decides what comes next after a failure; the trouble to tell of, None where it can be mended here."""
        if isinstance(error, StatusError):
            return self._refused(error)
        if isinstance(error, Stalled) and not self._version:
            self._fall_back("it fell silent before the initial state ended")
            return None
        if isinstance(error, Stalled) and self._watching_since is not None:
            self._stalled()
            return None
        if self._is_healthy():
            self._resume("reset")
            return None
        self.pause_s = self._backoff_s()
        return WatchError(error, refused=False)

    def _refused(self, refusal: StatusError) -> WatchError | None:
        if not self._version and self._streams_lists and _is_no_watch_list(refusal):
            self._fall_back(refusal.message)
            return None
        if self._version and _is_lost_version(refusal):
            self._relist(str(refusal.code))
            return None
        asked_s = min(refusal.retry_after_s or 0.0, self._timing.longest_retry_after_s)
        self.pause_s = max(self._backoff_s(), self._timing.refused_pause_s if refusal.is_permanent else asked_s)
        return WatchError(refusal, refusal.is_permanent)

    def _stalled(self) -> None:
        if self._version != self._version_before:
            self._resume("stalled")
            return
        # A server whose etcd was restored says nothing until it has caught up with our version, if it ever does.
        self._relist("silent")

    def _fall_back(self, reason: str) -> None:
        log.info("lists are read in pages", extra={"resource": self._kind.resource, "reason": reason})
        self._streams_lists = False

    def _resume(self, reason: str) -> None:
        metrics.WATCH_RESTARTS.labels(self._kind.resource, reason).inc()
        self.pause_s = self._backoff_s()

    def _relist(self, reason: str) -> None:
        log.info("list again", extra={"resource": self._kind.resource, "reason": reason})
        metrics.RELISTS.labels(self._kind.resource, reason).inc()
        self._version = ""
        self.pause_s = self._backoff_s()

    def _is_healthy(self) -> bool:
        """Whether this attempt got as far as a watch that works."""
        if self._watching_since is None:
            return False
        lived_s = asyncio.get_running_loop().time() - self._watching_since
        return self._heard or lived_s >= self._timing.steady_s

    def _backoff_s(self) -> float:
        if self._is_healthy():
            self._failures = 0
        longest = min(self._timing.longest_pause_s, self._timing.shortest_pause_s * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, hides nothing


async def whole_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes], None]:
    """The lines that each chunk completes; what follows the last line break of all is dropped.

    Raises UpstreamError for a line that is longer than any event can be.
    """
    unfinished: list[bytes] = []
    size = 0
    async for chunk in chunks:
        first, *lines = chunk.split(b"\n")
        unfinished.append(first)
        size += len(first)
        if size > LONGEST_LINE_BYTES:
            raise UpstreamError(f"the server sends a line of more than {LONGEST_LINE_BYTES} bytes")
        if lines:
            last = lines.pop()
            lines.insert(0, b"".join(unfinished))
            unfinished, size = [last], len(last)
        # What was given away must not live on here while the next chunk is awaited.
        del chunk, first
        yield lines
        del lines


def sliced(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items, SLICE_OBJECTS at a time."""
    for start in range(0, len(items), SLICE_OBJECTS):
        yield items[start : start + SLICE_OBJECTS]


def _is_no_watch_list(refusal: StatusError) -> bool:
    """Whether the server does not know WatchList, or its etcd is too old for it."""
    return refusal.code in (400, 422) or "RequestWatchProgress" in refusal.message


def _is_lost_version(refusal: StatusError) -> bool:
    """Whether the version that a watch follows is one that the server no longer has, or never had."""
    if refusal.code == 504:
        return "Too large resource version" in refusal.message
    return refusal.code in (400, 410, 422) or refusal.reason in ("Expired", "Gone")
