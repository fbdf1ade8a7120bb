"""A reflector that checks each event as client-go's would see it, over replicas that take turns and restart.

It keeps a store by uid (k8s.io/client-go/tools/cache/reflector.go: list, watch with bookmarks, list again on 410),
and records what kube-apiserver never sends: DELETED of an object that lives or is unknown, ADDED of one that is
known, and versions that go back.
"""

import json
import random
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubesum.api.lists.freshness import not_older_than
from kubesum.api.lists.paging import page, snapshot_of
from kubesum.api.lists.selections import Selections
from kubesum.api.representations.objects import ENCODER, object_of
from kubesum.api.requests.options import Continue, ListOptions, watch_options
from kubesum.operations.pacer import Turns
from kubesum.rollups.rows import served
from kubesum.vocabulary.errors import Expired, ServiceUnavailable
from kubesum.vocabulary.resource import Key
from tests.leaping import leaping
from tests.unit.api.replicas import Replica, ready
from tests.unit.web.fakeresources import NOW, Thing

Object = dict[str, Any]


@dataclass
class Reflector:
    """The store of a client, its version, and the events that it should not have been sent."""

    query: dict[str, str]
    page_size: int | None
    """None: lists are streamed as the beginning of a watch (WatchList)."""
    objects: dict[Key, Object] = field(default_factory=dict)
    version: int = 0
    lists: int = 0
    violations: list[str] = field(default_factory=list)

    async def relist(self, replica: Replica) -> None:
        """Lists from a version that is not older, in pages if any will do."""
        if self.page_size is None:
            items, version = await self._stream(replica)
        else:
            items, version = await self._pages(replica, self.page_size)
        self._check("the version of a list goes back", version >= self.version)
        for item in items:
            known = self.objects.get(key_of(item), item)
            self._check("a listed object goes back", version_of(item) >= version_of(known))
        self.objects = {key_of(item): item for item in items}
        self.version = version
        self.lists += 1

    async def _stream(self, replica: Replica) -> tuple[list[Object], int]:
        initial = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        query = {**self.query, **initial, "resourceVersion": str(self.version), "allowWatchBookmarks": "true"}
        async with aclosing(await replica.watch(query)) as lines:
            *added, end = await ready(lines)
        self._check("the initial events end with a bookmark", end["type"] == "BOOKMARK")
        self._check("the initial events are ADDED", all(event["type"] == "ADDED" for event in added))
        return [event["object"] for event in added], version_of(end["object"])

    async def _pages(self, replica: Replica, size: int) -> tuple[list[Object], int]:
        if self.version:
            await not_older_than(self.version, replica.store, lambda: replica.world.now)
        items, version, token = await self._page(replica, size, None)
        while token is not None:
            more, later, token = await self._page(replica, size, token)
            items += more
            self._check("the pages of a list have one version", later == version)
        return items, version

    async def _page(
        self, replica: Replica, size: int, token: Continue | None
    ) -> tuple[list[Object], int, Continue | None]:
        selector = watch_options(self.query, replica.resource).selector
        options = ListOptions(limit=size, continue_=token, selector=selector)
        snapshot = snapshot_of(replica.store, token)
        parts, metadata = await page(replica.resource, snapshot, "", options, Selections(0, Turns(1)))
        items = [decoded(replica, served(row, snapshot.floor)) for part in parts for row in part]
        for item in items:
            self._check("an item is newer than its list", version_of(item) <= int(metadata.resource_version))
        next_token = Continue.parse(metadata.continue_) if metadata.continue_ else None
        return items, int(metadata.resource_version), next_token

    async def follow(self, replica: Replica) -> None:
        """Watches from its version as long as there are events; lists again on 410."""
        query = {**self.query, "resourceVersion": str(self.version), "allowWatchBookmarks": "true"}
        try:
            lines = await replica.watch(query)
        except Expired:
            await self.relist(replica)
            lines = await replica.watch(query | {"resourceVersion": str(self.version)})
        async with aclosing(lines):
            for event in await ready(lines):
                self.take(event["type"], event["object"])

    def take(self, type_: str, item: Object) -> None:
        """Takes one event over."""
        known = self.objects.get(key_of(item))
        is_same = known is not None and known["metadata"]["uid"] == item["metadata"]["uid"]
        self._check(f"{type_} with a version that goes back", version_of(item) > self.version)
        self.version = version_of(item)
        match type_:
            case "ADDED":
                self._check("ADDED of a key that is known", known is None)
                self.objects[key_of(item)] = item
            case "MODIFIED":
                self._check("MODIFIED of an unknown object", is_same)
                self.objects[key_of(item)] = item
            case "DELETED":
                self._check("DELETED of an unknown object", is_same)
                self.objects.pop(key_of(item), None)
            case _:
                self.violations.append(type_)

    def _check(self, what: str, holds: bool) -> None:
        if not holds:
            self.violations.append(what)


def decoded(replica: Replica, row: Any) -> Object:
    found: Object = json.loads(ENCODER.encode(object_of(replica.resource, row)))
    return found


def key_of(item: Object) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def version_of(item: Object) -> int:
    return int(item["metadata"]["resourceVersion"])


def listed(replica: Replica, query: dict[str, str]) -> dict[Key, Object]:
    """What an unlimited list of the replica contains."""
    selects = watch_options(query, replica.resource).selector.predicate(replica.resource)
    snapshot = replica.store.snapshot()
    return {row.key: decoded(replica, served(row, snapshot.floor)) for row in snapshot.rows if selects(row)}


def without_versions(objects: dict[Key, Object]) -> dict[Key, Object]:
    """The objects but for their versions, which other clients of several replicas may raise."""
    return {key: {**item, "metadata": {**item["metadata"], "resourceVersion": ""}} for key, item in objects.items()}


@dataclass
class Cluster:
    """Boxes that come, change several times before they are published, and go; two replicas receive all of it."""

    chance: random.Random
    replicas: list[Replica]
    boxes: dict[Key, Thing] = field(default_factory=dict)
    created: int = 0
    now: float = NOW + 30

    async def change(self) -> None:
        """A few changes, which each replica publishes at times of its own."""
        for _ in range(self.chance.randint(1, 6)):
            key, box = self._any_change()
            for replica in self.replicas:
                replica.apply(key, box)
                if self.chance.random() < 0.2:
                    await replica.world.engine.publish()
        self.now += self.chance.uniform(0.05, 0.6)
        for replica in self.replicas:
            replica.world.now = max(replica.world.now, self.now + self.chance.uniform(-0.5, 0.5))
            await replica.world.engine.publish()

    def _any_change(self) -> tuple[Key, Thing | None]:
        key = "", f"box-{self.chance.randrange(30):02}"
        box = self.boxes.get(key)
        if box is not None and self.chance.random() < 0.3:
            del self.boxes[key]
            return key, None
        self.created += box is None
        uid = box.uid if box is not None else f"uid-{self.created}"
        wood = self.chance.choice(("oak", "ash"))
        box = self.boxes[key] = Thing(key[1], uid=uid, labels={"wood": wood, "at": str(self.chance.random())})
        return key, box

    async def settle(self) -> None:
        """All replicas publish everything."""
        self.now += 4
        for replica in self.replicas:
            replica.world.now = self.now
            await replica.world.engine.publish()

    async def restart(self) -> Replica:
        """One of several replicas starts again, with what there is now."""
        index = self.chance.randrange(len(self.replicas))
        fresh = await Replica(self.chance.randint(1, 999), now=self.now).start(*self.boxes.values())
        self.replicas[index] = fresh
        return fresh


async def cluster_of(chance: random.Random, count: int) -> Cluster:
    replicas = [await Replica(tag).start() for tag in range(7, 7 + count)]
    for replica in replicas:
        replica.world.now = NOW + 30
    return Cluster(chance, replicas)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("query", [{}, {"labelSelector": "wood=oak"}], ids=["all", "oaks"])
@pytest.mark.parametrize("page_size", [0, 5, None], ids=["whole", "pages", "streamed"])
async def test_one_replica_is_exactly_as_kube_apiserver(
    query: dict[str, str], page_size: int | None, seed: int
) -> None:
    """[W12] After a list in pages, objects that lived were DELETED, and known ones ADDED."""
    chance = random.Random(f"{query} {page_size} {seed}")
    cluster = await cluster_of(chance, 1)
    reflector = Reflector(query, page_size)
    (replica,) = cluster.replicas

    for _ in range(150):
        await cluster.change()
        if not reflector.version or chance.random() < 0.05:
            await reflector.relist(replica)
            await cluster.change()
        await reflector.follow(replica)
        if chance.random() < 0.1:
            await cluster.settle()
            await reflector.follow(replica)
            assert reflector.objects == listed(replica, query)

    assert reflector.violations == []


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("query", [{}, {"labelSelector": "wood=oak"}], ids=["all", "oaks"])
@pytest.mark.parametrize("page_size", [0, 5, None], ids=["whole", "pages", "streamed"])
def test_replicas_that_take_turns_and_restart_send_nothing_false(
    query: dict[str, str], page_size: int | None, seed: int
) -> None:
    """[W5] A change of replica, or a restart, sent DELETED of living and of unknown objects."""

    async def main() -> None:
        chance = random.Random(f"{query} {page_size} {seed}")
        cluster = await cluster_of(chance, 2)
        reflector = Reflector(query, page_size)
        replica = cluster.replicas[0]
        await reflector.relist(replica)

        for _ in range(150):
            await cluster.change()
            if chance.random() < 0.1:
                await cluster.restart()
            if replica not in cluster.replicas or chance.random() < 0.2:
                replica = chance.choice(cluster.replicas)
            await reflector.follow(replica)
            if chance.random() < 0.1:
                await cluster.settle()
                await reflector.follow(replica)
                assert without_versions(reflector.objects) == without_versions(listed(replica, query))

        assert reflector.violations == []
        assert reflector.lists > 10

    leaping(main())


async def test_a_page_is_asked_for_again_until_the_first_replica_gives_it() -> None:
    chance = random.Random(1)
    cluster = await cluster_of(chance, 2)
    for _ in range(10):
        await cluster.change()
    one, other = cluster.replicas
    first = snapshot_of(one.store, None)
    token = Continue(first.version, first.rows[2].key)
    await cluster.change()

    with pytest.raises(ServiceUnavailable):
        snapshot_of(other.store, token)

    assert [*snapshot_of(one.store, token).rows] == [*first.rows]
