"""The poller: lists a resource that cannot be watched at an interval, without end.

A list is yielded once it is complete; a failed attempt yields a WatchError, and the consumer keeps the list before.
The metrics of a large cluster come in one response of many megabytes. Its body is kept as bytes and its objects are
decoded one batch at a time while the consumer iterates, so that bytes and decoded objects are never all in memory
together. Time and size of an attempt are bounded; errors of the server never end a poller.

Of the versions that can be read, the newest that the server offers is listed. One whose backend does not respond does
not hide an older one, and one that appears or disappears is followed.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import Decoder
from kubesum.kube.deltas import Facts, Poll, SourceEvent, WatchedResource, WatchError
from kubesum.kube.groupversions import offered_versions
from kubesum.kube.listbody import ListPieces
from kubesum.kube.pages import PAGE_OBJECTS
from kubesum.kube.statuserror import StatusError
from kubesum.kube.watcherrorlog import WatchErrorLog
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key

MAX_LIST_BYTES: Final = 128 * 1024 * 1024
"""Enough for the metrics of 300,000 pods at 400 bytes each."""

_MIN_VALID_S: Final = 90.0
_VALID_INTERVALS: Final = 3
_JITTER: Final = 0.1
# In intervals.
_INITIAL_BACKOFF: Final = 0.25
_MAX_BACKOFF: Final = 10

_LISTS_PER_DISCOVERY: Final = 10
_ANOTHER_VERSION: Final = frozenset({404, 406, 502, 503, 504})
"""Codes of a version that is gone, or whose backend does not respond; other ones hold for every version."""


@dataclass(frozen=True, slots=True)
class PollTiming:
    """Interval between lists, and timeout of an attempt, in seconds."""

    interval_s: float
    timeout_s: float = 30.0
    """For a complete list with all its pages."""

    @property
    def valid_for_s(self) -> float:
        """How long a list may be served while newer attempts fail: three intervals, at least 90 s."""
        return max(_MIN_VALID_S, _VALID_INTERVALS * self.interval_s)


async def poll(
    upstream: Upstream, watched: WatchedResource[Facts], timing: PollTiming
) -> AsyncGenerator[SourceEvent[Facts], None]:
    """The lists of one resource and the errors between them, without end."""
    poller = Poller(upstream, watched, timing)
    while True:
        yield await poller.attempt()
        await asyncio.sleep(poller.pause_s)


class Poller(Generic[Facts]):
    """What is kept between attempts: the version listed last, the failures, and the error that was logged last."""

    def __init__(self, upstream: Upstream, watched: WatchedResource[Facts], timing: PollTiming) -> None:
        self.pause_s = 0.0
        """How long to wait before the next attempt."""
        self._upstream: Final = upstream
        self._watched: Final = watched
        self._timing: Final = timing
        self._decoders: Final = {
            version: Decoder(replace(watched, version=version))
            for version in (watched.version, *watched.older_versions)
        }
        """One for each version that can be read, the newest first."""
        self._version = ""
        """That of the last list, empty after a failed attempt."""
        self._until_discovery = 0
        """How many lists are read in this version before others are looked for."""
        self._log: Final = WatchErrorLog(watched.resource)
        self._failures = 0

    async def attempt(self) -> Poll[Facts] | WatchError:
        """The list, or the error that one attempt to read it ended with."""
        deadline = asyncio.get_running_loop().time() + self._timing.timeout_s
        try:
            pages = await self._list(deadline)
        except UpstreamError as error:
            return self._failed(error)
        self._count("success")
        self._log.succeeded()
        self._failures = 0
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
        self.pause_s = self._timing.interval_s * jitter
        return Poll(self._objects(self._decoders[self._version], pages), self._timing.valid_for_s)

    def _objects(self, decoder: Decoder[Facts], pages: Sequence[ListPieces]) -> Iterator[tuple[Key, Facts | None]]:
        for page in pages:
            for piece in page.pieces:
                yield from decoder.objects_in(piece)

    async def _list(self, deadline: float) -> Sequence[ListPieces]:
        if self._version and self._until_discovery:
            self._until_discovery -= 1
            try:
                return await self._first_list([self._version], deadline)
            except StatusError as error:
                if error.code not in _ANOTHER_VERSION:
                    raise
        pages = await self._first_list(await self._offered(deadline), deadline)
        self._until_discovery = _LISTS_PER_DISCOVERY - 1
        return pages

    async def _offered(self, deadline: float) -> Sequence[str]:
        group, readable = self._watched.group, tuple(self._decoders)
        try:
            return await offered_versions(self._upstream, group, readable, self._left_s(deadline))
        except UpstreamError:
            if not self._version:
                raise
            return [self._version]

    async def _first_list(self, versions: Sequence[str], deadline: float) -> Sequence[ListPieces]:
        """The list in the first of some versions that has it; raises the error of the first one if none has."""
        first: StatusError | None = None
        for version in versions:
            try:
                pages = await self._pages(version, deadline)
            except StatusError as error:
                if error.code not in _ANOTHER_VERSION:
                    raise
                first = first or error
            else:
                self._version = version
                return pages
        raise first or UpstreamError(f"{self._upstream.host} offers no version of {self._watched.resource}")

    async def _pages(self, version: str, deadline: float) -> Sequence[ListPieces]:
        path, decoder = replace(self._watched, version=version).path, self._decoders[version]
        pages: list[ListPieces] = []
        size = 0
        params = {"limit": str(PAGE_OBJECTS)}
        while True:
            chunks = await self._upstream.get_chunks(path, params, self._left_s(deadline), MAX_LIST_BYTES - size)
            size += sum(map(len, chunks))
            pages.append(await decoder.pieces(chunks))
            if not pages[-1].metadata.continue_:
                return pages
            params["continue"] = pages[-1].metadata.continue_

    def _left_s(self, deadline: float) -> float:
        left_s = deadline - asyncio.get_running_loop().time()
        if left_s <= 0:
            raise UpstreamError(
                f"the list of {self._watched.resource} is not complete after {self._timing.timeout_s:g} s"
            )
        return left_s

    def _failed(self, error: UpstreamError) -> WatchError:
        self._version = ""
        refused = isinstance(error, StatusError) and error.is_permanent
        self._count("refused" if refused else "error")
        asked_s = error.retry_after_s or 0.0 if isinstance(error, StatusError) else 0.0
        max_s = _MAX_BACKOFF * self._timing.interval_s
        backoff_s = min(max_s, _INITIAL_BACKOFF * self._timing.interval_s * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        jittered_s = random.uniform(backoff_s / 2, backoff_s)  # noqa: S311 - no secret
        self.pause_s = max(jittered_s, min(asked_s, max_s))
        watch_error = WatchError(error, refused)
        self._log.failed(watch_error)
        return watch_error

    def _count(self, result: str) -> None:
        metrics.POLLS.labels(self._watched.resource, result).inc()
