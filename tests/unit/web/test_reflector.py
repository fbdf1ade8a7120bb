"""A reflector of a served resource through a restart and a change of replica; that of kubesum stands for any."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
import pytest

from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchedResource
from kubesum.kube.objects.meta import Metadata
from kubesum.kube.reflector import reflect
from kubesum.vocabulary.resource import Key, Source
from tests.hanging import HANGS_AFTER_S
from tests.unit.web.fakeresources import BOXES, NOW, Endpoint, Served, Thing, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Box(msgspec.Struct, frozen=True):
    """The decoded part of a box."""

    metadata: Metadata


KIND = WatchedResource(
    "boxes", "summary.kubesum.dev", "v1alpha1", "Box", Box, lambda box: box.metadata.labels.get("wood", "")
)


async def serve(endpoint: Endpoint, world: World, *boxes: Thing) -> World:
    """Replaces the application of the endpoint by one that serves these boxes."""
    world.engine.add((BOXES,))
    await world.put(Source.PODS, *boxes)
    endpoint.app = world.app()
    return world


class ReflectorStore:
    """The store of the reflector."""

    def __init__(self, events: AsyncIterator[SourceEvent[str]]) -> None:
        self.woods: dict[Key, str] = {}
        self.lists = 0
        self._found: dict[Key, str] | None = None
        self._events = events

    async def until(self, woods: dict[str, str]) -> None:
        """Returns when the store has these boxes with their wood, and no others."""
        async with asyncio.timeout(HANGS_AFTER_S):
            while {name: wood for (_, name), wood in self.woods.items()} != woods:
                self._apply(await anext(self._events))

    def _apply(self, event: SourceEvent[str]) -> None:
        match event:
            case ListStarted():
                self._found = {}
            case Deltas(changes):
                target = self.woods if self._found is None else self._found
                for key, wood in changes:
                    if wood is None:
                        target.pop(key, None)
                    else:
                        target[key] = wood
            case Synced():
                assert self._found is not None
                self.woods, self._found = self._found, None
                self.lists += 1


def oak(name: str, wood: str = "oak") -> Thing:
    return Thing(name, labels={"wood": wood})


async def test_a_reflector_relists_after_a_restart(served: Served) -> None:
    """Section 15, item 10: a new process has no events from before its start, and answers 410."""
    old = await serve(served.endpoint, World(tag=7), oak("a"), oak("b"))
    async with (
        await connect(kubeconfig(served.endpoint.kubeconfig, None)) as upstream,
        aclosing(reflect(upstream, KIND)) as events,
    ):
        store = ReflectorStore(events)
        await store.until({"a": "oak", "b": "oak"})

        await serve(served.endpoint, World(tag=9, now=NOW + 60), oak("b", "ash"), oak("c"))
        old.engine.close()
        await store.until({"b": "ash", "c": "oak"})

    assert store.lists == 2


async def test_a_reflector_lists_again_at_another_replica(served: Served) -> None:
    """[W5] Section 15, item 10."""
    one = await serve(served.endpoint, World(tag=7), oak("a"), oak("b"))
    one.now += 30
    async with (
        await connect(kubeconfig(served.endpoint.kubeconfig, None)) as upstream,
        aclosing(reflect(upstream, KIND)) as events,
    ):
        store = ReflectorStore(events)
        await store.until({"a": "oak", "b": "oak"})

        other = await serve(served.endpoint, World(tag=9), oak("a"), oak("b"))
        other.now += 30
        other.engine.change(Source.PODS, oak("a"), None)
        await other.put(Source.PODS, oak("c"))
        one.engine.close()
        await store.until({"b": "oak", "c": "oak"})

    assert store.lists == 2
