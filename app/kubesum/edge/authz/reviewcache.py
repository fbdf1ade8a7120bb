"""The results of TokenReviews and SubjectAccessReviews, cached for a short time.

Requests that need the same review at the same time share one. The number of reviews in flight, the number of
waiting ones and the time of each are bounded. A failure is not cached, but all requests that wait for the review
get it, so that a slow API server does not get the same review from each of them in turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from cachetools import TTLCache

from kubesum.vocabulary.errors import UpstreamError

MAX_IN_FLIGHT: Final = 50
MAX_PENDING: Final = 1000
"""In flight or waiting: any client can send tokens that were never reviewed."""
TIMEOUT_S: Final = 10.0
"""Of one review, with the time that it waits to be sent."""
TTL_S: Final = 10.0
"""For yes and no alike: k8s.io/apiserver/pkg/server/options, authentication.go and authorization.go."""
MAX_ENTRIES: Final = 8192

ReviewStatus = TypeVar("ReviewStatus")


class ReviewCache(Generic[ReviewStatus]):
    """The status of the latest reviews of one kind, by a key that stands for the spec."""

    def __init__(self) -> None:
        self._cached: TTLCache[Hashable, ReviewStatus] = TTLCache(MAX_ENTRIES, TTL_S, _now)
        self._pending: dict[Hashable, asyncio.Future[ReviewStatus]] = {}
        self._in_flight: Final = asyncio.Semaphore(MAX_IN_FLIGHT)

    def cached(self, key: Hashable) -> ReviewStatus | None:
        """The status cached under `key`, None if there is none."""
        return self._cached.get(key)

    async def get(self, key: Hashable, review: Callable[[], Awaitable[ReviewStatus]]) -> ReviewStatus:
        """The status cached under `key`, or else that of `review`; raises UpstreamError if it fails or is late."""
        while True:
            if (cached := self._cached.get(key)) is not None:
                return cached
            if (pending := self._pending.get(key)) is None:
                return await self._reviewed(key, review)
            await asyncio.wait((pending,))
            if not pending.cancelled():
                return pending.result()
            # The request that sent the review was cancelled; one of those that wait sends it again.

    async def _reviewed(self, key: Hashable, review: Callable[[], Awaitable[ReviewStatus]]) -> ReviewStatus:
        if len(self._pending) >= MAX_PENDING:
            raise UpstreamError("too many reviews wait for an answer of kube-apiserver")
        pending = self._pending[key] = asyncio.get_running_loop().create_future()
        try:
            status = await self._in_time(review)
        except UpstreamError as error:
            pending.set_exception(error)
            # Retrieved here, because asyncio logs unretrieved exceptions, and no request may be waiting.
            pending.exception()
            raise
        except BaseException:
            pending.cancel()
            raise
        finally:
            del self._pending[key]
        pending.set_result(status)
        self._cached[key] = status
        return status

    async def _in_time(self, review: Callable[[], Awaitable[ReviewStatus]]) -> ReviewStatus:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._in_flight:
                return await review()
        except TimeoutError as error:
            raise UpstreamError("kube-apiserver does not answer in time") from error


def _now() -> float:
    return asyncio.get_running_loop().time()
