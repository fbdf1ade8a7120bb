"""Bodies are made once, kept while they are right, and bounded together."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from kubesum.api.lists.responsecache import Body, ResponseCache


class Kitchen:
    """Counts what is made, and makes nothing before it is let."""

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
def kitchen() -> Kitchen:
    return Kitchen()


async def test_a_body_is_made_once_for_all_who_ask_at_once(kitchen: Kitchen) -> None:
    waiting = [asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker())) for _ in range(5)]
    await asyncio.sleep(0)
    kitchen.open.set()

    bodies = await asyncio.gather(*waiting)

    assert kitchen.made == 1
    assert len({id(body) for body in bodies}) == 1


async def test_a_body_is_kept_until_the_version_changes(kitchen: Kitchen) -> None:
    kitchen.open.set()
    await kitchen.cache.body("k", 1, kitchen.maker())
    await kitchen.cache.body("k", 1, kitchen.maker())
    assert kitchen.made == 1

    newer = await kitchen.cache.body("k", 2, kitchen.maker(b"new", version=2))

    assert (kitchen.made, newer.content) == (2, b"new")


async def test_a_body_is_made_again_once_it_expired(kitchen: Kitchen) -> None:
    kitchen.open.set()
    await kitchen.cache.body("k", 1, kitchen.maker(expires_at=5.0))
    kitchen.now = 4.9
    await kitchen.cache.body("k", 1, kitchen.maker())
    assert kitchen.made == 1

    kitchen.now = 5.0
    await kitchen.cache.body("k", 1, kitchen.maker())

    assert kitchen.made == 2


async def test_a_body_that_is_for_now_alone_is_shared_and_not_kept(kitchen: Kitchen) -> None:
    waiting = [asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker(expires_at=0.0))) for _ in range(3)]
    await asyncio.sleep(0)
    kitchen.open.set()

    assert [body.content for body in await asyncio.gather(*waiting)] == [b"body"] * 3
    assert kitchen.made == 1
    await kitchen.cache.body("k", 1, kitchen.maker(expires_at=0.0))
    assert kitchen.made == 2


async def test_the_least_recently_used_body_goes_first(kitchen: Kitchen) -> None:
    kitchen.open.set()
    for key in ("a", "b", "a", "c"):
        await kitchen.cache.body(key, 1, kitchen.maker())
    assert kitchen.made == 3

    await kitchen.cache.body("a", 1, kitchen.maker())
    assert kitchen.made == 3
    await kitchen.cache.body("b", 1, kitchen.maker())
    assert kitchen.made == 4


async def test_a_body_larger_than_the_cache_is_answered_and_not_kept(kitchen: Kitchen) -> None:
    kitchen.open.set()

    body = await kitchen.cache.body("k", 1, kitchen.maker(b"more than ten bytes"))
    await kitchen.cache.body("k", 1, kitchen.maker(b"more than ten bytes"))

    assert body.content == b"more than ten bytes"
    assert kitchen.made == 2


async def test_a_body_is_made_on_when_who_asked_first_gives_up(kitchen: Kitchen) -> None:
    """Clients that asked and hung up, one after the other, kept others waiting for good."""
    impatient = [asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker())) for _ in range(3)]
    await asyncio.sleep(0)
    patient = asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker()))
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
        await asyncio.wait((task,))
    kitchen.open.set()

    assert (await patient).content == b"body"
    assert (kitchen.made, kitchen.given_up) == (1, 0)


async def test_no_work_outlives_those_who_wait_for_it(kitchen: Kitchen) -> None:
    waiting = [asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker())) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)

    assert (kitchen.made, kitchen.given_up) == (1, 1)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "body"] == []
    kitchen.open.set()
    assert (await kitchen.cache.body("k", 1, kitchen.maker())).content == b"body"
    assert kitchen.made == 2


async def test_what_cannot_be_made_is_told_to_all_who_wait_and_tried_again(kitchen: Kitchen) -> None:
    async def broken() -> Body:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    waiting = [asyncio.create_task(kitchen.cache.body("k", 1, broken)) for _ in range(3)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    kitchen.open.set()

    assert [type(result) for result in results] == [ZeroDivisionError] * 3
    assert (await kitchen.cache.body("k", 1, kitchen.maker())).content == b"body"


async def test_someone_who_stops_waiting_does_not_stop_the_maker(kitchen: Kitchen) -> None:
    maker = asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker()))
    await asyncio.sleep(0)
    impatient = asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker()))
    await asyncio.sleep(0)
    impatient.cancel()
    kitchen.open.set()

    assert (await maker).content == b"body"
    assert kitchen.made == 1


async def test_keys_take_room_too(kitchen: Kitchen) -> None:
    kitchen.open.set()

    for _ in range(2):
        await kitchen.cache.body("a key that alone takes up everything", 1, kitchen.maker())

    assert kitchen.made == 2
