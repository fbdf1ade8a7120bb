"""The cache of reviews: how long it holds a status, and how concurrent requests share a review."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.vocabulary.errors import UpstreamError
from tests.leaping import leaping


class Review:
    """A review that tests answer by the futures in `answers`, and its number of calls."""

    def __init__(self) -> None:
        self.count = 0
        self.answers: list[asyncio.Future[str]] = []

    async def __call__(self) -> str:
        self.count += 1
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]


def immediate(status: str, reviewed: list[str]) -> Callable[[], Awaitable[str]]:
    """A review that is answered at once, and recorded in `reviewed`."""

    async def review() -> str:
        reviewed.append(status)
        return status

    return review


async def a_while() -> None:
    """Lets all tasks run until they wait."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_status_is_cached_for_ten_seconds() -> None:
    reviewed: list[str] = []

    async def main() -> None:
        cache: ReviewCache[str] = ReviewCache()
        for pause_s, expected in ((0.0, 1), (9.9, 1), (0.2, 2), (9.8, 2), (0.2, 3)):
            await asyncio.sleep(pause_s)
            assert await cache.get("key", immediate("yes", reviewed)) == "yes"
            assert len(reviewed) == expected

    leaping(main())


async def test_another_key_has_another_status() -> None:
    reviewed: list[str] = []
    cache: ReviewCache[str] = ReviewCache()

    assert await cache.get("a", immediate("yes", reviewed)) == "yes"
    assert await cache.get("b", immediate("no", reviewed)) == "no"
    assert await cache.get("a", immediate("no", reviewed)) == "yes"


async def test_concurrent_requests_share_one_review() -> None:
    review = Review()
    cache: ReviewCache[str] = ReviewCache()

    requests = [asyncio.create_task(cache.get("key", review)) for _ in range(100)]
    await a_while()
    review.answers[0].set_result("yes")

    assert await asyncio.gather(*requests) == ["yes"] * 100
    assert review.count == 1


async def test_a_failure_is_shared_by_waiting_requests_and_not_cached() -> None:
    review = Review()
    cache: ReviewCache[str] = ReviewCache()

    requests = [asyncio.create_task(cache.get("key", review)) for _ in range(10)]
    await a_while()
    review.answers[0].set_exception(UpstreamError("down"))
    results = await asyncio.gather(*requests, return_exceptions=True)

    assert [str(result) for result in results] == ["down"] * 10
    assert review.count == 1
    assert await cache.get("key", immediate("yes", [])) == "yes"


async def test_if_the_reviewing_request_is_cancelled_a_waiting_one_reviews() -> None:
    review = Review()
    cache: ReviewCache[str] = ReviewCache()

    first, *others = [asyncio.create_task(cache.get("key", review)) for _ in range(5)]
    await a_while()
    first.cancel()
    await a_while()
    review.answers[1].set_result("yes")

    assert await asyncio.gather(*others) == ["yes"] * 4
    assert first.cancelled()
    assert review.count == 2


async def test_a_waiting_request_can_be_cancelled_alone() -> None:
    review = Review()
    cache: ReviewCache[str] = ReviewCache()

    first, second = [asyncio.create_task(cache.get("key", review)) for _ in range(2)]
    await a_while()
    second.cancel()
    await a_while()
    review.answers[0].set_result("yes")

    assert await first == "yes"
    assert review.count == 1


async def test_an_unexpected_exception_is_not_shared() -> None:
    review = Review()
    cache: ReviewCache[str] = ReviewCache()

    first, second = [asyncio.create_task(cache.get("key", review)) for _ in range(2)]
    await a_while()
    review.answers[0].set_exception(ZeroDivisionError())
    await a_while()
    review.answers[1].set_result("yes")

    assert await second == "yes"
    with pytest.raises(ZeroDivisionError):
        await first


async def test_at_most_fifty_reviews_are_in_flight() -> None:
    review = Review()
    cache: ReviewCache[str] = ReviewCache()

    requests = [asyncio.create_task(cache.get(number, review)) for number in range(60)]
    await a_while()
    assert review.count == 50
    review.answers[0].set_result("yes")
    await a_while()
    assert review.count == 51

    for request in requests:
        request.cancel()
    await asyncio.wait(requests)


async def test_at_most_a_thousand_reviews_are_pending() -> None:
    """Any number of made-up tokens could wait."""
    review = Review()
    cache: ReviewCache[str] = ReviewCache()
    requests = [asyncio.create_task(cache.get(number, review)) for number in range(1000)]
    await a_while()

    with pytest.raises(UpstreamError, match="too many reviews"):
        await cache.get("one more", review)

    again = asyncio.create_task(cache.get(0, review))
    await a_while()
    review.answers[0].set_result("yes")
    assert await again == "yes"
    for request in requests:
        request.cancel()
    await asyncio.wait(requests)


def test_a_review_takes_at_most_ten_seconds_with_its_wait() -> None:
    """Behind fifty reviews without an answer, others waited for each of them in turn."""

    async def main() -> None:
        review = Review()
        cache: ReviewCache[str] = ReviewCache()
        began = asyncio.get_running_loop().time()

        requests = [asyncio.create_task(cache.get(number, review)) for number in range(200)]
        results = await asyncio.gather(*requests, return_exceptions=True)

        assert {str(result) for result in results} == {"kube-apiserver does not answer in time"}
        assert 10 <= asyncio.get_running_loop().time() - began < 11

    leaping(main())


async def test_the_number_of_cached_statuses_is_limited() -> None:
    reviewed: list[str] = []
    cache: ReviewCache[str] = ReviewCache()

    for number in range(8193):
        await cache.get(number, immediate("yes", []))
    await cache.get(8192, immediate("yes", reviewed))
    await cache.get(0, immediate("yes", reviewed))

    assert reviewed == ["yes"]
