"""A watch that hops between replicas which see one history and gather it at different moments.

What comes and goes within one gathering is published by one replica and not by the other. A client that moves
between them must always end with what a list shows, without ever listing again.
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

from kubesum.api.lists.paging import page
from kubesum.api.representations.objects import ENCODER, object_of
from kubesum.api.requests.options import Continue, ListOptions, watch_options
from kubesum.rollups.resourceversion import SHARED_TAG, TAGS
from kubesum.vocabulary.errors import Expired
from kubesum.vocabulary.resource import Column, ComputedResource, FieldSelector, Fold, Key, Source
from kubesum.vocabulary.tally import Contribution, Tally
from tests.leaping import leaping
from tests.unit.api.replicas import Replica, names, versions
from tests.unit.web.fakeresources import BOXES, NOW, Thing

LATE_S = 4.0
"""So much later than another a replica may see something; less than what a continued watch repeats."""

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
    """Two that have been watching the same boxes for half a minute."""
    one, other = Replica(7, resource=resource), Replica(8, resource=resource)
    for replica in (one, other):
        await replica.start(*boxes)
        replica.world.now = NOW + 30
    return one, other


async def flush(*replicas: Replica) -> None:
    """Each publishes what is due, and two seconds later what had to wait."""
    for replica in replicas:
        await replica.world.engine.publish()
        replica.world.now += 2
        await replica.world.engine.publish()


async def test_what_came_and_went_within_one_gathering_is_deleted() -> None:
    """[W11] It stayed with a client that had seen it elsewhere, until that client listed again."""
    one, other = await two_replicas()
    for replica in (one, other):
        replica.see(A, OAK)
    await flush(one)
    other.see(A, None)
    await flush(other)

    (event,) = await other.told_from(one.version)

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "a")
    assert event["object"]["metadata"]["labels"] == {"wood": "oak"}
    assert event["object"]["status"] == {"size": 1}
    assert int(event["object"]["metadata"]["resourceVersion"]) > one.version


async def test_what_changed_and_changed_back_is_told_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.see(A, ASH)
    await flush(one)
    other.see(A, OAK)
    await flush(other)

    (event,) = await other.told_from(one.version)

    assert (event["type"], event["object"]["metadata"]["labels"]) == ("MODIFIED", {"wood": "oak"})


async def test_what_changed_back_while_it_rested_is_told_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    await flush(one)
    for box in (Thing("a", labels={"wood": "oak", "old": ""}), ASH, OAK):
        other.see(A, box)
        await other.world.engine.publish()
    await flush(other)

    labels = [event["object"]["metadata"]["labels"] for event in await other.told_from(one.version)]

    assert labels == [{"wood": "oak"}]


async def test_what_went_and_came_back_is_added() -> None:
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.see(A, None)
    await flush(one)
    other.see(A, OAK)
    await flush(other)

    assert names(await other.told_from(one.version + TAGS)) == [("ADDED", "a")]


async def test_what_passed_selected_is_deleted_though_it_never_was_here() -> None:
    """[W10] And what passed without being selected is no matter of the watch's."""
    one, other = await two_replicas(OAK)
    for box in (ASH, ELM):
        other.see(A, box)
    await flush(one, other)

    events = {wood: await other.told_from(one.version, labelSelector=f"wood={wood}") for wood in ("ash", "fir")}

    assert names(events["ash"]) == [("DELETED", "a")]
    assert events["ash"][0]["object"]["metadata"]["labels"] == {"wood": "ash"}
    assert events["fir"] == []


async def test_a_status_that_may_have_passed_is_deleted() -> None:
    """Statuses of what others add to are not computed in between; names and labels are known."""
    one, other = await two_replicas(Thing("x", labels={"wood": "oak"}), resource=PILES)
    for replica in (one, other):
        replica.see(("", "y"), Thing("y", labels={"wood": "oak"}))
    await flush(one)
    other.see(("", "y"), None)
    await flush(other)

    selected = await other.told_from(one.version, fieldSelector="status.boxes=2")
    named = await other.told_from(one.version, fieldSelector="status.boxes=2,metadata.name=ash")

    assert names(selected) == [("DELETED", "oak")]
    assert named == []


async def test_a_group_that_came_and_went_is_deleted_with_what_it_was() -> None:
    one, other = await two_replicas(resource=PILES)
    for replica in (one, other):
        replica.see(A, OAK)
    await flush(one)
    other.see(A, None)
    await flush(other)

    (event,) = await other.told_from(one.version)

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "oak")
    assert event["object"]["status"] == {"boxes": 1}


async def test_what_passes_after_the_hop_is_told_too() -> None:
    """The replica that the client comes from was the faster one."""
    one, other = await two_replicas()
    one.see(A, OAK)
    await flush(one)
    async with aclosing(await other.watch({"resourceVersion": str(one.version)})) as lines:
        told = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        other.see(A, OAK)
        other.see(A, None)
        await flush(other)

        assert names([json.loads(await asyncio.wait_for(told, 5))]) == [("DELETED", "a")]


async def test_a_client_that_is_in_step_is_told_no_more_of_what_passes() -> None:
    one, other = await two_replicas()
    told: list[list[dict[str, Any]]] = []
    async with aclosing(await other.watch({"resourceVersion": str(one.version)})) as lines:
        for name in ("first", "second", "third"):
            reading = asyncio.ensure_future(anext(lines))
            for _ in range(10):
                await asyncio.sleep(0)
            for key, box in ((A, OAK), (A, None), (("", name), Thing(name))):
                other.see(key, box)
            other.world.now += 6
            await other.world.engine.publish()
            told.append([json.loads(line) for line in (await asyncio.wait_for(reading, 5)).splitlines()])

    assert [names(events) for events in told] == [
        [("DELETED", "a"), ("ADDED", "first")],
        [("DELETED", "a"), ("ADDED", "second")],
        [("ADDED", "third")],
    ]
    assert [version % TAGS for events in told for version in versions(events)] == [SHARED_TAG] * 4 + [8]
    assert versions(told[2]) == [other.version]


async def test_no_event_of_a_repetition_takes_away_what_the_client_knows() -> None:
    """Cut off after the deletion of the older object, a client that knew the newer one had lost it for good."""
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.see(A, Thing("a", uid="newer", labels={"wood": "ash"}))
        await flush(replica)

    assert names(await other.told_from(one.version + TAGS)) == [("ADDED", "a")]
    assert names(await other.told_from(one.version - 8_000_000 * TAGS)) == [("DELETED", "a"), ("ADDED", "a")]


async def test_clients_of_one_replica_are_told_nothing_of_what_passes() -> None:
    one, _ = await two_replicas(OAK)
    start = one.version
    for box in (ASH, OAK):
        one.see(A, box)
    await flush(one)

    assert await one.told_from(start) == []


def test_bookmarks_of_a_resumption_are_exact_to_nobody() -> None:
    """What the other replica had shown may pass here later; whoever comes back must be told of it."""

    async def main() -> None:
        one, other = await two_replicas()
        query = {"resourceVersion": str(one.version), "allowWatchBookmarks": "true", "timeoutSeconds": "5"}
        (bookmark,) = [json.loads(line) async for line in await other.watch(query)]

        assert bookmark["type"] == "BOOKMARK"
        assert versions([bookmark])[0] % TAGS == SHARED_TAG
        assert not other.collection.has_issued(versions([bookmark])[0])

    leaping(main())


async def test_more_than_can_be_remembered_expires() -> None:
    """[W9] Nothing is told as if it were whole."""
    one, other = await two_replicas()
    for number in range(20_001):
        key = ("", f"box-{number}")
        other.see(key, Thing(key[1]))
        other.see(key, None)
    before = one.version
    one.world.now += 1
    await flush(other)

    with pytest.raises(Expired, match="too old resource version"):
        await other.told_from(before)


@dataclass
class History:
    """What happens to a few boxes, and two replicas which see it at moments of their own."""

    chance: random.Random
    replicas: tuple[Replica, Replica]
    now: float = NOW + 30
    happened: list[tuple[float, Key, Thing | None]] = field(default_factory=list)
    boxes: dict[Key, Thing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seen = [0, 0]
        self.skews = [self.chance.uniform(-1, 1) for _ in self.replicas]

    def happen(self) -> None:
        """A box comes, changes or goes, and mostly becomes what it was before."""
        key = "", self.chance.choice("abcde")
        before = self.boxes.get(key)
        states = [self._any_state(key) for _ in range(self.chance.randint(1, 2))]
        if self.chance.random() < 0.8:
            states.append(before)
        for state in states:
            self.happened.append((self.now, key, state))
        if states[-1] is None:
            self.boxes.pop(key, None)
        else:
            self.boxes[key] = states[-1]

    def _any_state(self, key: Key) -> Thing | None:
        if self.chance.random() < 0.3:
            return None
        return Thing(key[1], uid=self.chance.choice("uv"), labels={"wood": self.chance.choice(("oak", "ash"))})

    async def go_on(self) -> None:
        """A moment passes; each replica sees some of what has happened, and perhaps publishes."""
        self.now += self.chance.expovariate(4)
        for index, replica in enumerate(self.replicas):
            replica.world.now = self.now + self.skews[index]
            news = self.happened[self.seen[index] :]
            late = sum(when < self.now - LATE_S for when, _, _ in news)
            self._show(index, max(late, self.chance.randint(0, len(news))))
            if self.chance.random() < 0.5:
                await replica.world.engine.publish()

    def _show(self, index: int, number: int) -> None:
        for _, key, box in self.happened[self.seen[index] :][:number]:
            self.replicas[index].see(key, box)
        self.seen[index] += number

    async def settle(self) -> None:
        """Both have seen and published everything."""
        self.now += 4
        for index, replica in enumerate(self.replicas):
            self._show(index, len(self.happened))
            self.seen[index] = len(self.happened)
            replica.world.now = self.now + self.skews[index] - 2
            await flush(replica)


class Client:
    """Keeps a copy from one watch after the other; where it is cut off, nobody knows."""

    def __init__(self, query: dict[str, str], replica: Replica) -> None:
        self.query = query
        self.version = replica.version
        self.copy = shown(replica, query)
        self.hops = 0
        self._inbox: deque[str] = deque()
        self._reading: asyncio.Task[None] | None = None

    async def hop(self, replica: Replica) -> None:
        """The watch ends, and goes on from there on a replica. What was on its way is lost."""
        await self.leave()
        self.hops += 1
        query = {**self.query, "resourceVersion": str(self.version), "allowWatchBookmarks": "true"}
        self._reading = asyncio.create_task(self._read(await replica.watch(query)))

    async def leave(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        self._inbox.clear()

    async def _read(self, lines: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(lines):
            async for chunk in lines:
                self._inbox.extend(chunk.decode().splitlines())

    async def take(self, most: int | None = None) -> None:
        """Takes events over that have come, all of them or some."""
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
    """What a list shows."""
    resource = replica.resource
    selects = watch_options(query, resource).selector.predicate(resource)
    return {
        row.key: without_version(json.loads(ENCODER.encode(object_of(resource, row))))
        for row in replica.collection.snapshot().rows
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
async def test_a_copy_always_becomes_what_a_list_shows(
    resource: ComputedResource, query: dict[str, str], seed: int
) -> None:
    chance = random.Random(f"{resource.plural} {query} {seed}")
    history = History(chance, await two_replicas(resource=resource))
    client = Client(query, history.replicas[0])

    for _ in range(200):
        for _ in range(chance.randint(1, 4)):
            if chance.random() < 0.4:
                history.happen()
            await history.go_on()
            await client.take(chance.choice((0, 2, None)))
            if chance.random() < 0.5:
                await client.hop(chance.choice(history.replicas))
        await history.settle()
        await client.take()
        if client.hops:
            assert client.copy == shown(history.replicas[0], query) == shown(history.replicas[1], query)

    await client.leave()
    assert client.hops > 200


async def test_pages_of_two_replicas_and_a_watch_lose_nothing() -> None:
    """[L9] The second page came from a replica that had not seen what the first one had published already."""
    one, other = await two_replicas(OAK, Thing("z", labels={"wood": "oak"}))
    one.see(("", "z"), Thing("z", labels={"wood": "ash"}))
    await flush(one)
    first, metadata = await page(BOXES, one.collection.snapshot(), "", ListOptions(limit=1))
    token = Continue.parse(metadata.continue_)
    second, _ = await page(BOXES, other.collection.snapshot(), "", ListOptions(limit=1, continue_=token))

    (event,) = await one.told_from(int(metadata.resource_version))

    assert [row.subject.labels["wood"] for row in (*first, *second)] == ["oak", "oak"]
    assert (event["type"], event["object"]["metadata"]["labels"]) == ("MODIFIED", {"wood": "ash"})
