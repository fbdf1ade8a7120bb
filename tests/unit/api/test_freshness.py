"""Lists and gets that must not be older than a version that the client has seen."""

import asyncio

import pytest

from kubesum.api.lists.freshness import exactly, not_older_than
from kubesum.rollups.resourceversion import TAGS
from kubesum.rollups.rows import served
from kubesum.vocabulary.errors import Expired, Timeout
from tests.hanging import HANGS_AFTER_S
from tests.leaping import leaping
from tests.unit.api.replicas import Replica
from tests.unit.web.fakeresources import NOW, Thing

CURRENT = 1_790_000_000_000_000_007  # issued 1,790,000,000 s after 1970
MICROSECONDS = TAGS
MILLISECONDS = 1000 * MICROSECONDS


async def waited_s(replica: Replica, asked: int) -> float:
    """How long it takes until the answer is not older than `asked`; its clock goes on as the event loop's does."""
    loop = asyncio.get_running_loop()
    began, now = loop.time(), replica.world.now
    await not_older_than(asked, replica.store, lambda: now + loop.time() - began)
    return loop.time() - began


def test_a_version_that_was_issued_here_is_answered_at_once() -> None:
    async def main() -> None:
        replica = await Replica().start(Thing("a"))
        before = replica.version
        replica.apply(("", "a"), Thing("a", labels={"not": "published"}))

        assert await waited_s(replica, before) < 0.5
        assert replica.version == before

    leaping(main())


def test_the_answer_is_above_a_version_of_another_replica() -> None:
    """[L6] The list had a smaller version than the requested one, though nothing in it was older."""

    async def main() -> None:
        replica = await Replica().start(Thing("a"))
        for asked in (replica.version + 1, replica.version + 5 * MICROSECONDS, replica.version + 2500 * MILLISECONDS):
            await waited_s(replica, asked)

            assert replica.version > asked
            assert replica.store.snapshot().version > asked

    leaping(main())


def test_a_version_a_little_ahead_is_waited_for() -> None:
    async def main() -> None:
        replica = await Replica().start()
        now = int(replica.world.now * 1_000_000) * TAGS

        assert await waited_s(replica, now + 2000 * MILLISECONDS + 9) >= 2

    leaping(main())


@pytest.mark.parametrize("behind_s", [0, 5, 10])
def test_a_change_that_arrives_a_moment_after_the_version_is_in_the_answer(behind_s: int) -> None:
    """[L6] A list lacked a row that another replica had just shown: its change had not arrived here yet.

    So it did, beyond that moment, where the clock of the other replica was behind by seconds.
    """

    async def main() -> None:
        replica = await Replica().start(Thing("a"))
        now = int(replica.world.now * 1_000_000) * TAGS

        async def receive() -> None:
            await asyncio.sleep(0.9)
            replica.apply(("", "b"), Thing("b"))
            await asyncio.sleep(0.5)
            await replica.world.engine.publish()

        receiving = asyncio.create_task(receive())
        await waited_s(replica, now - behind_s * 1000 * MILLISECONDS + 9)

        assert [row.key for row in replica.store.snapshot().rows] == [("", "a"), ("", "b")]
        await receiving

    leaping(main())


async def test_changes_received_by_then_are_published_first() -> None:
    """Another replica has published the change already, and the client has seen it there."""
    replica = await Replica().start(Thing("a"))
    replica.apply(("", "a"), Thing("a", labels={"is": "new"}))
    asked = replica.version + 1
    replica.world.now += 11

    waiting = asyncio.ensure_future(not_older_than(asked, replica.store, lambda: replica.world.now))
    await asyncio.sleep(0)
    assert not waiting.done()
    await replica.world.engine.publish()
    assert not waiting.done()
    replica.world.now += 1
    await replica.world.engine.publish()
    await asyncio.wait_for(waiting, HANGS_AFTER_S)

    assert replica.store.snapshot().rows[0].subject.labels == {"is": "new"}


def test_the_wait_is_bounded_while_more_changes_are_received() -> None:
    async def main() -> None:
        replica = await Replica().start(Thing("a"))
        now = int(replica.world.now * 1_000_000) * TAGS
        replica.apply(("", "a"), Thing("a", labels={"never": "published"}))

        assert 2.1 <= await waited_s(replica, now + 9) < 2.6
        assert 2.1 <= await waited_s(replica, now - 9900 * MILLISECONDS + 9) < 2.6
        assert 1.6 <= await waited_s(replica, now - 10500 * MILLISECONDS + 9) < 2.1
        assert await waited_s(replica, now - 13000 * MILLISECONDS + 9) < 0.5
        assert 5.0 <= await waited_s(replica, now + 2900 * MILLISECONDS + 9) < 5.5

    leaping(main())


async def test_the_wait_ends_when_the_resource_is_removed() -> None:
    replica = await Replica().start(Thing("a"))
    replica.apply(("", "a"), Thing("a", labels={"never": "published"}))
    asked = replica.version + 1
    replica.world.now += 11
    waiting = asyncio.ensure_future(not_older_than(asked, replica.store, lambda: replica.world.now))
    await asyncio.sleep(0)

    replica.world.engine.remove("boxes")

    await asyncio.wait_for(waiting, HANGS_AFTER_S)


async def test_a_version_far_ahead_is_too_large() -> None:
    replica = await Replica(now=NOW - 2).start()

    with pytest.raises(Timeout) as refused:
        await not_older_than(CURRENT + 4000 * MILLISECONDS, replica.store, lambda: NOW)

    assert refused.value.message == (
        "Timeout: Too large resource version: 1790000004000000007, current: 1789999998000000007"
    )


def test_only_the_current_version_is_kept() -> None:
    exactly(CURRENT, CURRENT)
    with pytest.raises(Expired, match="The resourceVersion for the provided list is too old"):
        exactly(CURRENT - 1, CURRENT)


def test_no_row_goes_back_for_a_client_of_another_replica() -> None:
    """[L6] A row that had not changed for long had a smaller version here than where the client had seen it."""

    async def main() -> None:
        replica = await Replica().start(Thing("a"))
        before = replica.store.snapshot()
        asked = replica.version + 5 * MICROSECONDS

        await waited_s(replica, asked)
        after = replica.store.snapshot()
        await replica.put(Thing("b"))

        assert before.rows[0].version < asked < after.floor <= after.version
        assert replica.store.floor == after.floor < replica.store.snapshot().rows[1].version
        assert served(after.rows[0], after.floor).version == after.floor
        assert replica.store.has_issued(after.floor)

    leaping(main())
