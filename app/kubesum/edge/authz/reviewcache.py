"""What kube-apiserver said of a question, kept for a while.

However many ask the same at once, one of them asks for all; how many questions are on their way, how many wait
for that, and how long anybody waits is bounded. Failures are not kept, but those who waited for one share it: an
answer that is late once is not awaited again by each of them in turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

from cachetools import TTLCache

from kubesum.vocabulary.errors import UpstreamError

MAX_CONCURRENT: Final = 50
MAX_PENDING: Final = 1000
"""On their way or waiting for it: anybody can send tokens that nobody has seen yet."""
TIMEOUT_S: Final = 10.0
"""From a question to its answer, with the wait before it is asked."""
TTL_S: Final = 10.0
"""For yes and no alike: k8s.io/apiserver/pkg/server/options, authentication.go and authorization.go."""
MAX_ENTRIES: Final = 8192

ReviewStatus = TypeVar("ReviewStatus")


class ReviewCache(Generic[ReviewStatus]):
    """The verdicts of one kind of review."""

    def __init__(self) -> None:
        self._kept: TTLCache[Hashable, ReviewStatus] = TTLCache(MAX_ENTRIES, TTL_S, _now)
        self._asked: dict[Hashable, asyncio.Future[ReviewStatus]] = {}
        self._room: Final = asyncio.Semaphore(MAX_CONCURRENT)

    async def verdict(self, key: Hashable, ask: Callable[[], Awaitable[ReviewStatus]]) -> ReviewStatus:
        """The verdict on `key`, for which `ask` asks; raises UpstreamError when nobody answers in time."""
        while True:
            if (known := self._kept.get(key)) is not None:
                return known
            if (pending := self._asked.get(key)) is None:
                return await self._answer(key, ask)
            await asyncio.wait((pending,))
            if not pending.cancelled():
                return pending.result()
            # Whoever asked gave up; one of those who wait takes over.

    async def _answer(self, key: Hashable, ask: Callable[[], Awaitable[ReviewStatus]]) -> ReviewStatus:
        if len(self._asked) >= MAX_PENDING:
            raise UpstreamError("too many questions wait for an answer of kube-apiserver")
        pending = self._asked[key] = asyncio.get_running_loop().create_future()
        try:
            verdict = await self._in_time(ask)
        except UpstreamError as error:
            pending.set_exception(error)
            # Perhaps nobody waits for it; whoever asked is told below.
            pending.exception()
            raise
        except BaseException:
            pending.cancel()
            raise
        finally:
            del self._asked[key]
        pending.set_result(verdict)
        self._kept[key] = verdict
        return verdict

    async def _in_time(self, ask: Callable[[], Awaitable[ReviewStatus]]) -> ReviewStatus:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._room:
                return await ask()
        except TimeoutError as error:
            raise UpstreamError("kube-apiserver does not answer in time") from error


def _now() -> float:
    return asyncio.get_running_loop().time()
