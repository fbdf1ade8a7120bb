"""Rows are computed for those who read them; whoever begins to read sees all that has happened meanwhile."""

import asyncio
from collections.abc import Iterator

import pytest

from kubesum.rollups.readers import READ_S
from kubesum.rollups.store import Store
from kubesum.vocabulary.resource import Key, Source
from kubesum.vocabulary.tally import Tally
from tests.hanging import HANGS_AFTER_S
from tests.unit.rollups.test_engine import (
    LIBRARIES,
    Book,
    Cluster,
    Shelf,
    ShelfStatus,
    resource,
    shelf_status,
)


class Counted(Cluster):
    """A cluster of shelves that counts the computed rows, without any reader at first."""

    def __init__(self) -> None:
        self.computed: list[Key] = []
        super().__init__(resource("shelves", status=self._status), LIBRARIES)
        self.readers.close()
        self.now += READ_S
        for name in "abc":
            self.put(Source.NODES, name, Shelf(name))

    def _status(self, key: Key, shelf: Shelf | None, tally: Tally) -> ShelfStatus:
        self.computed.append(key)
        return shelf_status(key, shelf, tally)

    def store(self, plural: str) -> Store:
        found = self.engine.catalogue.find("summary.kubesum.dev", "v1alpha1", plural)
        assert found is not None
        return found


@pytest.fixture
def cluster() -> Iterator[Counted]:
    cluster = Counted()
    yield cluster
    cluster.readers.close()


async def test_no_row_is_computed_while_nobody_reads(cluster: Counted) -> None:
    await cluster.engine.publish()

    cluster.put(Source.PODS, "novel", Book("a", 300))
    await cluster.engine.publish()

    assert (cluster.computed, cluster.engine.next_due()) == ([], None)


async def test_the_first_reader_sees_everything(cluster: Counted) -> None:
    cluster.put(Source.PODS, "novel", Book("a", 300))
    cluster.put(Source.NODES, "b", None)
    await cluster.engine.publish()

    await cluster.store("shelves").catch_up()

    assert cluster.store("shelves").unavailable() is None
    assert cluster.rows("shelves") == {"a": ShelfStatus(1, 300), "c": ShelfStatus(0, 0)}


async def test_rows_are_published_in_time_for_as_long_as_events_are_kept(cluster: Counted) -> None:
    await cluster.engine.publish()
    await cluster.store("shelves").catch_up()
    cluster.computed.clear()

    cluster.now += READ_S - 1
    cluster.put(Source.PODS, "novel", Book("a", 300))
    await cluster.engine.publish()
    last = list(cluster.computed)
    cluster.now += 2
    cluster.put(Source.PODS, "novel", Book("b", 300))
    await cluster.engine.publish()

    assert (last, cluster.computed) == ([("", "a")], [("", "a")])


async def test_rows_stay_current_while_a_watch_lasts(cluster: Counted) -> None:
    await cluster.engine.publish()
    with cluster.store("shelves").watching():
        cluster.now += 10 * READ_S
        cluster.put(Source.PODS, "novel", Book("a", 300))
        await cluster.engine.publish()

        assert cluster.rows("shelves")["a"] == ShelfStatus(1, 300)


async def test_a_resource_is_computed_for_the_readers_of_one_that_folds_over_it(cluster: Counted) -> None:
    await cluster.engine.publish()
    cluster.put(Source.PODS, "novel", Book("a", 300))

    await cluster.store("libraries").catch_up()

    assert cluster.rows("libraries") == {"library": ShelfStatus(1, 300)}
    assert cluster.store("shelves").unavailable() is None


async def test_a_reader_that_comes_back_gets_what_changed_as_events(cluster: Counted) -> None:
    await cluster.engine.publish()
    store = cluster.store("shelves")
    await store.catch_up()
    seen = store.version()
    cluster.now += READ_S + 1
    await cluster.engine.publish()
    cluster.put(Source.PODS, "novel", Book("a", 300))
    cluster.put(Source.NODES, "b", None)
    cluster.put(Source.NODES, "c", None)
    cluster.put(Source.NODES, "c", Shelf("c"))
    await cluster.engine.publish()
    cluster.computed.clear()

    await store.catch_up()

    assert {event.key[1]: event.after and event.after.status for event in store.events.since(seen)} == {
        "a": ShelfStatus(1, 300),
        "b": None,
    }
    assert sorted(cluster.computed) == [("", "a"), ("", "c")]


async def test_more_changes_than_rows_are_not_kept_one_by_one(cluster: Counted) -> None:
    await cluster.engine.publish()
    await cluster.store("shelves").catch_up()
    cluster.now += READ_S + 1
    cluster.put(Source.NODES, "a", None)
    await cluster.engine.publish()

    for number in range(2_000):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
        cluster.put(Source.NODES, f"s{number}", None)
    cluster.put(Source.PODS, "novel", Book("b", 300))
    await cluster.store("shelves").catch_up()

    assert cluster.rows("shelves") == {"b": ShelfStatus(1, 300), "c": ShelfStatus(0, 0)}


async def test_what_one_reader_gave_up_the_next_one_gets(cluster: Counted) -> None:
    """Rows were missing for ever, whose computation a request had begun that was cancelled."""
    for number in range(500):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
    await cluster.engine.publish()
    first = asyncio.create_task(cluster.store("shelves").catch_up())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    begun = len(cluster.computed)
    first.cancel()
    await asyncio.wait([first])

    await cluster.store("shelves").catch_up()

    assert 0 < begun < 500
    assert len(cluster.rows("shelves")) == 503


async def test_what_one_reader_gave_up_before_any_row_was_computed_the_next_one_gets(cluster: Counted) -> None:
    """Of more rows than are marked at once, only the first ones were ever computed."""
    for number in range(6_000):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
    await cluster.engine.publish()
    first = asyncio.create_task(cluster.store("shelves").catch_up())
    await asyncio.sleep(0)
    begun = len(cluster.computed)
    first.cancel()
    await asyncio.wait([first])

    await cluster.store("shelves").catch_up()

    assert begun == 0
    assert len(cluster.rows("shelves")) == 6_003


async def test_what_a_reader_gives_up_is_published_without_another_one(cluster: Counted) -> None:
    """A watch heard of rows that a cancelled request had published with the next change only."""
    await cluster.engine.publish()
    cluster.engine.dirty.clear()
    first = asyncio.create_task(cluster.store("shelves").catch_up())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])

    assert cluster.engine.dirty.is_set()


async def test_subjects_that_change_while_a_projection_is_caught_up_are_shown_as_they_are() -> None:
    cluster = Cluster(
        resource("shelves", folds=(), status=lambda _key, shelf, _tally: ShelfStatus(len(shelf.uid), 0))
    )
    cluster.readers.close()
    for number in range(12_000):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
    cluster.now += READ_S
    await cluster.engine.publish()
    store = cluster.engine.catalogue.stores[0]
    reading = asyncio.create_task(store.catch_up())
    await asyncio.sleep(0)

    cluster.put(Source.NODES, "s11999", None)
    cluster.put(Source.NODES, "s11998", Shelf("s11998", uid="other"))
    await reading
    cluster.now += 2
    await cluster.engine.publish()

    found = {row.key[1]: row.subject.uid for row in store.snapshot().rows}
    assert (len(found), found.get("s11999"), found["s11998"]) == (11_999, None, "other")


async def test_nothing_is_kept_of_what_other_replicas_may_have_published_without_readers(cluster: Counted) -> None:
    await cluster.engine.publish()
    store = cluster.store("shelves")
    await store.catch_up()
    before = store.version()
    cluster.now += READ_S + 1
    await cluster.engine.publish()
    cluster.put(Source.NODES, "d", Shelf("d"))
    cluster.put(Source.NODES, "d", None)

    await store.catch_up()

    assert store.events.complete_since > before


async def test_a_resource_without_input_is_not_computed(cluster: Counted) -> None:
    """The first reader waited for a poll that waited for a list that never came."""
    async with cluster.engine.batch():
        await asyncio.wait_for(cluster.store("shelves").catch_up(), HANGS_AFTER_S)

    assert cluster.store("shelves").unavailable() is not None
