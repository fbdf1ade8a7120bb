"""The engine with a small resource of its own: how members add up, and when rows are published."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kubesum.rollups.engine import Engine
from kubesum.rollups.resourceversion import VersionClock
from kubesum.vocabulary.resource import ComputedResource, Fold, GroupLimit, Key, Source, Unavailable
from kubesum.vocabulary.tally import Contribution, Tally
from tests.hanging import HANGS_AFTER_S


class Shelf(msgspec.Struct, frozen=True):
    name: str
    uid: str = "u"
    created: datetime | None = None
    labels: dict[str, str] = {}


class Book(msgspec.Struct, frozen=True):
    shelf: str
    pages: int


class ShelfStatus(msgspec.Struct, frozen=True):
    books: int
    pages: int


class Sorted(msgspec.Struct, frozen=True):
    titles: tuple[str, ...]
    pages: int


def by_shelf(book: Book) -> Iterator[tuple[Key, Contribution]]:
    yield ("", book.shelf), (("books", "", 1), ("pages", "", book.pages))


def shelf_status(_key: Key, _shelf: Shelf | None, tally: Tally) -> ShelfStatus:
    return ShelfStatus(tally.total("books"), tally.total("pages"))


def library_status(_key: Key, _subject: None, tally: Tally) -> ShelfStatus:
    return ShelfStatus(tally.total("books"), tally.total("pages"))


def by_library(member: tuple[Key, ShelfStatus]) -> Iterator[tuple[Key, Contribution]]:
    yield ("", "library"), (("books", "", member[1].books), ("pages", "", member[1].pages))


def resource(plural: str, **changes: Any) -> ComputedResource:
    fields: dict[str, Any] = {
        "kind": plural.title(),
        "plural": plural,
        "short_names": (),
        "namespaced": False,
        "help": "",
        "status_type": ShelfStatus,
        "status": shelf_status,
        "columns": (),
        "subjects": Source.NODES,
        "subject_key": lambda shelf: ("", shelf.name),
        "folds": (Fold(Source.PODS, by_shelf),),
    }
    return ComputedResource(**(fields | changes))


SHELVES = resource("shelves")
LIBRARIES = resource(
    "libraries",
    status=library_status,
    subjects=None,
    folds=(Fold("shelves", by_library),),
    fallback_subject=lambda _key, _tally: None,
)


class Cluster:
    """An engine with a clock that stands still and sources that hold what was put."""

    def __init__(self, *resources: ComputedResource) -> None:
        self.now = 1_000.0
        self.clock_is_ahead_s = 0.0
        self.held: dict[Source, dict[Key, Any]] = {source: {} for source in Source}
        self.engine = Engine(
            VersionClock(lambda: int((self.now + self.clock_is_ahead_s) * 1_000_000), tag=7),
            lambda: self.now,
            lambda source: self.held[source],
            lambda _sources: None,
            lambda _sources: (),
        )
        self.readers = ExitStack()
        self.add(*resources)

    def add(self, *resources: ComputedResource) -> None:
        """Serves resources that somebody reads."""
        self.engine.add(resources)
        for store in self.engine.catalogue.stores:
            self.readers.enter_context(store.watching())

    def put(self, source: Source, name: str, new: Any | None) -> None:
        old = self.held[source].pop(("", name), None)
        if new is not None:
            self.held[source]["", name] = new
        self.engine.change(source, old, new)

    def rows(self, plural: str) -> dict[str, Any]:
        collection = self.engine.catalogue.find("summary.kubesum.dev", "v1alpha1", plural)
        assert collection is not None
        return {row.key[1]: row.status for row in collection.snapshot().rows}

    def version(self, plural: str, name: str) -> int:
        collection = self.engine.catalogue.find("summary.kubesum.dev", "v1alpha1", plural)
        assert collection is not None
        row = collection.get(("", name))
        assert row is not None
        return row.version


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(LIBRARIES, SHELVES)


async def test_a_member_that_changes_group_leaves_the_old_group(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    cluster.put(Source.NODES, "b", Shelf("b"))
    cluster.put(Source.PODS, "novel", Book("a", 300))
    cluster.put(Source.PODS, "novel", Book("b", 310))

    await cluster.engine.publish()

    assert cluster.rows("shelves") == {"a": ShelfStatus(0, 0), "b": ShelfStatus(1, 310)}


async def test_members_without_a_subject_make_no_row_unless_declared(
    cluster: Cluster,
) -> None:
    cluster.put(Source.PODS, "novel", Book("nowhere", 300))

    await cluster.engine.publish()

    assert cluster.rows("shelves") == {}
    assert cluster.rows("libraries") == {}


async def test_a_subject_that_comes_late_finds_its_members(cluster: Cluster) -> None:
    cluster.put(Source.PODS, "novel", Book("a", 300))
    await cluster.engine.publish()
    cluster.put(Source.NODES, "a", Shelf("a"))

    await cluster.engine.publish()

    assert cluster.rows("shelves") == {"a": ShelfStatus(1, 300)}


async def test_rows_of_one_resource_are_members_of_another_in_the_same_publication(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    cluster.put(Source.NODES, "b", Shelf("b"))
    cluster.put(Source.PODS, "novel", Book("a", 300))
    cluster.put(Source.PODS, "atlas", Book("b", 50))

    await cluster.engine.publish()

    assert cluster.rows("libraries") == {"library": ShelfStatus(2, 350)}


async def test_a_row_without_subject_stays_while_it_has_a_member_that_adds_nothing(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    cluster.put(Source.PODS, "novel", Book("a", 300))
    await cluster.engine.publish()
    cluster.now += 2
    cluster.put(Source.PODS, "novel", None)

    await cluster.engine.publish()

    assert cluster.rows("libraries") == {"library": ShelfStatus(0, 0)}


async def test_a_row_without_subject_is_deleted_with_its_last_member(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    cluster.now += 2
    cluster.put(Source.NODES, "a", None)

    await cluster.engine.publish()

    assert cluster.rows("libraries") == {}


async def test_a_row_rests_for_a_second_and_then_shows_its_last_state() -> None:
    cluster = Cluster(SHELVES)
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    for pages in (100, 200, 300):
        cluster.put(Source.PODS, "novel", Book("a", pages))
        await cluster.engine.publish()
    resting = cluster.rows("shelves")["a"]
    due = cluster.engine.next_due()
    assert due is not None

    cluster.now = due
    await cluster.engine.publish()

    assert resting == ShelfStatus(0, 0)
    assert due == pytest.approx(1_001.0, abs=0.001)
    assert cluster.rows("shelves")["a"] == ShelfStatus(1, 300)
    assert cluster.engine.next_due() is None


async def test_a_row_that_rests_is_computed_once_when_that_is_over() -> None:
    computed: list[int] = []

    def noted(key: Key, shelf: Shelf | None, tally: Tally) -> ShelfStatus:
        computed.append(tally.total("pages"))
        return shelf_status(key, shelf, tally)

    cluster = Cluster(resource("shelves", status=noted))
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    computed.clear()
    for pages in (100, 200, 300):
        cluster.put(Source.PODS, "novel", Book("a", pages))
        await cluster.engine.publish()
    due = cluster.engine.next_due()
    assert due is not None
    cluster.now = due
    # The status of the first state of three, which is skipped, is that of the published row.
    assert computed == []

    await cluster.engine.publish()

    assert computed == [300]
    assert cluster.rows("shelves")["a"] == ShelfStatus(1, 300)


async def test_rows_that_rest_are_given_to_a_resource_that_comes_to_sum_them_up() -> None:
    cluster = Cluster(SHELVES)
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    cluster.put(Source.PODS, "novel", Book("a", 300))
    await cluster.engine.publish()

    cluster.add(LIBRARIES)
    await cluster.engine.publish()
    first = cluster.rows("libraries")
    cluster.now += 1.1
    cluster.put(Source.PODS, "novel", Book("a", 310))
    await cluster.engine.publish()

    assert cluster.rows("shelves") == {"a": ShelfStatus(1, 310)}
    assert (first, cluster.rows("libraries")) == (
        {"library": ShelfStatus(1, 300)},
        {"library": ShelfStatus(1, 310)},
    )


@pytest.mark.parametrize("set_by_s", [-3600.0, 3600.0], ids=["back", "forward"])
async def test_a_pending_row_is_published_within_a_second_when_the_clock_is_set(set_by_s: float) -> None:
    """A row that rested while the clock was set an hour back was not published for that hour."""
    cluster = Cluster(SHELVES)
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    cluster.put(Source.PODS, "novel", Book("a", 100))
    await cluster.engine.publish()
    before = cluster.version("shelves", "a")

    cluster.clock_is_ahead_s = set_by_s
    cluster.now += 1
    await cluster.engine.publish()
    cluster.put(Source.PODS, "novel", Book("a", 200))
    await cluster.engine.publish()
    cluster.now += 1
    await cluster.engine.publish()

    assert cluster.rows("shelves")["a"] == ShelfStatus(1, 200)
    assert cluster.version("shelves", "a") > before


async def test_a_row_that_does_not_change_keeps_its_version(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    version = cluster.version("shelves", "a")
    cluster.now += 2

    cluster.put(Source.NODES, "a", Shelf("a"))
    cluster.put(Source.PODS, "novel", Book("a", 300))
    cluster.put(Source.PODS, "novel", None)
    await cluster.engine.publish()

    assert cluster.version("shelves", "a") == version


async def test_a_change_of_labels_is_published_though_no_number_changed(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    version = cluster.version("shelves", "a")
    cluster.now += 2

    cluster.put(Source.NODES, "a", Shelf("a", labels={"zone": "1"}))
    await cluster.engine.publish()

    assert cluster.version("shelves", "a") > version


async def test_versions_rise_over_all_resources_and_a_list_is_not_older_than_its_rows(cluster: Cluster) -> None:
    for name in "abc":
        cluster.put(Source.NODES, name, Shelf(name))
    await cluster.engine.publish()
    shelves = cluster.engine.catalogue.find("summary.kubesum.dev", "v1alpha1", "shelves")
    assert shelves is not None

    versions = [row.version for row in shelves.snapshot().rows]

    assert len(set(versions)) == 3
    assert shelves.snapshot().version == max(versions)
    assert all(version % 1000 == 7 for version in versions)


async def test_a_snapshot_never_changes(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    shelves = cluster.engine.catalogue.find("summary.kubesum.dev", "v1alpha1", "shelves")
    assert shelves is not None
    before = shelves.snapshot()

    cluster.put(Source.NODES, "a", None)
    cluster.put(Source.NODES, "b", Shelf("b"))
    cluster.now += 2
    await cluster.engine.publish()

    assert [row.key for row in before.rows] == [("", "a")]
    assert [row.key for row in shelves.snapshot().rows] == [("", "b")]


async def test_rows_stay_sorted_while_some_are_deleted_and_created_again(cluster: Cluster) -> None:
    for name in ("d", "b", "a", "c"):
        cluster.put(Source.NODES, name, Shelf(name))
    await cluster.engine.publish()
    assert list(cluster.rows("shelves")) == ["a", "b", "c", "d"]
    for name in ("b", "d"):
        cluster.put(Source.NODES, name, None)
    cluster.now += 2
    await cluster.engine.publish()
    for name in ("e", "b"):
        cluster.put(Source.NODES, name, Shelf(name))
    await cluster.engine.publish()

    assert list(cluster.rows("shelves")) == ["a", "b", "c", "e"]


async def test_a_resource_added_while_running_starts_from_what_is_there() -> None:
    cluster = Cluster(SHELVES)
    cluster.put(Source.NODES, "a", Shelf("a"))
    cluster.put(Source.PODS, "novel", Book("a", 300))
    await cluster.engine.publish()

    cluster.add(LIBRARIES)
    added = cluster.engine.catalogue.find("summary.kubesum.dev", "v1alpha1", "libraries")
    assert added is not None
    unavailable = added.unavailable()
    await cluster.engine.publish()

    assert unavailable == Unavailable("the first libraries are being computed", transient=True)
    assert added.unavailable() is None
    assert cluster.rows("libraries") == {"library": ShelfStatus(1, 300)}


async def test_a_resource_removed_while_running_is_gone_and_the_others_stay(cluster: Cluster) -> None:
    held = cluster.engine.catalogue
    cluster.engine.remove("libraries")
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()

    assert cluster.engine.catalogue.find("summary.kubesum.dev", "v1alpha1", "libraries") is None
    assert held.find("summary.kubesum.dev", "v1alpha1", "libraries") is not None
    assert cluster.rows("shelves") == {"a": ShelfStatus(0, 0)}


async def test_the_sources_of_a_resource_include_those_of_what_it_folds_over(cluster: Cluster) -> None:
    assert cluster.engine.sources("libraries") == {Source.NODES, Source.PODS}


async def test_one_change_computes_one_row_however_many_there_are() -> None:
    computed: list[Key] = []

    def noted(key: Key, shelf: Shelf | None, tally: Tally) -> ShelfStatus:
        computed.append(key)
        return shelf_status(key, shelf, tally)

    cluster = Cluster(resource("shelves", status=noted))
    for number in range(300):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
    await cluster.engine.publish()
    computed.clear()
    cluster.now += 2

    cluster.put(Source.PODS, "novel", Book("s7", 300))
    await cluster.engine.publish()

    assert computed == [("", "s7")]


@pytest.mark.parametrize(("shelf", "row"), [("a", "a"), ("b", "b"), ("c", "other"), ("d", "other")])
async def test_a_change_within_a_group_computes_one_row_beside_a_limit(shelf: str, row: str) -> None:
    computed: list[Key] = []

    def noted(key: Key, subject: Shelf, tally: Tally) -> ShelfStatus:
        computed.append(key)
        return shelf_status(key, subject, tally)

    limited = GroupLimit(2, "other", "none")
    unnamed = Shelf("")
    cluster = Cluster(
        resource("shelves", status=noted, subjects=None, limit=limited, fallback_subject=lambda _key, _tally: unnamed)
    )
    for name in "abcd":
        cluster.put(Source.PODS, f"on {name}", Book(name, 100))
    await cluster.engine.publish()
    computed.clear()
    cluster.now += 2

    cluster.put(Source.PODS, f"on {shelf}", Book(shelf, 300))
    await cluster.engine.publish()

    assert computed == [("", row)]


@pytest.mark.parametrize(
    "again",
    [Shelf("a", uid="other"), Shelf("a", created=datetime(2026, 1, 2, tzinfo=UTC))],
    ids=["uid", "creationTimestamp"],
)
async def test_a_subject_that_was_recreated_is_published_though_no_number_changed(again: Shelf) -> None:
    cluster = Cluster(SHELVES)
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    version = cluster.version("shelves", "a")
    cluster.now += 2

    cluster.put(Source.NODES, "a", again)
    await cluster.engine.publish()

    assert cluster.version("shelves", "a") > version


async def test_changes_in_the_pauses_of_a_publication_are_published_by_the_next(cluster: Cluster) -> None:
    for number in range(250):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
        cluster.put(Source.PODS, f"b{number}", Book(f"s{number}", 1))
    flush = asyncio.create_task(cluster.engine.publish())
    for number in range(0, 250, 10):
        cluster.put(Source.PODS, f"b{number}", Book(f"s{number}", 100))
        cluster.put(Source.NODES, f"s{number + 1}", None)
        await asyncio.sleep(0)
    await flush

    cluster.now += 2
    await cluster.engine.publish()
    cluster.now += 2
    await cluster.engine.publish()

    rows = cluster.rows("shelves")
    assert len(rows) == 225
    assert sum(status.pages for status in rows.values()) == 25 * 100 + 200
    assert cluster.rows("libraries") == {"library": ShelfStatus(225, 2_700)}


async def test_a_resource_may_be_removed_in_a_pause_of_a_publication(cluster: Cluster) -> None:
    """The process ended with an exception."""
    cluster.engine.remove("libraries")
    for number in range(250):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
    flush = asyncio.create_task(cluster.engine.publish())
    await asyncio.sleep(0)

    cluster.engine.remove("shelves")
    await flush

    assert cluster.engine.catalogue.stores == ()


async def test_a_source_that_syncs_in_a_pause_is_not_served_half_computed() -> None:
    not_synced: Unavailable | None = Unavailable("not listed", transient=True)
    cluster = Cluster()
    cluster.engine = Engine(
        VersionClock(lambda: 1, tag=1),
        lambda: cluster.now,
        lambda source: cluster.held[source],
        lambda _: not_synced,
        lambda _: (),
    )
    cluster.add(SHELVES)
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    not_synced = None
    cluster.put(Source.NODES, "b", Shelf("b"))
    shelves = cluster.engine.catalogue.stores[0]
    before = shelves.unavailable()

    await cluster.engine.publish()

    assert before == Unavailable("the first shelves are being computed", transient=True)
    assert shelves.unavailable() is None
    assert set(cluster.rows("shelves")) == {"a", "b"}


async def test_changes_of_a_batch_are_published_together(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    await cluster.engine.publish()
    cluster.now += 2
    added: list[int] = []

    async def add_books() -> None:
        async with cluster.engine.batch():
            for number in range(1_000):
                cluster.put(Source.PODS, f"b{number}", Book("a", 1))
                added.append(number)
                await asyncio.sleep(0)

    adding = asyncio.create_task(add_books())
    await asyncio.sleep(0)
    flush = asyncio.create_task(cluster.engine.publish())
    seen = set()
    while not flush.done():
        seen.add((len(added) > 1, cluster.rows("shelves")["a"]))
        await asyncio.sleep(0)
    await adding

    assert seen >= {(True, ShelfStatus(0, 0)), (True, ShelfStatus(1_000, 1_000))}
    assert {status for _, status in seen} == {ShelfStatus(0, 0), ShelfStatus(1_000, 1_000)}


async def test_a_batch_begins_once_a_publication_under_way_has_ended(cluster: Cluster) -> None:
    for number in range(250):
        cluster.put(Source.NODES, f"s{number}", Shelf(f"s{number}"))
    flush = asyncio.create_task(cluster.engine.publish())
    await asyncio.sleep(0)

    async with cluster.engine.batch():
        published = len(cluster.rows("shelves"))

    assert (flush.done(), published) == (True, 250)


async def test_a_batch_that_fails_does_not_hold_back_publication(cluster: Cluster) -> None:
    cluster.put(Source.NODES, "a", Shelf("a"))
    with pytest.raises(ZeroDivisionError):
        async with cluster.engine.batch():
            raise ZeroDivisionError

    await asyncio.wait_for(cluster.engine.publish(), HANGS_AFTER_S)

    assert cluster.rows("shelves") == {"a": ShelfStatus(0, 0)}


async def test_states_of_a_row_share_equal_fields() -> None:
    def status(_key: Key, _shelf: Shelf, tally: Tally) -> Sorted:
        return Sorted(tuple(sorted(tally.sums("titles"))), tally.total("pages"))

    def by_title(book: Book) -> Iterator[tuple[Key, Contribution]]:
        yield ("", book.shelf), (("titles", "a long list of titles", 1), ("pages", "", book.pages))

    cluster = Cluster(resource("shelves", status=status, folds=(Fold(Source.PODS, by_title),)))
    cluster.put(Source.NODES, "a", Shelf("a"))
    cluster.put(Source.PODS, "novel", Book("a", 300))
    await cluster.engine.publish()
    before = cluster.rows("shelves")["a"]
    cluster.now += 2

    cluster.put(Source.PODS, "novel", Book("a", 310))
    await cluster.engine.publish()
    after = cluster.rows("shelves")["a"]

    assert (before.pages, after.pages) == (300, 310)
    assert after.titles is before.titles
