"""Watches as streams of lines, without a network: where they start, what they send, how they end."""

import asyncio
import json
import random
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include, WatchOptions, watch_options
from kubesum.api.watch.watchevents import EventFormat, FrameCache, WatchEvent
from kubesum.rollups.resourceversion import SHARED_TAG, TAGS
from kubesum.vocabulary.errors import ApiError, Expired, ServiceUnavailable, Timeout
from tests.leaping import leaping
from tests.unit.api.replicas import JSON, Replica, names, ready, versions
from tests.unit.web.fakeresources import BOXES, NOW, Thing

TABLE = Representation(Form.TABLE, "meta.k8s.io/v1")
METADATA = Representation(Form.METADATA, "meta.k8s.io/v1")


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


LIST = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}


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

    assert await asyncio.wait_for(ending, 5) is None


async def test_all_watches_can_be_ended() -> None:
    replica = await Replica().start()
    endings = [asyncio.ensure_future(anext(await replica.watch({}), None)) for _ in range(10)]
    await asyncio.sleep(0)

    replica.world.engine.close()

    assert await asyncio.wait_for(asyncio.gather(*endings), 5) == [None] * 10


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


async def refusal(replica: Replica, version: int) -> ApiError:
    """The error of a watch from a version."""
    with pytest.raises(ApiError) as raised:
        await replica.watch({"resourceVersion": str(version)})
    return raised.value


async def test_versions_from_which_a_watch_cannot_start() -> None:
    """[W5] [W9]"""
    replica = await Replica().start(Thing("a"))
    replica.world.now += 20
    now = int(replica.world.now * 1_000_000) * TAGS

    assert isinstance(await refusal(replica, 5), Expired)
    assert isinstance(await refusal(replica, int((NOW - 60) * 1_000_000) * TAGS + 7), Expired)
    assert isinstance(await refusal(replica, now - 30_000_000 * TAGS + 9), Expired)
    assert isinstance(await refusal(replica, now - 20_000_000 * TAGS + 9), ServiceUnavailable)
    assert isinstance(await refusal(replica, now + 61_000_000 * TAGS + 9), Timeout)
    too_large = await refusal(replica, (1 << 64) - 1)
    assert too_large.details is not None
    assert too_large.details.causes[0].reason == "ResourceVersionTooLarge"


async def test_from_a_version_of_another_replica_the_last_changes_are_replayed() -> None:
    replica = await Replica().start(Thing("old"), Thing("changed"), Thing("gone"))
    replica.world.now += 20
    await replica.put(Thing("changed", labels={"is": "new"}))
    await replica.put(Thing("new"))
    await replica.drop("gone")
    await replica.put(Thing("passing"))
    await replica.drop("passing")
    asked = replica.version - replica.tag + 9

    events = await replica.events_from(asked)

    assert names(events) == [
        ("MODIFIED", "changed"),
        ("MODIFIED", "new"),
        ("DELETED", "gone"),
        ("DELETED", "passing"),
    ]
    assert versions(events) == sorted(set(versions(events)))
    assert versions(events)[0] > asked
    assert [version % TAGS for version in versions(events)] == [SHARED_TAG] * 4


async def test_a_version_of_a_replica_with_the_same_tag_was_not_issued_here() -> None:
    """One in 999 pairs of replicas draws the same tag; a change that only one had published was lost."""
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"))
    await replica.put(Thing("b"))

    assert names(await replica.events_from(replica.version - TAGS)) == [("MODIFIED", "a"), ("MODIFIED", "b")]


async def test_a_replay_that_was_cut_off_is_replayed_again() -> None:
    """A version in the middle of a replay does not show that the client has all of it."""
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"), Thing("b"), Thing("c"))
    first = (await replica.events_from(replica.version - replica.tag + 9))[0]

    again = await replica.events_from(versions([first])[0])

    assert names(again) == [("MODIFIED", "a"), ("MODIFIED", "b"), ("MODIFIED", "c")]


async def test_changes_long_before_a_version_of_another_replica_are_not_replayed() -> None:
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"))
    replica.world.now += 20
    await replica.put(Thing("b"))

    assert names(await replica.events_from(replica.version - replica.tag + 9)) == [("MODIFIED", "b")]


async def test_no_change_is_lost_after_a_version_of_a_replica_with_a_fast_clock() -> None:
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"))
    asked = replica.version + 2_500_000 * TAGS + 2

    lines = await replica.watch({"resourceVersion": str(asked)})
    await replica.put(Thing("b"))
    events = await ready(lines)

    assert names(events) == [("MODIFIED", "a"), ("MODIFIED", "b")]
    assert asked < versions(events)[0] < versions(events)[1]


async def test_a_client_that_was_cut_off_before_a_deletion_gets_it() -> None:
    """A row that left the selection and changed again was coalesced into one event with the later version."""
    replica = await Replica().start(Thing("k", labels={"wood": "oak"}), Thing("l", labels={"wood": "oak"}))
    begun = replica.version
    replica.world.now += 2
    await replica.put(Thing("k", labels={"wood": "ash"}))
    replica.world.now += 2
    await replica.put(Thing("l", labels={"wood": "oak", "old": "yes"}))
    replica.world.now += 2
    await replica.put(Thing("k", labels={"wood": "elm"}))

    events = await replica.events_from(begun, labelSelector="wood=oak")
    cut_off_after_first = await replica.events_from(versions(events)[0], labelSelector="wood=oak")

    assert names(events) == [("DELETED", "k"), ("MODIFIED", "l")]
    assert names(cut_off_after_first) == [("MODIFIED", "l")]


async def test_a_row_that_may_have_been_selected_in_between_is_deleted() -> None:
    """The other replica may have published a state that was selected only for a moment."""
    replica = await Replica().start(Thing("a", labels={"wood": "ash"}), Thing("b", labels={"wood": "oak"}))
    replica.world.now += 20
    await replica.put(Thing("a", labels={"wood": "oak"}))
    await replica.put(Thing("a", labels={"wood": "elm"}))
    before = replica.version - replica.tag + 9
    await replica.put(Thing("b", uid="other", labels={"wood": "oak"}))
    after = replica.version - replica.tag + 9

    events = await replica.events_from(before, labelSelector="wood=oak")

    assert names(events) == [("DELETED", "a"), ("MODIFIED", "b")]
    assert events[0]["object"]["metadata"]["labels"] == {"wood": "oak"}
    assert names(await replica.events_from(after, labelSelector="wood=oak"))[1:] == [("MODIFIED", "b")]


async def test_an_event_is_encoded_once_for_all_watches() -> None:
    """[W13]"""
    replica = await Replica().start(Thing("a"))
    row = replica.store.snapshot().rows[0]
    frames, event = FrameCache(lambda: NOW), WatchEvent("ADDED", row, row.version)

    one = frames.frame(event, EventFormat(BOXES, JSON, Include.METADATA), with_columns=False)
    other = frames.frame(
        WatchEvent("ADDED", row, row.version), EventFormat(BOXES, JSON, Include.METADATA), with_columns=False
    )
    modified = frames.frame(
        WatchEvent("MODIFIED", row, row.version), EventFormat(BOXES, JSON, Include.METADATA), with_columns=False
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

    assert len(set(await asyncio.wait_for(asyncio.gather(*waiting), 10))) == 1
    for lines in opened:
        await lines.aclose()


@dataclass
class Copy:
    """The copy of a client that lists and watches as client-go's reflector does."""

    query: dict[str, str]
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    version: int = 0
    lists: int = 0

    def relist(self, replica: Replica) -> None:
        selector = WatchOptions(selector=watch_options(self.query, BOXES).selector).selector
        snapshot = replica.store.snapshot()
        self.version = snapshot.version
        self.objects = {
            row.key: labels_of(row.subject.labels) for row in snapshot.rows if selector.matches(BOXES, row)
        }
        self.lists += 1

    def take(self, event: dict[str, Any]) -> None:
        metadata = event["object"]["metadata"]
        version = int(metadata["resourceVersion"])
        assert version >= self.version, "time goes back"
        self.version = version
        key = metadata.get("namespace", ""), metadata.get("name", "")
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self.objects[key] = labels_of(metadata.get("labels", {}))
            case "DELETED":
                self.objects.pop(key, None)

    async def follow(self, replica: Replica) -> None:
        """Watches from the last version as long as there are events; lists again on 410."""
        try:
            events = await replica.events_from(self.version, **self.query)
        except (Expired, ServiceUnavailable):
            self.relist(replica)
            return
        for event in events:
            if event["type"] == "ERROR":
                self.relist(replica)
                return
            self.take(event)


def labels_of(labels: dict[str, str]) -> dict[str, str]:
    return dict(labels)


async def churn(chance: random.Random, replicas: list[Replica]) -> None:
    """One change of the cluster, which all replicas receive, some of them a moment later than others."""
    name, namespace = f"box-{chance.randrange(12)}", chance.choice(("one", "two"))
    exists = (namespace, name) in replicas[0].boxes
    box = Thing(
        name,
        namespace,
        uid=chance.choice("uv"),
        labels={"wood": chance.choice(("oak", "ash")), "at": str(chance.random())},
    )
    is_dropped = exists and chance.random() < 0.3
    for replica in chance.sample(replicas, len(replicas)):
        replica.world.now += chance.random() * 0.01
        if is_dropped:
            await replica.drop(name, namespace)
        else:
            await replica.put(box)


async def settled(replica: Replica) -> None:
    replica.world.now += 2
    await replica.world.engine.publish()


@pytest.mark.parametrize("tags", [(7,), (7, 8), (7, 7), (7, 8, 9)], ids=["one", "two", "alike", "three"])
@pytest.mark.parametrize("selector", ["", "wood=oak"], ids=["all", "oaks"])
async def test_a_copy_always_becomes_equal_to_a_list(tags: tuple[int, ...], selector: str) -> None:
    """Through changes, reconnects to any replica, and versions that have expired, no change is lost."""
    chance = random.Random(f"{tags} {selector}")
    replicas = [await Replica(tag).start() for tag in tags]
    for replica in replicas:
        replica.world.now += 30
        await settled(replica)
    query = {"labelSelector": selector} if selector else {}
    copy = Copy(query)
    copy.relist(replicas[0])

    for step in range(700):
        for _ in range(chance.randrange(1, 4)):
            await churn(chance, replicas)
        if chance.random() < 0.01:
            for replica in replicas:
                replica.world.now += 400
        replica = chance.choice(replicas)
        await copy.follow(replica)
        if step % 10 == 0:
            for one in replicas:
                await settled(one)
            await copy.follow(replica)
            shown = Copy(query)
            shown.relist(replica)
            assert copy.objects == shown.objects

    assert copy.lists < 60


async def test_one_long_watch_keeps_a_copy_equal_to_a_list() -> None:
    """One stream through thousands of events, read in pieces of any size."""
    chance = random.Random(4)
    replica = await Replica().start()
    copy = Copy({"labelSelector": "wood=oak"})
    copy.relist(replica)
    read: list[int] = []
    query = {"resourceVersion": str(copy.version), "labelSelector": "wood=oak"}
    async with aclosing(await replica.watch(query)) as lines, asyncio.timeout(60), asyncio.TaskGroup() as tasks:

        async def follow() -> None:
            async for chunk in lines:
                for line in chunk.splitlines():
                    copy.take(json.loads(line))
                    read.append(copy.version)
                for _ in range(chance.randrange(20)):
                    await asyncio.sleep(0)

        following = tasks.create_task(follow())
        for _ in range(3000):
            await churn(chance, [replica])
        for _ in range(100):
            await asyncio.sleep(0)
        following.cancel()
    shown = Copy(copy.query)
    shown.relist(replica)

    assert copy.objects == shown.objects
    assert len(read) > 1000
    assert read == sorted(set(read))


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
