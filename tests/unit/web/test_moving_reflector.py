"""A reflector of the served kinds through a restart and a change of replica; ours stands for any."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
import pytest

from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchedResource
from kubesum.kube.objects import Metadata
from kubesum.kube.reflector import reflect
from kubesum.vocabulary.resource import Key, Source
from tests.unit.web.fakeresources import BOXES, NOW, Endpoint, Served, Thing, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Box(msgspec.Struct, frozen=True):
    """What is kept of a box."""

    metadata: Metadata


KIND = WatchedResource(
    "boxes", "summary.kubesum.dev", "v1alpha1", "Box", Box, lambda box: box.metadata.labels.get("wood", "")
)


async def process(endpoint: Endpoint, world: World, *boxes: Thing) -> World:
    """A process that serves these boxes at the endpoint from now on."""
    world.engine.add((BOXES,))
    await world.put(Source.PODS, *boxes)
    endpoint.app = world.app()
    return world


class Copy:
    """What the reflector knows."""

    def __init__(self, news: AsyncIterator[SourceEvent[str]]) -> None:
        self.woods: dict[Key, str] = {}
        self.lists = 0
        self._found: dict[Key, str] | None = None
        self._news = news

    async def until(self, woods: dict[str, str]) -> None:
        """Returns once these boxes are known with their wood, and no others."""
        async with asyncio.timeout(15):
            while {name: wood for (_, name), wood in self.woods.items()} != woods:
                self._take(await anext(self._news))

    def _take(self, news: SourceEvent[str]) -> None:
        match news:
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


async def test_it_lists_again_after_a_restart(served: Served) -> None:
    """Section 15, item 10: a new process remembers nothing from before its start, and says so with 410."""
    old = await process(served.endpoint, World(tag=7), oak("a"), oak("b"))
    async with (
        await connect(kubeconfig(served.endpoint.kubeconfig, None)) as upstream,
        aclosing(reflect(upstream, KIND)) as news,
    ):
        copy = Copy(news)
        await copy.until({"a": "oak", "b": "oak"})

        await process(served.endpoint, World(tag=9, now=NOW + 60), oak("b", "ash"), oak("c"))
        old.engine.close()
        await copy.until({"b": "ash", "c": "oak"})

    assert copy.lists == 2


async def test_it_goes_on_at_another_replica_without_a_list(served: Served) -> None:
    """Section 15, item 10."""
    one = await process(served.endpoint, World(tag=7), oak("a"), oak("b"))
    one.now += 30
    async with (
        await connect(kubeconfig(served.endpoint.kubeconfig, None)) as upstream,
        aclosing(reflect(upstream, KIND)) as news,
    ):
        copy = Copy(news)
        await copy.until({"a": "oak", "b": "oak"})

        other = await process(served.endpoint, World(tag=9), oak("a"), oak("b"))
        other.now += 30
        other.engine.change(Source.PODS, oak("a"), None)
        await other.put(Source.PODS, oak("c"))
        one.engine.close()
        await copy.until({"b": "oak", "c": "oak"})

    assert copy.lists == 1
