"""Copies of clients that watch and reconnect: they become equal to a list, whatever changes."""

import asyncio
import json
import random
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from kubesum.api.requests.options import WatchOptions, watch_options
from kubesum.vocabulary.errors import Expired, ServiceUnavailable
from tests.unit.api.replicas import Replica
from tests.unit.web.fakeresources import BOXES, Thing


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
        self.objects = {row.key: dict(row.subject.labels) for row in snapshot.rows if selector.matches(BOXES, row)}
        self.lists += 1

    def take(self, event: dict[str, Any]) -> None:
        metadata = event["object"]["metadata"]
        version = int(metadata["resourceVersion"])
        assert version >= self.version, "time goes back"
        self.version = version
        key = metadata.get("namespace", ""), metadata.get("name", "")
        match event["type"]:
            case "ADDED" | "MODIFIED":
                self.objects[key] = dict(metadata.get("labels", {}))
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
