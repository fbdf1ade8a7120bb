"""Watches as streams of lines, without a network: what they send, and how they end."""

import asyncio
import json
from contextlib import aclosing

import pytest

from kubesum.api.representations.rowformat import RowFormat
from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include
from kubesum.api.watch.watchevents import FrameCache, WatchEvent
from kubesum.rollups.resourceversion import TAGS
from tests.hanging import HANGS_AFTER_S
from tests.leaping import leaping
from tests.unit.api.replicas import JSON, Replica, names, ready, versions
from tests.unit.web.fakeresources import BOXES, NOW, Thing

TABLE = Representation(Form.TABLE, "meta.k8s.io/v1")
METADATA = Representation(Form.METADATA, "meta.k8s.io/v1")
LIST = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}


async def test_without_a_version_the_state_is_sent_first() -> None:
    """[W5]"""
    replica = await Replica().start(Thing("a"), Thing("b"))

    for query in ({}, {"resourceVersion": "0"}, {"allowWatchBookmarks": "true"}):
        assert names(await ready(await replica.watch(query))) == [("ADDED", "a"), ("ADDED", "b")]


async def test_from_a_version_exactly_the_later_events_are_sent() -> None:
    """[W5] [W11] [W12]"""
    replica = await Replica().start(Thing("a"), Thing("b"))
    start = replica.version
    await replica.put(Thing("c"))
    await replica.put(Thing("a", labels={"wood": "oak"}))
    middle = replica.version
    await replica.drop("b")

    all_of_it, rest = await replica.events_from(start), await replica.events_from(middle)

    assert names(all_of_it) == [("ADDED", "c"), ("MODIFIED", "a"), ("DELETED", "b")]
    assert versions(all_of_it) == sorted(set(versions(all_of_it)))
    assert versions(all_of_it)[-1] == replica.version
    assert all_of_it[-1]["object"]["status"] == {"size": 1}
    assert rest == all_of_it[-1:]


async def test_a_watch_resumes_after_five_minutes_of_polls_that_change_every_row() -> None:
    """[W12] A poll of usage every 30 s changed 2,100 rows: it was 410 after 20,000 events."""
    names_of_boxes = [f"box-{n:04}" for n in range(2_100)]
    replica = await Replica().start(*[Thing(name) for name in names_of_boxes])
    start = replica.version

    for poll in range(10):
        replica.world.now += 27.9
        await replica.put(*[Thing(name, labels={"poll": str(poll)}) for name in names_of_boxes])
    resumed = await replica.events_from(start, allowWatchBookmarks="true")

    assert names(resumed) == [("MODIFIED", name) for name in names_of_boxes]
    assert {event["object"]["metadata"]["labels"]["poll"] for event in resumed} == {"9"}


async def test_without_initial_events_only_changes_are_sent() -> None:
    """[W5]"""
    replica = await Replica().start(Thing("a"))
    start = replica.version
    query = {"sendInitialEvents": "false", "resourceVersionMatch": "NotOlderThan"}
    lines = await replica.watch(query)
    await replica.put(Thing("b"))

    assert names(await ready(lines)) == [("ADDED", "b")]
    assert names(await replica.events_from(start, **query)) == [("ADDED", "b")]


async def test_the_state_is_sent_in_order_of_version() -> None:
    """A client that is cut off resumes after the last event that it has read."""
    replica = await Replica().start(Thing("b"))
    await replica.put(Thing("a"))

    assert names(await ready(await replica.watch({}))) == [("ADDED", "b"), ("ADDED", "a")]


@pytest.mark.parametrize(
    ("form", "kind"), [(JSON, "Box"), (METADATA, "PartialObjectMetadata")], ids=["objects", "metadata"]
)
async def test_the_end_of_the_state_is_marked(form: Representation, kind: str) -> None:
    """[W6] [W7]"""
    empty, replica = await Replica().start(), await Replica().start(Thing("a"))

    for one, added in ((empty, 0), (replica, 1)):
        events = await ready(await one.watch(LIST, representation=form))

        assert [event["type"] for event in events] == ["ADDED"] * added + ["BOOKMARK"]
        assert events[-1]["object"]["kind"] == kind
        assert events[-1]["object"]["metadata"] == {
            "resourceVersion": str(one.version),
            "creationTimestamp": None,
            "annotations": {"k8s.io/initial-events-end": "true"},
        }
    unasked = await ready(await replica.watch({k: v for k, v in LIST.items() if k != "allowWatchBookmarks"}))
    assert names(unasked) == [("ADDED", "a")]


async def test_the_state_is_not_older_than_a_version_of_another_replica() -> None:
    """[W5] [W7]"""
    replica = await Replica().start(Thing("a"))
    asked = replica.version + 2_000 * TAGS + 1

    events = await ready(await replica.watch({**LIST, "resourceVersion": str(asked)}))

    assert names(events) == [("ADDED", "a"), ("BOOKMARK", "")]
    assert versions(events)[-1] > asked


async def test_tables_have_columns_once_and_one_row_per_event() -> None:
    """[T7]"""
    replica = await Replica().start(Thing("a"))
    lines = await replica.watch(LIST, representation=TABLE)
    await replica.put(Thing("bb"))
    added, bookmark, later = await ready(lines)

    assert {event["object"]["kind"] for event in (added, bookmark, later)} == {"Table"}
    assert [column["name"] for column in added["object"]["columnDefinitions"]] == ["NAME", "SIZE"]
    assert [row["cells"] for row in added["object"]["rows"]] == [["a", 1]]
    assert bookmark["object"]["rows"][0]["object"]["metadata"]["resourceVersion"]
    assert bookmark["object"]["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert bookmark["object"]["columnDefinitions"] is later["object"]["columnDefinitions"] is None
    assert later["object"]["rows"][0]["cells"] == ["bb", 2]
    assert later["object"]["metadata"]["resourceVersion"] == str(replica.version)


async def test_rows_of_a_table_include_the_requested_object() -> None:
    """[T4]"""
    replica = await Replica().start(Thing("a"))

    (whole,) = await ready(await replica.watch({}, representation=TABLE, include=Include.OBJECT))
    (nothing,) = await ready(await replica.watch({}, representation=TABLE, include=Include.NONE))

    assert whole["object"]["rows"][0]["object"]["status"] == {"size": 1}
    assert nothing["object"]["rows"] == [{"cells": ["a", 1], "object": None}]


async def test_metadata_alone_can_be_watched() -> None:
    replica = await Replica().start(Thing("a"))

    (event,) = await ready(await replica.watch({}, representation=METADATA))

    assert (event["object"]["kind"], event["object"]["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert "status" not in event["object"]


async def test_a_namespace_and_a_selector_narrow_a_watch() -> None:
    """[W10]"""
    replica = await Replica().start(Thing("a", "one", labels={"wood": "oak"}))
    start = replica.version
    in_one = await replica.watch({"resourceVersion": str(start)}, namespace="one")
    oaks = await replica.watch({"resourceVersion": str(start), "labelSelector": "wood=oak"})
    named = await replica.watch({"resourceVersion": str(start), "fieldSelector": "metadata.name=b"})
    asked = [asyncio.ensure_future(ready(lines)) for lines in (in_one, oaks, named)]
    await asyncio.sleep(0)
    for step in (
        Thing("b", "two", labels={"wood": "oak"}),
        Thing("a", "one", labels={"wood": "ash"}),
        Thing("a", "one", labels={"wood": "elm"}),
        Thing("b", "two", labels={"wood": "oak", "old": ""}),
        Thing("a", "one", labels={"wood": "oak"}),
    ):
        await replica.put(step)
    sent = [names(events) for events in await asyncio.gather(*asked)]

    assert sent == [
        [("MODIFIED", "a"), ("MODIFIED", "a"), ("MODIFIED", "a")],
        [("ADDED", "b"), ("DELETED", "a"), ("MODIFIED", "b"), ("ADDED", "a")],
        [("ADDED", "b"), ("MODIFIED", "b")],
    ]


async def test_a_row_that_is_no_longer_selected_is_sent_as_it_was() -> None:
    """[W10]"""
    replica = await Replica().start(Thing("a", labels={"wood": "oak"}))
    start = replica.version
    await replica.put(Thing("a", labels={"wood": "ash"}))

    (event,) = await replica.events_from(start, labelSelector="wood=oak")

    assert (event["type"], event["object"]["metadata"]["labels"]) == ("DELETED", {"wood": "oak"})
    assert versions([event]) == [replica.version]


async def test_another_object_of_the_same_name_is_deleted_and_added() -> None:
    replica = await Replica().start(Thing("a"))
    start = replica.version
    await replica.put(Thing("a", uid="other"))
    await replica.put(Thing("a", uid="third"))

    events = await replica.events_from(start)

    assert names(events) == [("DELETED", "a"), ("ADDED", "a")]
    assert events[0]["object"]["metadata"]["uid"] != events[1]["object"]["metadata"]["uid"]
    assert versions(events) == sorted(set(versions(events)))


async def test_a_slow_client_gets_the_sum_of_the_changes() -> None:
    """[W12]"""
    replica = await Replica().start(Thing("a"))
    async with aclosing(await replica.watch({})) as lines:
        await anext(lines)
        for number in range(10):
            await replica.put(Thing("a", labels={"is": str(number)}), Thing("b", labels={"is": str(number)}))
        await replica.put(Thing("passing"))
        await replica.drop("passing")
        events = await ready(lines)

    assert sorted(names(events)) == [("ADDED", "b"), ("MODIFIED", "a")]
    assert {event["object"]["metadata"]["labels"]["is"] for event in events} == {"9"}


async def test_a_client_that_is_too_slow_gets_410() -> None:
    """[W9]"""
    replica = await Replica().start(Thing("a"))
    async with aclosing(await replica.watch({})) as lines:
        await anext(lines)
        for _ in range(2):
            replica.world.now += 301
            await replica.put(Thing("a", labels={"at": str(replica.world.now)}))
        (error,) = await ready(lines)

    assert error["type"] == "ERROR"
    assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")
    assert error["object"]["message"].startswith("too old resource version: ")


async def test_a_watch_ends_with_its_resource() -> None:
    replica = await Replica().start(Thing("a"))
    lines = await replica.watch({})
    await anext(lines)
    ending = asyncio.ensure_future(anext(lines, None))
    await asyncio.sleep(0)

    replica.world.engine.remove("boxes")

    assert await asyncio.wait_for(ending, HANGS_AFTER_S) is None


async def test_all_watches_can_be_ended() -> None:
    replica = await Replica().start()
    endings = [asyncio.ensure_future(anext(await replica.watch({}), None)) for _ in range(10)]
    await asyncio.sleep(0)

    replica.world.engine.close()

    assert await asyncio.wait_for(asyncio.gather(*endings), HANGS_AFTER_S) == [None] * 10


def test_bookmarks_come_every_minute_and_shortly_before_the_end() -> None:
    """[W6] [W8]"""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        replica = await Replica().start()
        began = loop.time()
        query = {"allowWatchBookmarks": "true", "timeoutSeconds": "150"}
        times = [round(loop.time() - began) async for _ in await replica.watch(query)]

        assert times == [60, 120, 148]
        assert round(loop.time() - began) == 150
        assert [line async for line in await replica.watch({"timeoutSeconds": "150"})] == []

    leaping(main())


def test_a_bookmark_names_a_version_of_now() -> None:
    """[W6] The version of an idle client must not become older than the events that another replica keeps."""

    async def main() -> None:
        replica = await Replica().start(Thing("a"))
        start = replica.version
        query = {"allowWatchBookmarks": "true", "timeoutSeconds": "70", "resourceVersion": str(start)}
        lines = await replica.watch(query)
        replica.world.now += 60
        bookmark = json.loads(await anext(lines))

        assert versions([bookmark]) == [int((NOW + 62) * 1_000_000) * TAGS + 7]
        await lines.aclose()

    leaping(main())


def test_watches_end_within_an_hour() -> None:
    """[W8]"""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        replica = await Replica().start()
        lifetimes = set()
        for _ in range(20):
            began = loop.time()
            assert [line async for line in await replica.watch({})] == []
            lifetimes.add(loop.time() - began)

        assert len(lifetimes) == 20
        assert 1800 <= min(lifetimes) < max(lifetimes) <= 3601

    leaping(main())


async def test_an_event_is_encoded_once_for_all_watches() -> None:
    """[W13]"""
    replica = await Replica().start(Thing("a"))
    row = replica.store.snapshot().rows[0]
    frames, event = FrameCache(lambda: NOW), WatchEvent("ADDED", row, row.version)

    one = frames.frame(event, RowFormat(BOXES, JSON, Include.METADATA), with_columns=False)
    other = frames.frame(
        WatchEvent("ADDED", row, row.version), RowFormat(BOXES, JSON, Include.METADATA), with_columns=False
    )
    modified = frames.frame(
        WatchEvent("MODIFIED", row, row.version), RowFormat(BOXES, JSON, Include.METADATA), with_columns=False
    )

    assert one is other
    assert json.loads(modified)["type"] == "MODIFIED"


async def test_a_thousand_watches_get_a_change() -> None:
    replica = await Replica().start(Thing("a"))
    queries = [{}, {"labelSelector": "wood=oak"}, {"fieldSelector": "metadata.name=b"}]
    opened = [await replica.watch(queries[n % 3] | {"resourceVersion": str(replica.version)}) for n in range(1000)]
    waiting = [asyncio.ensure_future(anext(lines)) for lines in opened]
    await asyncio.sleep(0)

    await replica.put(Thing("b", labels={"wood": "oak"}))

    assert len(set(await asyncio.wait_for(asyncio.gather(*waiting), HANGS_AFTER_S))) == 1
    for lines in opened:
        await lines.aclose()


async def test_versions_of_a_thousand_changes_rise() -> None:
    """[W12] [L5] Section 15, item 13: decimal integers without leading zeros, below 2^63."""
    replica = await Replica().start(*(Thing(f"box-{n}") for n in range(1000)))
    start = replica.version
    await replica.put(*(Thing(f"box-{n}", labels={"is": "new"}) for n in range(1000)))

    sent = await replica.events_from(start)
    texts = [event["object"]["metadata"]["resourceVersion"] for event in sent]

    assert len(sent) == 1000
    assert versions(sent) == sorted(set(versions(sent)))
    assert [str(version) for version in versions(sent)] == texts
    assert 0 < start < versions(sent)[0]
    assert versions(sent)[-1] == replica.store.snapshot().version < 1 << 63
