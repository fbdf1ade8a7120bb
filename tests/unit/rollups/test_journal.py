"""Journals and versions: which events are kept, how they are coalesced, and which versions were issued here."""

import asyncio
from collections.abc import Sequence

import pytest

from kubesum.rollups.events import RowEvent, coalesced
from kubesum.rollups.journal import Journal, capacity_for
from kubesum.rollups.resourceversion import VersionClock
from kubesum.rollups.ring import Capacity
from kubesum.rollups.rows import Row
from kubesum.vocabulary.errors import Expired
from kubesum.vocabulary.resource import Key, Source
from tests.hanging import HANGS_AFTER_S
from tests.unit.web.fakeresources import BOXES, NOW, Thing, World

A: Key = ("", "a")


def at(seconds: float) -> int:
    """A version issued `seconds` after 1970."""
    return int(seconds * 1_000_000) * 1000 + 7


def row(version: int, name: str = "a") -> Row:
    return Row(("", name), version, None, version)


def journal_of(*seconds: float, lasting: int = 100, most: int = 100) -> Journal:
    """A journal that began at second 1 and in which row `a` changed at each of `seconds`."""
    journal = Journal(at(1), lambda: Capacity(lasting, most))
    for second in seconds:
        journal.append(RowEvent(at(second), None, row(at(second))))
    return journal


def versions_in(events: Sequence[RowEvent]) -> list[tuple[int, int | None, int | None]]:
    """(version, version before, version after) of events."""
    return [(e.version, version_of(e.before), version_of(e.after)) for e in events]


def version_of(row: Row | None) -> int | None:
    """None if there is no row."""
    return None if row is None else row.version


def test_since_gives_exactly_the_events_after_a_version() -> None:
    journal = journal_of(10, 20, 30)

    assert [e.version for e in journal.since(at(10))] == [at(20), at(30)]
    assert [e.version for e in journal.since(at(15))] == [at(20), at(30)]
    assert journal.since(at(30)) == ()
    assert len(journal.since(at(1))) == 3


def test_a_version_from_before_the_journal_has_expired() -> None:
    with pytest.raises(Expired, match=r"^too old resource version: 999000007 \(1000000007\)$"):
        journal_of(10).since(at(0.999))


def test_events_older_than_five_minutes_are_dropped() -> None:
    journal = journal_of(10, 20, 315)

    assert [e.version for e in journal.since(at(10))] == [at(20), at(315)]
    with pytest.raises(Expired):
        journal.since(at(9))


def test_no_more_events_than_the_capacity_are_kept() -> None:
    journal = journal_of(*range(10, 110), most=10)

    assert [e.version for e in journal.since(at(99))] == [at(second) for second in range(100, 110)]
    assert journal.floor == journal.complete_since == at(99)
    with pytest.raises(Expired):
        journal.since(at(98))


def test_of_many_events_those_of_75_seconds_are_kept() -> None:
    """What is kept of a row that changes all the time then takes no more memory after minutes than after one."""
    journal = journal_of(*range(10, 210), lasting=10, most=1_000)

    assert [e.version for e in journal.since(journal.floor)] == [at(second) for second in range(134, 210)]


def test_few_events_are_kept_for_five_minutes() -> None:
    journal = journal_of(*range(10, 210), *range(300, 309), lasting=10, most=1_000)

    assert [e.version for e in journal.since(journal.floor)] == [at(s) for s in (209, *range(300, 309))]


def test_five_minutes_of_polls_are_kept_of_20_000_pods() -> None:
    """Each poll changes every row, every 30 seconds."""
    pods = 20_000
    journal = Journal(at(1), lambda: capacity_for(pods))
    for poll in range(10):
        for pod in range(pods):
            version = at(10 + 30 * poll) + 1000 * pod
            journal.append(RowEvent(version, None, row(version, f"pod-{pod}")))

    assert len(journal.since(at(10) - 1)) == 10 * pods


def test_a_journal_of_many_events_gives_those_after_each_of_their_versions() -> None:
    """Many more than a segment of the ring holds, some of them dropped."""
    journal = journal_of(*range(10, 280), lasting=10_000, most=10_000)
    for n in range(1, 5_000):
        journal.append(RowEvent(at(280 + n / 100), None, row(at(280 + n / 100))))

    kept = [event.version for event in journal.since(journal.floor)]
    assert kept == sorted(kept)
    assert (kept[0], kept[-1], len(kept)) == (at(30), at(329.99), 250 + 4_999)
    for index in range(0, len(kept), 97):
        version = kept[index]
        assert [event.version for event in journal.since(version)] == kept[index + 1 :]
        assert [event.version for event in journal.since(version - 1)] == kept[index:]
        assert (journal.has(version), journal.has(version - 1)) == (True, False)


def test_changes_of_a_row_are_coalesced() -> None:
    events = [RowEvent(2, row(1), row(2)), RowEvent(3, None, row(3, "b")), RowEvent(4, row(2), row(4))]

    assert versions_in(coalesced(events)) == [(3, None, 3), (4, 1, 4)]


def test_a_row_that_was_created_and_deleted_is_no_event() -> None:
    events = [RowEvent(2, None, row(2)), RowEvent(3, row(2), row(3)), RowEvent(4, row(3), None)]

    assert versions_in(coalesced(events)) == []


def test_a_row_that_was_deleted_and_recreated_is_two_events() -> None:
    events = [
        RowEvent(3, row(1), row(3)),
        RowEvent(4, row(3), None),
        RowEvent(5, None, row(5)),
        RowEvent(6, row(5), None),
        RowEvent(7, None, row(7)),
        RowEvent(8, row(7), row(8)),
    ]

    assert versions_in(coalesced(events)) == [(4, 1, None), (8, None, 8)]


def test_watches_that_are_equally_far_share_coalesced_events() -> None:
    journal = journal_of(10, 20)

    assert journal.coalesced_since(at(10)) is journal.coalesced_since(at(10))
    assert [e.version for e in journal.coalesced_since(at(5))] == [at(20)]
    with pytest.raises(Expired):
        journal.coalesced_since(at(0))


async def test_all_waits_end_with_one_announcement() -> None:
    journal = journal_of()

    async with asyncio.timeout(HANGS_AFTER_S), asyncio.TaskGroup() as tasks:
        for _ in range(100):
            tasks.create_task(journal.wait(at(1)))
        await asyncio.sleep(0)
        journal.append(RowEvent(at(2), None, row(at(2))))
        journal.announce()


async def test_waits_end_when_the_journal_is_closed() -> None:
    journal = journal_of()

    async with asyncio.timeout(HANGS_AFTER_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(journal.wait(at(1)))
        await asyncio.sleep(0)
        journal.close()


def test_versions_are_above_those_that_the_clock_was_advanced_past() -> None:
    clock = VersionClock(lambda: 1_000_000, tag=7)

    first = clock.issue()
    clock.advance_past(5_000_000_009)

    assert (first, clock.issue()) == (1_000_000_007, 5_000_001_007)
    assert (clock.age_s(500_000_007), clock.age_s(5_000_000_009)) == (0.5, -4.0)


async def box_world() -> World:
    world = World()
    world.engine.add((BOXES,))
    await world.put(Source.PODS, Thing("early"))
    return world


async def test_the_first_rows_are_no_events() -> None:
    world = await box_world()
    journal = world.engine.catalogue.stores[0].events

    assert journal.since(journal.complete_since) == ()
    assert journal.complete_since >= at(NOW) // 1000 * 1000


async def test_another_subject_of_the_same_name_is_another_object() -> None:
    world = await box_world()
    store = world.engine.catalogue.stores[0]
    start = store.version()
    world.now += 2
    world.engine.change(Source.PODS, Thing("early"), Thing("early", uid="other"))
    await world.engine.publish()

    gone, came = store.events.since(start)
    assert gone.before is not None
    assert came.after is not None
    assert (gone.before.subject.uid, gone.after) == ("u", None)
    assert (came.before, came.after.subject.uid) == (None, "other")
    assert start < gone.version < came.version == came.after.version == store.version()
    assert [*store.snapshot().rows] == [came.after]


async def test_rows_that_do_not_change_get_a_new_version_from_time_to_time() -> None:
    world = await box_world()
    store = world.engine.catalogue.stores[0]
    before = store.snapshot()
    world.now += 10.1

    assert store.snapshot().rows is before.rows
    assert store.snapshot().version == at(NOW + 10.1) > before.version


async def test_exactly_the_versions_that_were_given_out_count_as_issued() -> None:
    """Two replicas with the same tag took each other's versions for their own, and lost changes."""
    world = await box_world()
    store = world.engine.catalogue.stores[0]
    initial = store.version()
    world.now += 10.1
    renewed = store.version()
    world.now += 2
    await world.put(Source.PODS, Thing("late"))
    published = store.version()
    above = store.version_above(published + 5_000_000)

    assert initial < renewed < published < above
    for version in (initial, renewed, published, above):
        assert store.has_issued(version)
        assert not store.has_issued(version + 1000)
        assert not store.has_issued(version - 1000)


async def test_of_versions_without_an_event_the_last_thousand_are_kept() -> None:
    world = await box_world()
    store = world.engine.catalogue.stores[0]
    issued = [store.version_above(store.version()) for _ in range(1001)]

    assert [store.has_issued(version) for version in issued] == [False] + [True] * 1000


async def test_a_version_of_the_future_delays_no_row() -> None:
    """A client can send a version that is a minute ahead, and later ones are issued above it."""
    world = await box_world()
    store = world.engine.catalogue.stores[0]
    store.version_above(at(NOW + 60))
    for label in ("one", "two"):
        world.now += 1
        world.engine.change(Source.PODS, Thing("early"), Thing("early", labels={"is": label}))
        await world.engine.publish()
        world.now += 1
        await world.engine.publish()

        assert store.snapshot().rows[0].subject.labels == {"is": label}
    assert store.version() > at(NOW + 60)
