"""Pages of lists: of one replica they are one state, and of several they mix none."""

import json
from collections.abc import Iterable

import pytest

from kubesum.api.lists.paging import page, snapshot_of
from kubesum.api.lists.selections import Selections
from kubesum.api.representations.status import status_body
from kubesum.api.requests.options import LATEST, Continue, ListOptions
from kubesum.operations.pacer import Turns
from kubesum.rollups.events import RowEvent
from kubesum.rollups.pastsnapshots import KEPT_ROWS, KEPT_SNAPSHOTS, PastSnapshots, as_of
from kubesum.rollups.resourceversion import TAGS
from kubesum.rollups.rows import Row
from kubesum.rollups.snapshots import Block, Rows, Snapshot
from kubesum.vocabulary.errors import Expired, ServiceUnavailable
from tests.unit.api.replicas import Replica
from tests.unit.web.fakeresources import Thing

Pages = tuple[list[str], str, Continue | None]
"""(name=wood of each row, version, token of the next page)"""


def box(name: str, wood: str = "oak", uid: str = "u") -> Thing:
    return Thing(name, uid=uid, labels={"wood": wood})


async def listed(replica: Replica, token: Continue | None = None, limit: int = 2) -> Pages:
    """One page of the boxes of a replica."""
    options = ListOptions(limit=limit, continue_=token)
    snapshot = snapshot_of(replica.store, token)
    parts, metadata = await page(replica.resource, snapshot, "", options, Selections(0, Turns(1)))
    told = [f"{row.key[1]}={row.subject.labels['wood']}" for part in parts for row in part]
    return told, metadata.resource_version, Continue.parse(metadata.continue_) if metadata.continue_ else None


async def changed(replica: Replica) -> None:
    """Of the boxes a to e each kind of change happens to one, and another box is created."""
    await replica.put(box("c", "ash"))
    await replica.drop("d")
    await replica.put(box("e", "ash", uid="newer"))
    await replica.put(box("cc"))
    await replica.put(box("a", "ash"))


async def test_all_pages_of_one_replica_are_the_state_of_the_first() -> None:
    """Items of later pages were newer than the list, so that a watch from its version repeated their changes."""
    replica = await Replica().start(*map(box, "abcde"))
    replica.world.now += 30
    first, version, token = await listed(replica)
    await changed(replica)

    second, second_version, token = await listed(replica, token)
    third, third_version, end = await listed(replica, token)

    assert (first, second, third, end) == (["a=oak", "b=oak"], ["c=oak", "d=oak"], ["e=oak"], None)
    assert version == second_version == third_version
    assert replica.store.has_issued(int(version))


async def test_a_watch_from_a_list_in_pages_sends_each_later_change_once() -> None:
    """`kubectl get -w` printed the last ten seconds twice after more than 500 rows."""
    replica = await Replica().start(*map(box, "abcde"))
    replica.world.now += 30
    await replica.put(box("b", "ash"))
    _, version, token = await listed(replica)
    await replica.put(box("c", "ash"))
    await listed(replica, token)

    events = await replica.events_from(int(version), allowWatchBookmarks="true")

    assert [(event["type"], event["object"]["metadata"]["name"]) for event in events] == [("MODIFIED", "c")]
    assert [event["object"]["metadata"]["resourceVersion"] for event in events] == [str(replica.version)]


async def test_no_row_of_a_later_page_goes_back() -> None:
    """[L9] A client of another replica got later pages with smaller versions than it held, once one more came."""
    replica = await Replica().start(*map(box, "abc"))
    replica.store.version_above(replica.version + 5 * TAGS)
    first = snapshot_of(replica.store, None)
    replica.store.version_above(first.version + 5 * TAGS)

    second = snapshot_of(replica.store, Continue(first.version, first.rows[1].key))

    assert second.version == first.version
    assert second.floor == first.floor > second.rows[2].version


async def test_another_replica_leaves_a_page_to_the_first_one_while_rows_change() -> None:
    """[L9] Its page lacked what the first replica had published already, and the watch never sent it."""
    one, other = await Replica(7).start(*map(box, "abc")), await Replica(8).start(*map(box, "abc"))
    one.world.now += 30
    other.world.now += 30
    await other.put(box("c", "ash"))
    _, _, token = await listed(one)

    with pytest.raises(ServiceUnavailable) as refused:
        await listed(other, token)

    assert refused.value.details is not None
    assert refused.value.details.retry_after_seconds == 1


async def test_another_replica_gives_a_page_once_its_rows_are_settled() -> None:
    one, other = await Replica(7).start(*map(box, "abc")), await Replica(8).start(*map(box, "abc"))
    one.world.now += 30
    other.world.now += 31
    _, version, token = await listed(one)
    with pytest.raises(ServiceUnavailable):
        await listed(other, token)

    other.world.now += 2
    second = await listed(other, token)
    await other.put(box("c", "ash"))

    assert second == (["c=oak"], version, None)
    assert other.version > int(version)


async def test_another_replica_gives_a_page_that_is_not_older_when_the_first_one_stays_away() -> None:
    """kubectl does not list again when a token expires."""
    one, other = await Replica(7).start(*map(box, "abc")), await Replica(8).start(*map(box, "abc"))
    one.world.now += 30
    other.world.now += 30
    _, version, token = await listed(one)
    await other.put(box("c", "ash"))
    other.world.now += 9

    assert await listed(other, token) == (["c=ash"], version, None)


@pytest.mark.parametrize("ago_s", [301.0, -4.0])
async def test_the_token_of_a_version_that_no_replica_keeps_has_expired(ago_s: float) -> None:
    """[L9] kube-apiserver answers in the same way, with a token for the rest of what there is now."""
    replica = await Replica().start(*map(box, "abc"))
    replica.world.now += 400
    token = Continue(replica.store.clock.watermark(ago_s) + 9, ("", "a"))

    with pytest.raises(Expired) as refused:
        await listed(replica, token)
    status = json.loads(status_body(refused.value))
    rest = Continue.parse(status["metadata"]["continue"])
    told, version, _ = await listed(replica, rest)

    assert (status["code"], status["reason"]) == (410, "Expired")
    assert "results in an inconsistent list" in status["message"]
    assert rest == Continue(LATEST, ("", "a"))
    assert (told, int(version)) == (["b=oak", "c=oak"], replica.version)


async def test_a_replica_that_was_complete_later_gives_no_earlier_state() -> None:
    replica = await Replica().start(*map(box, "abc"))

    assert replica.store.snapshot_at(replica.version - 5 * TAGS) is None


async def test_the_pages_of_a_replica_outlive_its_events() -> None:
    replica = await Replica().start(*map(box, "abc"))
    _, version, token = await listed(replica, limit=1)
    second, _, token = await listed(replica, token, limit=1)
    for wood in ("ash", "elm"):
        replica.world.now += 301
        await replica.put(box("c", wood))

    assert not replica.store.has_issued(int(version))
    assert await listed(replica, token, limit=1) == (["c=oak"], version, None)
    assert second == ["b=oak"]


def row(name: str, version: int) -> Row:
    return Row(("", name), version, None, None)


def names(rows: Iterable[Row]) -> str:
    return " ".join(f"{row.key[1]}{row.version}" for row in rows)


def test_events_are_undone_to_the_state_before_the_first() -> None:
    now = Snapshot(9, Rows.of([row("a", 1), row("b", 7), row("d", 9)]))
    events = (
        RowEvent(5, row("b", 2), row("b", 5)),
        RowEvent(6, row("c", 3), None),
        RowEvent(7, row("b", 5), row("b", 7)),
        RowEvent(8, row("d", 4), None),
        RowEvent(9, None, row("d", 9)),
        RowEvent(10, None, row("e", 10)),
    )

    past = as_of(4, 0, now, events)

    assert (past.version, names(past.rows)) == (4, "a1 b2 c3 d4")
    assert as_of(9, 0, now, ()).rows is now.rows


def test_past_snapshots_are_bounded_in_number() -> None:
    kept = PastSnapshots()
    for version in range(KEPT_SNAPSHOTS):
        kept.keep(Snapshot(version, Rows()))
    assert kept.get(0) is not None

    kept.keep(Snapshot(99, Rows()))

    assert [version for version in (*range(KEPT_SNAPSHOTS), 99) if kept.get(version) is None] == [1]


def test_past_snapshots_are_bounded_in_their_rows() -> None:
    kept = PastSnapshots()
    half = (Block(1, 1, (row("a", 1),) * (KEPT_ROWS // 2)),)
    for version in (1, 2, 3):
        kept.keep(Snapshot(version, Rows(half)))
    assert [kept.get(version) is not None for version in (1, 2, 3)] == [False, True, True]

    kept.keep(Snapshot(4, Rows(half * 3)))

    assert [kept.get(version) is not None for version in (2, 3, 4)] == [False, False, True]
