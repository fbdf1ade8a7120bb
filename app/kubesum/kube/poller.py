"""The poller: reads the list of a kind that cannot be watched, again and again.

A list counts when it is whole; until then, and when an attempt fails, the one before stands. Metrics of a large
cluster come in one answer of many megabytes: it is kept as it came, and decoded as it is taken in, so that nothing
is held twice. Nothing here ends because of the server, and nothing that it does takes longer than the deadline or
more memory than the largest answer.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import Decoder, Page
from kubesum.kube.deltas import Fact, Poll, SourceEvent, WatchedResource, WatchError
from kubesum.kube.failures import StatusError
from kubesum.kube.reflector import PAGE_OBJECTS, sliced
from kubesum.kube.watcherrorlog import WatchErrorLog
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key

LARGEST_LIST_BYTES: Final = 128 * 1024 * 1024
"""Metrics of a pod take 400 bytes: this is room for 300,000 pods."""

_SHORTEST_WORTH_S: Final = 90.0
_POLLS_WORTH: Final = 3
_JITTER: Final = 0.1
_SHORTEST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 10


@dataclass(frozen=True, slots=True)
class PollTiming:
    """How often a list is read, and how long an attempt may take, in seconds."""

    interval_s: float
    deadline_s: float = 30.0
    """For a whole list, however many pages it has."""

    @property
    def valid_for_s(self) -> float:
        """How long a list may be shown while no newer one can be had."""
        return max(_SHORTEST_WORTH_S, _POLLS_WORTH * self.interval_s)


async def poll(
    upstream: Upstream, kind: WatchedResource[Fact], timing: PollTiming
) -> AsyncGenerator[SourceEvent[Fact], None]:
    """Polls and troubles of a kind, without end."""
    poller = Poller(upstream, kind, timing)
    while True:
        yield await poller.attempt()
        await asyncio.sleep(poller.pause_s)


class Poller(Generic[Fact]):
    """Where one kind stands between attempts."""

    def __init__(self, upstream: Upstream, kind: WatchedResource[Fact], timing: PollTiming) -> None:
        self.pause_s = 0.0
        """How long to wait before the next attempt."""
        self._upstream: Final = upstream
        self._kind: Final = kind
        self._timing: Final = timing
        self._decoder: Final = Decoder(kind)
        self._log: Final = WatchErrorLog(kind.resource)
        self._failures = 0

    async def attempt(self) -> Poll[Fact] | WatchError:
        """One attempt to read the list, and how it ended."""
        try:
            pages = await self._whole_list()
        except UpstreamError as error:
            return self._failed(error)
        self._count("success")
        self._log.back()
        self._failures = 0
        spread = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - spreads load, hides nothing
        self.pause_s = self._timing.interval_s * spread
        return Poll(self._objects(pages), self._timing.valid_for_s)

    def _objects(self, pages: Sequence[Page]) -> Iterator[tuple[Key, Fact | None]]:
        for page in pages:
            for items in sliced(page.items):
                yield from self._decoder.objects(items)

    async def _whole_list(self) -> Sequence[Page]:
        pages: list[Page] = []
        size = 0
        now = asyncio.get_running_loop().time
        deadline = now() + self._timing.deadline_s
        params = {"limit": str(PAGE_OBJECTS)}
        while (left_s := deadline - now()) > 0:
            body = await self._upstream.get(self._kind.path, params, left_s, LARGEST_LIST_BYTES - size)
            size += len(body)
            pages.append(self._decoder.unversioned_page(body))
            if not pages[-1].continue_token:
                return pages
            params["continue"] = pages[-1].continue_token
        raise UpstreamError(f"the list of {self._kind.path} is not whole after {self._timing.deadline_s:g} s")

    def _failed(self, error: UpstreamError) -> WatchError:
        is_permanent = isinstance(error, StatusError) and error.is_permanent
        self._count("refused" if is_permanent else "error")
        asked_s = error.retry_after_s or 0.0 if isinstance(error, StatusError) else 0.0
        longest_s = _LONGEST_PAUSE * self._timing.interval_s
        backoff_s = min(longest_s, _SHORTEST_PAUSE * self._timing.interval_s * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        spread_s = random.uniform(backoff_s / 2, backoff_s)  # noqa: S311 - spreads load, hides nothing
        self.pause_s = max(spread_s, min(asked_s, longest_s))
        trouble = WatchError(error, is_permanent)
        self._log.trouble(trouble)
        return trouble

    def _count(self, result: str) -> None:
        metrics.POLLS.labels(self._kind.resource, result).inc()
