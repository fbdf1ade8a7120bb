"""The poller: lists a resource that cannot be watched at an interval, without end.

A list is yielded once it is complete; a failed attempt yields a WatchError, and the consumer keeps the list before.
The metrics of a large cluster come in one response of many megabytes. Its body is kept as bytes and its objects are
decoded one batch at a time while the consumer iterates, so that bytes and decoded objects are never all in memory
together. Time and size of an attempt are bounded; errors of the server never end a poller.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import Decoder, Page
from kubesum.kube.deltas import Facts, Poll, SourceEvent, WatchedResource, WatchError
from kubesum.kube.failures import StatusError
from kubesum.kube.reflector import PAGE_OBJECTS, batched
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
    """What is kept between attempts: the number of failures, and the error that was logged last."""

    def __init__(self, upstream: Upstream, watched: WatchedResource[Facts], timing: PollTiming) -> None:
        self.pause_s = 0.0
        """How long to wait before the next attempt."""
        self._upstream: Final = upstream
        self._watched: Final = watched
        self._timing: Final = timing
        self._decoder: Final = Decoder(watched)
        self._log: Final = WatchErrorLog(watched.resource)
        self._failures = 0

    async def attempt(self) -> Poll[Facts] | WatchError:
        """The list, or the error that one attempt to read it ended with."""
        try:
            pages = await self._list()
        except UpstreamError as error:
            return self._failed(error)
        self._count("success")
        self._log.succeeded()
        self._failures = 0
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
        self.pause_s = self._timing.interval_s * jitter
        return Poll(self._objects(pages), self._timing.valid_for_s)

    def _objects(self, pages: Sequence[Page]) -> Iterator[tuple[Key, Facts | None]]:
        for page in pages:
            for items in batched(page.items):
                yield from self._decoder.objects(items)

    async def _list(self) -> Sequence[Page]:
        pages: list[Page] = []
        size = 0
        now = asyncio.get_running_loop().time
        deadline = now() + self._timing.timeout_s
        params = {"limit": str(PAGE_OBJECTS)}
        while (left_s := deadline - now()) > 0:
            body = await self._upstream.get(self._watched.path, params, left_s, MAX_LIST_BYTES - size)
            size += len(body)
            pages.append(self._decoder.unversioned_page(body))
            if not pages[-1].continue_token:
                return pages
            params["continue"] = pages[-1].continue_token
        raise UpstreamError(f"the list of {self._watched.path} is not complete after {self._timing.timeout_s:g} s")

    def _failed(self, error: UpstreamError) -> WatchError:
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
