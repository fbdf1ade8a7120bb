"""A client that moves its watch between replicas at random, and the replicas, which receive the same changes.

Replicas receive and publish each change at times of their own, and may restart; the client is cut off after any
event, reads slowly, or stays away. Its copy must become equal to a list all the same, without listing again unless it
was told to.
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

from kubesum.api.representations.objects import ENCODER, object_of
from kubesum.api.requests.options import watch_options
from kubesum.vocabulary.errors import Expired, ServiceUnavailable
from kubesum.vocabulary.resource import Column, ComputedResource, FieldSelector, Fold, Key, Source
from kubesum.vocabulary.tally import Contribution, Tally
from tests.unit.api.replicas import Replica, versions
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


@dataclass(frozen=True)
class Watched:
    """What a client watches."""

    resource: ComputedResource
    query: dict[str, str]


WATCHED = {
    "boxes": Watched(BOXES, {}),
    "oaks": Watched(BOXES, {"labelSelector": "wood=oak"}),
    "named": Watched(BOXES, {"fieldSelector": "metadata.name=a"}),
    "piles": Watched(PILES, {}),
    "pairs": Watched(PILES, {"fieldSelector": "status.boxes=2"}),
}
"""Everything, and what is selected by labels, by name and by a field of the status."""


@dataclass
class History:
    """The changes of a few boxes, and replicas which receive them at times of their own."""

    chance: random.Random
    replicas: list[Replica]
    now: float = NOW + 30
    changes: list[tuple[float, Key, Thing | None]] = field(default_factory=list)
    boxes: dict[Key, Thing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.received = [0 for _ in self.replicas]
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

    async def restart(self) -> Replica:
        """Gives a replica that ended; it restarts with what it had received and none of its events."""
        index = self.chance.randrange(len(self.replicas))
        old = self.replicas[index]
        # It is complete two seconds after its start.
        new = Replica(old.tag, old.world.now - 2, old.resource, dict(old.boxes))
        self.replicas[index] = await new.start()
        return old

    async def settle(self) -> None:
        """All replicas receive and publish everything."""
        self.now += 4
        for index, replica in enumerate(self.replicas):
            self._receive(index, len(self.changes))
            self.received[index] = len(self.changes)
            replica.world.now = self.now + self.skews[index] - 2
            await replica.store.catch_up()
            await flush(replica)


async def flush(*replicas: Replica) -> None:
    """Each replica publishes what is due, and two seconds later what had to rest."""
    for replica in replicas:
        await replica.world.engine.publish()
        replica.world.now += 2
        await replica.world.engine.publish()


class Client:
    """A client that keeps a copy from one watch after the other, each cut off at any event."""

    def __init__(self, query: dict[str, str], replica: Replica) -> None:
        self.query = query
        self.replica = replica
        self.moves = 0
        self.lists = 0
        self._inbox: deque[str] = deque()
        self._reading: asyncio.Task[None] | None = None
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._list(replica)

    def _list(self, replica: Replica) -> None:
        """Lists everything that is selected."""
        self.version = replica.version
        self.copy = shown(replica, self.query)
        self.lists += 1

    async def move(self, replica: Replica) -> None:
        """The watch ends, and continues on a replica. Events that were not read yet are lost.

        The client lists again on 410; it goes without a watch on 503.
        """
        await self.stop()
        self.replica = replica
        # As each request does: a replica that nobody has asked for minutes computes no rows.
        await replica.store.catch_up()
        try:
            lines = await self._watch(replica)
        except Expired:
            self._list(replica)
            lines = await self._watch(replica)
        except ServiceUnavailable:
            return
        self.moves += 1
        self._reading = asyncio.create_task(self._read(lines))

    async def _watch(self, replica: Replica) -> AsyncGenerator[bytes, None]:
        return await replica.watch({**self.query, "resourceVersion": str(self.version)})

    @property
    def is_watching(self) -> bool:
        """Whether its last move got a watch that has not ended."""
        return self._reading is not None and not self._reading.done()

    def pause(self) -> None:
        """Reads nothing until `resume`: what changes meanwhile waits in the replica."""
        self._may_read.clear()

    def resume(self) -> None:
        """Reads what comes from now on."""
        self._may_read.set()

    async def stop(self) -> None:
        """Ends the watch."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait((self._reading,))
        self._reading = None
        self._inbox.clear()

    async def _read(self, lines: AsyncGenerator[bytes, None]) -> None:
        async with aclosing(lines):
            async for chunk in lines:
                self._inbox.extend(chunk.decode().splitlines())
                await self._may_read.wait()

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


@dataclass(frozen=True)
class Walk:
    """A random walk: what is watched, over how many replicas, and what happens besides changes and moves."""

    watched: str
    seed: int
    replicas: int = 2
    rounds: int = 200
    restarts: float = 0.0
    """How likely a replica restarts in a round."""
    pauses: float = 0.1
    """How likely the client reads nothing, or stays away, for up to a minute in a round."""

    async def run(self) -> Client:
        """Compares the client's copy with what the replicas list, after each round in which it has a watch."""
        watched = WATCHED[self.watched]
        chance = random.Random(repr(self))
        replicas = [Replica(7 + index, resource=watched.resource) for index in range(self.replicas)]
        for replica in replicas:
            await replica.start()
            replica.world.now = NOW + 30
        history = History(chance, replicas)
        client = Client(watched.query, replicas[0])
        for _ in range(self.rounds):
            await self._round(history, client)
            if client.is_watching:
                lists = [shown(replica, watched.query) for replica in replicas]
                assert all(client.copy == listed for listed in lists), self
        await client.stop()
        return client

    async def _round(self, history: History, client: Client) -> None:
        chance = history.chance
        for _ in range(chance.randint(1, 4)):
            if chance.random() < 0.4:
                history.change()
            await history.pass_time()
            await client.apply_events(chance.choice((0, 2, None)))
            if chance.random() < self.restarts and await history.restart() is client.replica:
                await client.stop()
            if chance.random() < self.pauses:
                await self._pause(history, client)
            if chance.random() < 0.5:
                await client.move(chance.choice(history.replicas))
        await history.settle()
        await client.apply_events()

    async def _pause(self, history: History, client: Client) -> None:
        """The client reads nothing for a while, or has no watch."""
        client.pause()
        if history.chance.random() < 0.5:
            await client.stop()
        for _ in range(history.chance.randint(1, 240)):
            if history.chance.random() < 0.2:
                history.change()
            await history.pass_time()
        client.resume()
        await client.apply_events(history.chance.choice((0, 1, 2, None)))
