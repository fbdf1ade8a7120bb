"""The response cache: bodies are made once, cached while they are valid, and bounded together."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from kubesum.api.lists.responsecache import Body, ResponseCache


class Responses:
    """Counts the bodies that are made; makes none before `open` is set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made = 0
        self.given_up = 0
        self.open = asyncio.Event()
        self.cache = ResponseCache(capacity_bytes=15, now=lambda: self.now)

    def maker(
        self, content: bytes = b"body", version: int = 1, expires_at: float = math.inf
    ) -> Callable[[], Awaitable[Body]]:
        async def make() -> Body:
            self.made += 1
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.given_up += 1
                raise
            return Body(content, version, expires_at)

        return make


@pytest.fixture
def responses() -> Responses:
    return Responses()


async def test_a_body_is_made_once_for_concurrent_requests(responses: Responses) -> None:
    waiting = [asyncio.create_task(responses.cache.body("k", 1, responses.maker())) for _ in range(5)]
    await asyncio.sleep(0)
    responses.open.set()

    bodies = await asyncio.gather(*waiting)

    assert responses.made == 1
    assert len({id(body) for body in bodies}) == 1


async def test_a_body_is_cached_until_the_version_changes(responses: Responses) -> None:
    responses.open.set()
    await responses.cache.body("k", 1, responses.maker())
    await responses.cache.body("k", 1, responses.maker())
    assert responses.made == 1

    newer = await responses.cache.body("k", 2, responses.maker(b"new", version=2))

    assert (responses.made, newer.content) == (2, b"new")


async def test_an_expired_body_is_made_again(responses: Responses) -> None:
    responses.open.set()
    await responses.cache.body("k", 1, responses.maker(expires_at=5.0))
    responses.now = 4.9
    await responses.cache.body("k", 1, responses.maker())
    assert responses.made == 1

    responses.now = 5.0
    await responses.cache.body("k", 1, responses.maker())

    assert responses.made == 2


async def test_a_body_that_expires_at_once_is_shared_and_not_cached(responses: Responses) -> None:
    waiting = [asyncio.create_task(responses.cache.body("k", 1, responses.maker(expires_at=0.0))) for _ in range(3)]
    await asyncio.sleep(0)
    responses.open.set()

    assert [body.content for body in await asyncio.gather(*waiting)] == [b"body"] * 3
    assert responses.made == 1
    await responses.cache.body("k", 1, responses.maker(expires_at=0.0))
    assert responses.made == 2


async def test_the_least_recently_used_body_is_evicted_first(responses: Responses) -> None:
    responses.open.set()
    for key in ("a", "b", "a", "c"):
        await responses.cache.body(key, 1, responses.maker())
    assert responses.made == 3

    await responses.cache.body("a", 1, responses.maker())
    assert responses.made == 3
    await responses.cache.body("b", 1, responses.maker())
    assert responses.made == 4


async def test_a_body_larger_than_the_cache_is_returned_and_not_cached(responses: Responses) -> None:
    responses.open.set()

    body = await responses.cache.body("k", 1, responses.maker(b"more than ten bytes"))
    await responses.cache.body("k", 1, responses.maker(b"more than ten bytes"))

    assert body.content == b"more than ten bytes"
    assert responses.made == 2


async def test_a_body_is_still_made_when_the_first_request_is_cancelled(responses: Responses) -> None:
    """Clients that disconnected one after the other kept others waiting for ever."""
    impatient = [asyncio.create_task(responses.cache.body("k", 1, responses.maker())) for _ in range(3)]
    await asyncio.sleep(0)
    patient = asyncio.create_task(responses.cache.body("k", 1, responses.maker()))
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
        await asyncio.wait((task,))
    responses.open.set()

    assert (await patient).content == b"body"
    assert (responses.made, responses.given_up) == (1, 0)


async def test_the_task_is_cancelled_with_the_last_request(responses: Responses) -> None:
    waiting = [asyncio.create_task(responses.cache.body("k", 1, responses.maker())) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)

    assert (responses.made, responses.given_up) == (1, 1)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "body"] == []
    responses.open.set()
    assert (await responses.cache.body("k", 1, responses.maker())).content == b"body"
    assert responses.made == 2


async def test_an_error_reaches_all_waiting_requests_and_is_not_cached(responses: Responses) -> None:
    async def broken() -> Body:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    waiting = [asyncio.create_task(responses.cache.body("k", 1, broken)) for _ in range(3)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    responses.open.set()

    assert [type(result) for result in results] == [ZeroDivisionError] * 3
    assert (await responses.cache.body("k", 1, responses.maker())).content == b"body"


async def test_a_cancelled_request_does_not_cancel_the_others(responses: Responses) -> None:
    maker = asyncio.create_task(responses.cache.body("k", 1, responses.maker()))
    await asyncio.sleep(0)
    impatient = asyncio.create_task(responses.cache.body("k", 1, responses.maker()))
    await asyncio.sleep(0)
    impatient.cancel()
    responses.open.set()

    assert (await maker).content == b"body"
    assert responses.made == 1


async def test_keys_count_against_the_capacity(responses: Responses) -> None:
    responses.open.set()

    for _ in range(2):
        await responses.cache.body("a key that alone takes up everything", 1, responses.maker())

    assert responses.made == 2
