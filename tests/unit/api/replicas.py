"""Replicas that serve boxes without a network, and the events of their watches."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include, watch_options
from kubesum.api.watch.watching import Watches, WatchRequest
from kubesum.rollups.store import Store
from kubesum.vocabulary.resource import ComputedResource, Key, Source
from tests.unit.web.fakeresources import BOXES, NOW, Thing, World

JSON = Representation(Form.OBJECT)

TypeAndName = tuple[str, str]
"""(type, name) of an event."""


@dataclass
class Replica:
    """A replica that serves boxes, without a network."""

    tag: int = 7
    now: float = NOW
    resource: ComputedResource = BOXES
    boxes: dict[tuple[str, str], Thing] = field(default_factory=dict)

    async def start(self, *boxes: Thing) -> "Replica":
        self.world = World(now=self.now, tag=self.tag)
        self.world.things[Source.PODS] = self.boxes
        self.world.engine.add((self.resource,))
        self.watches = Watches(lambda: self.world.now)
        await self.put(*boxes)
        return self

    @property
    def store(self) -> Store:
        return self.world.engine.catalogue.stores[0]

    @property
    def version(self) -> int:
        return self.store.version()

    async def put(self, *boxes: Thing) -> None:
        """The boxes are created or change, two seconds after the last change."""
        self.world.now += 2
        await self.store.catch_up()
        for box in boxes:
            self.apply((box.namespace, box.name), box)
        await self.world.engine.publish()

    async def drop(self, name: str, namespace: str = "") -> None:
        """A box is deleted, two seconds after the last change."""
        self.world.now += 2
        self.apply((namespace, name), None)
        await self.world.engine.publish()

    def apply(self, key: Key, box: Thing | None) -> None:
        """A box is created, changed, or deleted (None), and nothing is published."""
        old = self.boxes.pop(key, None)
        if box is not None:
            self.boxes[key] = box
        if old is not None or box is not None:
            self.world.engine.change(Source.PODS, old, box)

    async def watch(
        self,
        query: dict[str, str],
        namespace: str = "",
        representation: Representation = JSON,
        include: Include = Include.METADATA,
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a watch with the parameters of `query`."""
        options = watch_options(query, self.resource)
        return await self.watches.open(WatchRequest(self.store, namespace, options, representation, include))

    async def events_from(self, version: int, **query: str) -> list[dict[str, Any]]:
        """The events that a watch from `version` sends before it has to wait."""
        async with aclosing(await self.watch({"resourceVersion": str(version)} | query)) as lines:
            return await ready(lines)


async def ready(lines: AsyncGenerator[bytes, None]) -> list[dict[str, Any]]:
    """The events that are sent without waiting; ends the watch."""
    events: list[dict[str, Any]] = []

    async def read() -> None:
        async for chunk in lines:
            events.extend(map(json.loads, chunk.splitlines()))

    reading = asyncio.ensure_future(read())
    for _ in range(50):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return events


def names(events: list[dict[str, Any]]) -> list[TypeAndName]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def versions(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
