"""The reflector: lists a resource and watches it, without end.

The initial list is streamed where the server supports that (WatchList, KEP-3157) and read in pages where it does
not. A watch that ends is resumed from the last resourceVersion. Only when the server no longer has that version
does a new list begin; until it is complete, the objects so far stay valid. Errors of the server never end a
reflector, they are yielded.

The protocol is that of client-go's reflector (k8s.io/client-go/tools/cache/reflector.go).
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from kubesum.kube.client import JSON, TABLE, Upstream
from kubesum.kube.decoding import Decoder, Events
from kubesum.kube.deltas import Deltas, Facts, ListStarted, SourceEvent, Synced, WatchedResource, WatchError
from kubesum.kube.failures import Stalled, Unreachable
from kubesum.kube.lines import LongLine, complete_lines
from kubesum.kube.objecterrorlog import ObjectErrorLog
from kubesum.kube.pages import pages
from kubesum.kube.resumption import Resumption
from kubesum.kube.serverhistory import ServerHistory
from kubesum.kube.serverversion import VersionedResource
from kubesum.kube.statuserror import StatusError
from kubesum.kube.watcherrorlog import WatchErrorLog
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

BATCH_OBJECTS: Final = 100
"""Objects decoded before other tasks run, which takes a few milliseconds."""
PAUSE_S: Final = 0.025
"""How long a watch reads nothing after it has read all there is: waking up for an event costs more than the event."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Timing:
    """Pauses and timeouts of a reflector, in seconds."""

    initial_backoff_s: float = 0.2
    """Longest pause before the first retry; doubled for each further one."""
    max_backoff_s: float = 30.0
    max_unreachable_s: float = 5.0
    """Longest pause while there is no connection: to try one costs a server nothing that is not there."""
    refused_backoff_s: float = 10.0
    """Least pause after an error that lasts until a right is granted or an API installed."""
    max_retry_after_s: float = 60.0
    """A longer Retry-After of the server is cut to this."""
    stall_timeout_s: float = 150.0
    """A watch that sends no complete line for so long is dead: kube-apiserver sends a bookmark every minute.

    One that is still open so long after its timeoutSeconds is dead as well."""
    resume_within_s: float = 90.0
    """A watch whose last line is older is not resumed: one that is open has a bookmark every minute."""
    healthy_after_s: float = 5.0
    """A watch that was open for so long counts as a success even without an event."""
    min_watch_s: int = 300
    max_watch_s: int = 600
    """timeoutSeconds of a watch is random between these, so that not all watches end together."""


DEFAULT_TIMING: Final = Timing()


async def reflect(
    upstream: Upstream,
    watched: WatchedResource[Facts] | VersionedResource[Facts],
    timing: Timing = DEFAULT_TIMING,
    history: ServerHistory | None = None,
) -> AsyncGenerator[SourceEvent[Facts], None]:
    """The events of one resource, without end.

    One whose facts depend on the version of the server is listed again when that changes them: facts cannot be made
    from facts. `history` is that of the etcd which the resource is stored in, None for a computed one.
    """
    reflector = Reflector(upstream, watched, timing, history)
    while True:
        async with aclosing(reflector.attempt()) as attempt:
            async for event in attempt:
                yield event
        await asyncio.sleep(reflector.pause_s)


class Reflector(Generic[Facts]):
    """What is kept between attempts: the last resourceVersion, and whether the server supports WatchList."""

    def __init__(
        self,
        upstream: Upstream,
        watched: WatchedResource[Facts] | VersionedResource[Facts],
        timing: Timing,
        history: ServerHistory | None = None,
    ) -> None:
        self.pause_s = 0.0
        """How long to wait before the next attempt."""
        self._upstream: Final = upstream
        self._versioned: Final = watched if isinstance(watched, VersionedResource) else None
        self._watched = watched.current if isinstance(watched, VersionedResource) else watched
        self._timing: Final = timing
        self._resumption: Final = Resumption(history, timing.resume_within_s)
        self._object_errors: Final = ObjectErrorLog(self._watched.resource)
        self._decoder = Decoder(self._watched, self._object_errors.report)
        self._version = ""
        self._version_before = ""
        self._use_watch_list = True
        self._watching_since: float | None = None
        self._received_event = False
        self._failures = 0
        self._log: Final = WatchErrorLog(self._watched.resource)

    async def attempt(self) -> AsyncGenerator[SourceEvent[Facts], None]:
        """The events of one list or watch, until it ends or fails."""
        self.pause_s, self._watching_since, self._received_event = 0.0, None, False
        self._version_before = self._version
        try:
            await self._follow_version()
            await self._check_resumption()
            async with aclosing(self._list_or_watch()) as events:
                async for event in events:
                    yield event
        except UpstreamError as error:
            self._resumption.failed()
            watch_error = self._handled(error)
            if watch_error is not None:
                self._log.failed(watch_error)
                yield watch_error

    async def _follow_version(self) -> None:
        """Relists if the version of the server has changed the facts; raises UpstreamError until it is known."""
        if self._versioned is None:
            return
        await self._versioned.refresh()
        if self._versioned.current is self._watched:
            return
        self._watched = self._versioned.current
        self._decoder = Decoder(self._watched, self._object_errors.report)
        if self._version:
            self._forget_version("upgrade")

    async def _check_resumption(self) -> None:
        """Relists if the watch must not be resumed; raises UpstreamError while that is not known."""
        reason = await self._resumption.relist_reason(self._version != "")
        if reason and self._version:
            self._forget_version(reason)

    def _list_or_watch(self) -> AsyncGenerator[SourceEvent[Facts], None]:
        return self._stream() if self._version or self._use_watch_list else self._pages()

    async def _stream(self) -> AsyncGenerator[SourceEvent[Facts], None]:
        """A watch from the last resourceVersion; without one, the initial events and then a watch from there."""
        if not self._version:
            self._object_errors.list_started()
            yield ListStarted()
        async with aclosing(self._lines()) as batches:
            async for lines in batches:
                events = self._decoder.events(lines, self._version)
                self._received_event |= self._version != "" and len(lines) > 0
                if events.changes or self._version:
                    yield Deltas(events.changes)
                for synced in self._advance(events):
                    yield synced
                await asyncio.sleep(0)
        if self._version:
            self._resume("eof")
        else:
            self._fall_back("the stream ended before the initial events did")

    async def _lines(self) -> AsyncGenerator[list[bytes | LongLine], None]:
        """The complete lines of each chunk of the stream; none for the response's start or within a long line.

        A list is emptied once the next one is requested.
        """
        params, stall_s = self._stream_params(), self._timing.stall_timeout_s
        chunks = self._upstream.stream(self._watched.path, params, stall_s, self._pause_s, self._accept)
        now = asyncio.get_running_loop().time
        received_at = now()
        end_at = received_at + int(params["timeoutSeconds"]) + stall_s
        async with aclosing(chunks), aclosing(complete_lines(chunks)) as batches:
            async for lines in batches:
                # Single bytes keep a connection from being idle.
                if lines:
                    received_at = now()
                    self._resumption.confirmed()
                if now() > min(received_at + stall_s, end_at):
                    raise Stalled(f"{self._upstream.host} stopped sending events")
                self._note_progress()
                yield lines
                # Frees their memory: the next ones may take minutes to arrive.
                lines.clear()

    @property
    def _accept(self) -> str:
        return TABLE if self._watched.is_table else JSON

    def _pause_s(self) -> float:
        """No pause during the initial events, which are as fast as they are read."""
        return PAUSE_S if self._version else 0.0

    async def _pages(self) -> AsyncGenerator[SourceEvent[Facts], None]:
        self._object_errors.list_started()
        yield ListStarted()
        version = ""
        async with aclosing(pages(self._upstream, self._watched, self._decoder, self._accept)) as listed:
            async for page in listed:
                self._note_progress()
                for items in batched(page.items):
                    yield Deltas(self._decoder.objects(items))
                    await asyncio.sleep(0)
                version = page.version
        yield self._listed(version)

    def _stream_params(self) -> dict[str, str]:
        lifetime_s = random.randint(self._timing.min_watch_s, self._timing.max_watch_s)  # noqa: S311 - no secret
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(lifetime_s),
            **self._watched.selectors,
        }
        if self._version:
            return params | {"resourceVersion": self._version}
        return params | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    def _advance(self, events: Events[Facts]) -> Iterator[Synced]:
        """Moves on to the resourceVersion of the events; raises the StatusError that an ERROR event holds."""
        if self._version:
            self._version = events.version or self._version
            self._resumption.saw(events.version)
        elif events.initial_events_end:
            yield self._listed(events.version)
        if events.error is not None:
            raise StatusError(f"the watch of {self._watched.path} at {self._upstream.host}", events.error)

    def _listed(self, version: str) -> Synced:
        self._version = version
        self._resumption.saw(version)
        self._resumption.confirmed()
        self._object_errors.synced()
        self._note_progress()
        metrics.INFORMER_SYNCED.labels(self._watched.resource).set(1)
        return Synced()

    def _note_progress(self) -> None:
        # Not a child kept from the start: its value would be 1970 until the first byte.
        metrics.INFORMER_LAST_BYTE.labels(self._watched.resource).set_to_current_time()
        if self._version and self._watching_since is None:
            self._watching_since = asyncio.get_running_loop().time()
        self._log.succeeded()

    def _handled(self, error: UpstreamError) -> WatchError | None:
        """Prepares the next attempt; the event to yield, None where that attempt needs no error to be reported."""
        if isinstance(error, StatusError):
            return self._refused(error)
        if isinstance(error, Stalled) and not self._version:
            self._fall_back("the stream stalled before the initial events ended")
            return None
        if isinstance(error, Stalled) and self._watching_since is not None:
            self._stalled()
            return None
        if self._is_healthy():
            self._resume("reset")
            return None
        self.pause_s = self._backoff_s()
        if isinstance(error, Unreachable):
            self.pause_s = min(self.pause_s, random.uniform(0.5, 1) * self._timing.max_unreachable_s)  # noqa: S311 - no secret
        return WatchError(error, refused=False)

    def _refused(self, error: StatusError) -> WatchError | None:
        if not self._version and self._use_watch_list and _is_watch_list_unsupported(error):
            self._fall_back(error.message)
            return None
        if self._version and _is_version_lost(error):
            self._relist(str(error.code))
            return None
        asked_s = min(error.retry_after_s or 0.0, self._timing.max_retry_after_s)
        self.pause_s = max(self._backoff_s(), self._timing.refused_backoff_s if error.is_permanent else asked_s)
        return WatchError(error, error.is_permanent)

    def _stalled(self) -> None:
        if self._version != self._version_before:
            self._resume("stalled")
            return
        # A server whose etcd was restored sends nothing until its resourceVersions reach this one, if ever.
        self._relist("silent")

    def _fall_back(self, reason: str) -> None:
        log.info("WatchList failed, listing in pages", extra={"resource": self._watched.resource, "reason": reason})
        self._use_watch_list = False

    def _resume(self, reason: str) -> None:
        metrics.WATCH_RESTARTS.labels(self._watched.resource, reason).inc()
        self.pause_s = self._backoff_s()

    def _relist(self, reason: str) -> None:
        self._forget_version(reason)
        self.pause_s = self._backoff_s()

    def _forget_version(self, reason: str) -> None:
        log.info("relisting", extra={"resource": self._watched.resource, "reason": reason})
        metrics.RELISTS.labels(self._watched.resource, reason).inc()
        self._version = self._version_before = ""

    def _is_healthy(self) -> bool:
        """Whether this attempt was a watch that sent an event, or was open for a while."""
        if self._watching_since is None:
            return False
        open_s = asyncio.get_running_loop().time() - self._watching_since
        return self._received_event or open_s >= self._timing.healthy_after_s

    def _backoff_s(self) -> float:
        if self._is_healthy():
            self._failures = 0
        longest_s = min(self._timing.max_backoff_s, self._timing.initial_backoff_s * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        return random.uniform(longest_s / 2, longest_s)  # noqa: S311 - no secret


def batched(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items, BATCH_OBJECTS at a time."""
    for start in range(0, len(items), BATCH_OBJECTS):
        yield items[start : start + BATCH_OBJECTS]


def _is_watch_list_unsupported(error: StatusError) -> bool:
    """Whether the server does not support WatchList, or its etcd is too old for it."""
    return error.code in (400, 422) or "RequestWatchProgress" in error.message


def _is_version_lost(error: StatusError) -> bool:
    """Whether the server has compacted the resourceVersion of the watch, or never reached it."""
    if error.code == 504:
        return "Too large resource version" in error.message
    return error.code in (400, 410, 422) or error.reason in ("Expired", "Gone")
