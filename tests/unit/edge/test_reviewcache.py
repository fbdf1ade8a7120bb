"""What is kept of what kube-apiserver said, for how long, and who waits for whom."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.vocabulary.errors import UpstreamError
from tests.leaping import leaping


class Asked:
    """Answers questions when it is told to, and counts them."""

    def __init__(self) -> None:
        self.count = 0
        self.answers: list[asyncio.Future[str]] = []

    async def __call__(self) -> str:
        self.count += 1
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]


def says(get: str, asked: list[str]) -> Callable[[], Awaitable[str]]:
    """Answers at once."""

    async def ask() -> str:
        asked.append(get)
        return get

    return ask


async def a_while() -> None:
    """Long enough for everybody to go on as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_a_verdict_is_kept_for_ten_seconds() -> None:
    asked: list[str] = []

    async def main() -> None:
        reviews: ReviewCache[str] = ReviewCache()
        for pause_s, expected in ((0.0, 1), (9.9, 1), (0.2, 2), (9.8, 2), (0.2, 3)):
            await asyncio.sleep(pause_s)
            assert await reviews.get("key", says("yes", asked)) == "yes"
            assert len(asked) == expected

    leaping(main())


async def test_another_question_has_another_verdict() -> None:
    asked: list[str] = []
    reviews: ReviewCache[str] = ReviewCache()

    assert await reviews.get("a", says("yes", asked)) == "yes"
    assert await reviews.get("b", says("no", asked)) == "no"
    assert await reviews.get("a", says("no", asked)) == "yes"


async def test_those_who_ask_the_same_at_once_wait_for_one_answer() -> None:
    asked = Asked()
    reviews: ReviewCache[str] = ReviewCache()

    callers = [asyncio.create_task(reviews.get("key", asked)) for _ in range(100)]
    await a_while()
    asked.answers[0].set_result("yes")

    assert await asyncio.gather(*callers) == ["yes"] * 100
    assert asked.count == 1


async def test_a_failure_is_shared_by_those_who_waited_and_not_kept() -> None:
    asked = Asked()
    reviews: ReviewCache[str] = ReviewCache()

    callers = [asyncio.create_task(reviews.get("key", asked)) for _ in range(10)]
    await a_while()
    asked.answers[0].set_exception(UpstreamError("down"))
    results = await asyncio.gather(*callers, return_exceptions=True)

    assert [str(result) for result in results] == ["down"] * 10
    assert asked.count == 1
    assert await reviews.get("key", says("yes", [])) == "yes"


async def test_when_the_one_who_asked_gives_up_another_asks() -> None:
    asked = Asked()
    reviews: ReviewCache[str] = ReviewCache()

    first, *others = [asyncio.create_task(reviews.get("key", asked)) for _ in range(5)]
    await a_while()
    first.cancel()
    await a_while()
    asked.answers[1].set_result("yes")

    assert await asyncio.gather(*others) == ["yes"] * 4
    assert first.cancelled()
    assert asked.count == 2


async def test_whoever_waits_can_give_up_without_harm_to_the_others() -> None:
    asked = Asked()
    reviews: ReviewCache[str] = ReviewCache()

    first, second = [asyncio.create_task(reviews.get("key", asked)) for _ in range(2)]
    await a_while()
    second.cancel()
    await a_while()
    asked.answers[0].set_result("yes")

    assert await first == "yes"
    assert asked.count == 1


async def test_a_defect_is_nobody_elses_verdict() -> None:
    asked = Asked()
    reviews: ReviewCache[str] = ReviewCache()

    first, second = [asyncio.create_task(reviews.get("key", asked)) for _ in range(2)]
    await a_while()
    asked.answers[0].set_exception(ZeroDivisionError())
    await a_while()
    asked.answers[1].set_result("yes")

    assert await second == "yes"
    with pytest.raises(ZeroDivisionError):
        await first


async def test_no_more_than_fifty_questions_are_on_their_way() -> None:
    asked = Asked()
    reviews: ReviewCache[str] = ReviewCache()

    callers = [asyncio.create_task(reviews.get(number, asked)) for number in range(60)]
    await a_while()
    assert asked.count == 50
    asked.answers[0].set_result("yes")
    await a_while()
    assert asked.count == 51

    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)


async def test_questions_that_nobody_could_wait_for_are_not_taken() -> None:
    """Anybody can make up tokens: each of them waited, however many there were."""
    asked = Asked()
    reviews: ReviewCache[str] = ReviewCache()
    callers = [asyncio.create_task(reviews.get(number, asked)) for number in range(1000)]
    await a_while()

    with pytest.raises(UpstreamError, match="too many reviews"):
        await reviews.get("one more", asked)

    again = asyncio.create_task(reviews.get(0, asked))
    await a_while()
    asked.answers[0].set_result("yes")
    assert await again == "yes"
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)


def test_nobody_waits_longer_than_ten_seconds() -> None:
    """Behind fifty questions without an answer the others waited for each of them in turn."""

    async def main() -> None:
        asked = Asked()
        reviews: ReviewCache[str] = ReviewCache()
        began = asyncio.get_running_loop().time()

        callers = [asyncio.create_task(reviews.get(number, asked)) for number in range(200)]
        results = await asyncio.gather(*callers, return_exceptions=True)

        assert {str(result) for result in results} == {"kube-apiserver does not answer in time"}
        assert 10 <= asyncio.get_running_loop().time() - began < 11

    leaping(main())


async def test_what_is_kept_is_bounded() -> None:
    asked: list[str] = []
    reviews: ReviewCache[str] = ReviewCache()

    for number in range(8193):
        await reviews.get(number, says("yes", []))
    await reviews.get(8192, says("yes", asked))
    await reviews.get(0, says("yes", asked))

    assert asked == ["yes"]
