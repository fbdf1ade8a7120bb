"""Bodies are made once, kept while they are right, and bounded together."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from app.api.bodies import Body, BodyCache


class Kitchen:
    """Counts what is made, and makes nothing before it is let."""

    def __init__(self) -> None:
        self.now = 0.0
        self.made = 0
        self.open = asyncio.Event()
        self.cache = BodyCache(capacity_bytes=15, now=lambda: self.now)

    def maker(
        self, content: bytes = b"body", version: int = 1, expires: float = math.inf
    ) -> Callable[[], Awaitable[Body]]:
        async def make() -> Body:
            self.made += 1
            await self.open.wait()
            return Body(content, version, expires)

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
    await kitchen.cache.body("k", 1, kitchen.maker(expires=5.0))
    kitchen.now = 4.9
    await kitchen.cache.body("k", 1, kitchen.maker())
    assert kitchen.made == 1

    kitchen.now = 5.0
    await kitchen.cache.body("k", 1, kitchen.maker())

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


async def test_someone_else_takes_over_when_the_maker_gives_up(kitchen: Kitchen) -> None:
    first = asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker()))
    await asyncio.sleep(0)
    second = asyncio.create_task(kitchen.cache.body("k", 1, kitchen.maker()))
    await asyncio.sleep(0)
    first.cancel()
    kitchen.open.set()

    assert (await second).content == b"body"
    assert kitchen.made == 2


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
