"""A client that moves its watch between replicas, which receive the same changes and publish them at different times.

A state that lasts for less than the gathering time is published by one replica and skipped by the other. The client's
copy must always become equal to a list, without ever listing again.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from kubesum.api.representations.objects import ENCODER, object_of
from kubesum.api.requests.options import watch_options
from kubesum.rollups.resourceversion import SHARED_TAG, TAGS
from kubesum.vocabulary.errors import Expired
from kubesum.vocabulary.resource import Column, ComputedResource, FieldSelector, Fold, Key, Source
from kubesum.vocabulary.tally import Contribution, Tally
from tests.unit.api.replicas import Replica, names, versions
from tests.unit.web.fakeresources import BOXES, NOW, Thing

LATE_S = 4.0
"""How much later than another a replica may receive a change; less than what a resumption replays."""

Object = dict[str, Any]


class PileStatus(msgspec.Struct, frozen=True):
    boxes: int


def by_wood(box: Thing) -> Iterator[tuple[Key, Contribution]]:
    yield ("", box.labels["wood"]), (("boxes", "", 1),)


def pile_status(_key: Key, _subject: None, tally: Tally) -> PileStatus:
    # As for a workload that only its pods name: without members there is nothing to tell.
    assert tally.total("boxes")
    return PileStatus(tally.total("boxes"))


PILES = ComputedResource(
    kind="Pile",
    plural="piles",
    short_names=(),
    namespaced=False,
    help="A pile of boxes of one wood.",
    status_type=PileStatus,
    status=pile_status,
    subjects=None,
    subject_key=lambda _: None,
    folds=(Fold(Source.PODS, by_wood),),
    fallback_subject=lambda _key, _tally: None,
    columns=(Column("NAME", "Name of it.", lambda row: row.name),),
    field_selectors=(FieldSelector("status.boxes", lambda _, status: str(status.boxes)),),
)

A: Key = ("", "a")
OAK, ASH, ELM = (Thing("a", labels={"wood": wood}) for wood in ("oak", "ash", "elm"))


async def two_replicas(*boxes: Thing, resource: ComputedResource = BOXES) -> tuple[Replica, Replica]:
    """Two replicas that have served the same boxes for half a minute."""
    one, other = Replica(7, resource=resource), Replica(8, resource=resource)
    for replica in (one, other):
        await replica.start(*boxes)
        replica.world.now = NOW + 30
    return one, other


async def flush(*replicas: Replica) -> None:
    """Each replica publishes what is due, and two seconds later what had to rest."""
    for replica in replicas:
        await replica.world.engine.publish()
        replica.world.now += 2
        await replica.world.engine.publish()


async def test_a_skipped_creation_is_sent_as_deletion() -> None:
    """[W11] A client that had the object from the other replica kept it until it listed again."""
    one, other = await two_replicas()
    for replica in (one, other):
        replica.apply(A, OAK)
    await flush(one)
    other.apply(A, None)
    await flush(other)

    (event,) = await other.events_from(one.version)

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "a")
    assert event["object"]["metadata"]["labels"] == {"wood": "oak"}
    assert event["object"]["status"] == {"size": 1}
    assert int(event["object"]["metadata"]["resourceVersion"]) > one.version


async def test_a_row_that_changed_and_changed_back_is_sent_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.apply(A, ASH)
    await flush(one)
    other.apply(A, OAK)
    await flush(other)

    (event,) = await other.events_from(one.version)

    assert (event["type"], event["object"]["metadata"]["labels"]) == ("MODIFIED", {"wood": "oak"})


async def test_a_row_that_changed_back_while_it_rested_is_sent_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    await flush(one)
    for box in (Thing("a", labels={"wood": "oak", "old": ""}), ASH, OAK):
        other.apply(A, box)
        await other.world.engine.publish()
    await flush(other)

    labels = [event["object"]["metadata"]["labels"] for event in await other.events_from(one.version)]

    assert labels == [{"wood": "oak"}]


async def test_a_row_that_was_deleted_and_recreated_is_sent_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.apply(A, None)
    await flush(one)
    other.apply(A, OAK)
    await flush(other)

    assert names(await other.events_from(one.version + TAGS)) == [("MODIFIED", "a")]


async def test_a_skipped_state_that_was_selected_is_deleted() -> None:
    """[W10] A skipped state that was not selected is not sent."""
    one, other = await two_replicas(OAK)
    for box in (ASH, ELM):
        other.apply(A, box)
    await flush(one, other)

    events = {wood: await other.events_from(one.version, labelSelector=f"wood={wood}") for wood in ("ash", "fir")}

    assert names(events["ash"]) == [("DELETED", "a")]
    assert events["ash"][0]["object"]["metadata"]["labels"] == {"wood": "ash"}
    assert events["fir"] == []


async def test_a_status_that_may_have_been_skipped_is_deleted() -> None:
    """The statuses of groups are not computed for skipped states, so they may have been selected."""
    one, other = await two_replicas(Thing("x", labels={"wood": "oak"}), resource=PILES)
    for replica in (one, other):
        replica.apply(("", "y"), Thing("y", labels={"wood": "oak"}))
    await flush(one)
    other.apply(("", "y"), None)
    await flush(other)

    selected = await other.events_from(one.version, fieldSelector="status.boxes=2")
    named = await other.events_from(one.version, fieldSelector="status.boxes=2,metadata.name=ash")

    assert names(selected) == [("DELETED", "oak")]
    assert named == []


async def test_a_skipped_group_is_deleted_with_its_status() -> None:
    one, other = await two_replicas(resource=PILES)
    for replica in (one, other):
        replica.apply(A, OAK)
    await flush(one)
    other.apply(A, None)
    await flush(other)

    (event,) = await other.events_from(one.version)

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "oak")
    assert event["object"]["status"] == {"boxes": 1}


async def test_states_that_are_skipped_after_the_move_are_sent_too() -> None:
    """The first replica had received and published the change already."""
    one, other = await two_replicas()
    one.apply(A, OAK)
    await flush(one)
    async with aclosing(await other.watch({"resourceVersion": str(one.version)})) as lines:
        told = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        other.apply(A, OAK)
        other.apply(A, None)
        await flush(other)

        assert names([json.loads(await asyncio.wait_for(told, 5))]) == [("DELETED", "a")]


async def test_no_skipped_states_are_sent_when_the_resumption_is_over() -> None:
    one, other = await two_replicas()
    told: list[list[dict[str, Any]]] = []
    async with aclosing(await other.watch({"resourceVersion": str(one.version)})) as lines:
        for name in ("first", "second", "third"):
            reading = asyncio.ensure_future(anext(lines))
            for _ in range(10):
                await asyncio.sleep(0)
            for key, box in ((A, OAK), (A, None), (("", name), Thing(name))):
                other.apply(key, box)
            other.world.now += 6
            await other.world.engine.publish()
            told.append([json.loads(line) for line in (await asyncio.wait_for(reading, 5)).splitlines()])

    assert [names(events) for events in told] == [
        [("DELETED", "a"), ("MODIFIED", "first")],
        [("ADDED", "second")],
        [("ADDED", "third")],
    ]
    assert [version % TAGS for events in told for version in versions(events)] == [SHARED_TAG] * 3 + [8]
    assert versions(told[2]) == [other.version]


async def test_no_replayed_deletion_removes_an_object_that_the_client_has() -> None:
    """Cut off after the deletion of the older object, a client that had the newer one lost it for good."""
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.apply(A, Thing("a", uid="newer", labels={"wood": "ash"}))
        await flush(replica)

    assert names(await other.events_from(one.version + TAGS)) == [("MODIFIED", "a")]
    assert names(await other.events_from(one.version - 8_000_000 * TAGS)) == [("MODIFIED", "a")]


async def test_watches_within_one_replica_get_no_skipped_states() -> None:
    one, _ = await two_replicas(OAK)
    start = one.version
    for box in (ASH, OAK):
        one.apply(A, box)
    await flush(one)

    assert await one.events_from(start) == []


async def test_a_client_with_a_copy_lists_again_on_another_replica() -> None:
    """[W5] Its copy lost objects that live, and it was sent deletions of objects that it never had."""
    one, other = await two_replicas(OAK)

    with pytest.raises(Expired, match="is not of this replica, or too old; list again"):
        await other.events_from(one.version, allowWatchBookmarks="true")


async def test_an_object_that_changed_before_it_was_published_is_not_deleted() -> None:
    """Nearly every new pod was DELETED and ADDED: it is created, bound and started within the gathering time."""
    one, other = await two_replicas()
    for replica in (one, other):
        for box in (OAK, ASH, ELM):
            replica.apply(A, box)
        await flush(replica)

    assert names(await other.events_from(one.version)) == [("MODIFIED", "a")]


async def test_what_happened_long_after_the_version_is_sent_as_it_was() -> None:
    """No replica can have published it by then, so that the client cannot have seen it."""
    one, other = await two_replicas(OAK)
    start = one.version
    other.world.now += 20
    for key, box in ((A, None), (("", "b"), Thing("b")), (("", "c"), Thing("c")), (("", "c"), None)):
        other.apply(key, box)
        await flush(other)

    assert names(await other.events_from(start)) == [("DELETED", "a"), ("ADDED", "b")]


async def test_a_watch_expires_when_skipped_states_were_dropped() -> None:
    """[W9] Incomplete events must not be sent as if they were complete."""
    one, other = await two_replicas()
    for number in range(20_001):
        key = ("", f"box-{number}")
        other.apply(key, Thing(key[1]))
        other.apply(key, None)
    before = one.version
    one.world.now += 1
    await flush(other)

    with pytest.raises(Expired, match="too old resource version"):
        await other.events_from(before)


@dataclass
class History:
    """The changes of a few boxes, and two replicas which receive them at times of their own."""

    chance: random.Random
    replicas: tuple[Replica, Replica]
    now: float = NOW + 30
    changes: list[tuple[float, Key, Thing | None]] = field(default_factory=list)
    boxes: dict[Key, Thing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.received = [0, 0]
        self.skews = [self.chance.uniform(-1, 1) for _ in self.replicas]

    def change(self) -> None:
        """A box is created, changed or deleted, and mostly becomes what it was before."""
        # Often the one that is selected by name: a watch that gets nothing for five minutes cannot be resumed.
        key = "", self.chance.choice("aaabcde")
        before = self.boxes.get(key)
        states = [self._any_state(key) for _ in range(self.chance.randint(1, 2))]
        if self.chance.random() < 0.8:
            states.append(before)
        for state in states:
            self.changes.append((self.now, key, state))
        if states[-1] is None:
            self.boxes.pop(key, None)
        else:
            self.boxes[key] = states[-1]

    def _any_state(self, key: Key) -> Thing | None:
        if self.chance.random() < 0.3:
            return None
        return Thing(key[1], uid=self.chance.choice("uv"), labels={"wood": self.chance.choice(("oak", "ash"))})

    async def pass_time(self) -> None:
        """Time passes; each replica receives some of the changes, and perhaps publishes."""
        self.now += self.chance.expovariate(4)
        for index, replica in enumerate(self.replicas):
            replica.world.now = self.now + self.skews[index]
            news = self.changes[self.received[index] :]
            late = sum(when < self.now - LATE_S for when, _, _ in news)
            self._receive(index, max(late, self.chance.randint(0, len(news))))
            if self.chance.random() < 0.5:
                await replica.world.engine.publish()

    def _receive(self, index: int, number: int) -> None:
        for _, key, box in self.changes[self.received[index] :][:number]:
            self.replicas[index].apply(key, box)
        self.received[index] += number

    async def settle(self) -> None:
        """Both replicas receive and publish everything."""
        self.now += 4
        for index, replica in enumerate(self.replicas):
            self._receive(index, len(self.changes))
            self.received[index] = len(self.changes)
            replica.world.now = self.now + self.skews[index] - 2
            await flush(replica)


class Client:
    """A client that keeps a copy from one watch after the other, each cut off at any event."""

    def __init__(self, query: dict[str, str], replica: Replica) -> None:
        self.query = query
        self.version = replica.version
        self.copy = shown(replica, query)
        self.moves = 0
        self._inbox: deque[str] = deque()
        self._reading: asyncio.Task[None] | None = None

    async def move(self, replica: Replica) -> None:
        """The watch ends, and continues on a replica. Events that were not read yet are lost."""
        await self.stop()
        self.moves += 1
        query = {**self.query, "resourceVersion": str(self.version)}
        self._reading = asyncio.create_task(self._read(await replica.watch(query)))

    async def stop(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        self._inbox.clear()

    async def _read(self, lines: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(lines):
            async for chunk in lines:
                self._inbox.extend(chunk.decode().splitlines())

    async def apply_events(self, most: int | None = None) -> None:
        """Applies events that were received, all of them or some."""
        for _ in range(20):
            await asyncio.sleep(0)
        for _ in range(len(self._inbox) if most is None else min(most, len(self._inbox))):
            event = json.loads(self._inbox.popleft())
            assert event["type"] != "ERROR", event
            (version,) = versions([event])
            assert version >= self.version, "time goes back"
            self.version = version
            if event["type"] == "DELETED":
                self.copy.pop(key_of(event["object"]), None)
            elif event["type"] != "BOOKMARK":
                self.copy[key_of(event["object"])] = without_version(event["object"])


def key_of(found: Object) -> Key:
    return found["metadata"].get("namespace", ""), found["metadata"]["name"]


def without_version(found: Object) -> Object:
    return {**found, "metadata": {**found["metadata"], "resourceVersion": ""}}


def shown(replica: Replica, query: dict[str, str]) -> dict[Key, Object]:
    """What a list of the replica contains."""
    resource = replica.resource
    selects = watch_options(query, resource).selector.predicate(resource)
    return {
        row.key: without_version(json.loads(ENCODER.encode(object_of(resource, row))))
        for row in replica.store.snapshot().rows
        if selects(row)
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("resource", "query"),
    [
        (BOXES, {}),
        (BOXES, {"labelSelector": "wood=oak"}),
        (BOXES, {"fieldSelector": "metadata.name=a"}),
        (PILES, {}),
        (PILES, {"fieldSelector": "status.boxes=2"}),
    ],
    ids=["boxes", "oaks", "named", "piles", "pairs"],
)
async def test_a_copy_always_becomes_equal_to_a_list(
    resource: ComputedResource, query: dict[str, str], seed: int
) -> None:
    chance = random.Random(f"{resource.plural} {query} {seed}")
    history = History(chance, await two_replicas(resource=resource))
    client = Client(query, history.replicas[0])

    for _ in range(200):
        for _ in range(chance.randint(1, 4)):
            if chance.random() < 0.4:
                history.change()
            await history.pass_time()
            await client.apply_events(chance.choice((0, 2, None)))
            if chance.random() < 0.5:
                await client.move(chance.choice(history.replicas))
        await history.settle()
        await client.apply_events()
        if client.moves:
            assert client.copy == shown(history.replicas[0], query) == shown(history.replicas[1], query)

    await client.stop()
    assert client.moves > 200
