"""Watches of the real kubectl, through one server and through two replicas."""

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from kubesum.vocabulary.resource import Source
from tests.hanging import HANGS_AFTER_S
from tests.unit.web.fakeresources import BOXES, KUBECTL, NOW, Served, Thing, World

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def filled(served: Served) -> Served:
    """One box."""
    await served.world.put(Source.PODS, Thing("a", "attic", labels={"wood": "oak"}))
    return served


async def change(world: World, *things: Thing) -> None:
    """Adds or changes boxes, some time later."""
    world.now += 2
    await world.put(Source.PODS, *things)


async def drop(world: World, thing: Thing) -> None:
    """Removes a box, some time later."""
    world.now += 2
    world.engine.change(Source.PODS, thing, None)
    await world.engine.publish()


@asynccontextmanager
async def kubectl(served: Served, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A kubectl that runs until the block ends."""
    process = await asyncio.create_subprocess_exec(
        KUBECTL,
        *arguments,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(served.home),
            "KUBECONFIG": str(served.endpoint.kubeconfig),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def words(process: asyncio.subprocess.Process) -> list[str]:
    """The words of the next line that is printed."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), HANGS_AFTER_S)).decode().split()


class WatchBegun:
    """Wraps the application, and sets `begun` when a watch has begun."""

    def __init__(self, served: Served) -> None:
        self.begun = asyncio.Event()
        self._app = served.endpoint.app
        served.endpoint.app = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def observed(message: Any) -> None:
            await send(message)
            if b"watch=" in scope["query_string"] and message["type"] == "http.response.start":
                self.begun.set()

        await self._app(scope, receive, observed)


async def test_get_watch_prints_the_list_and_each_change(filled: Served) -> None:
    async with kubectl(filled, "get", "bx", "-n", "attic", "-w") as process:
        assert await words(process) == ["NAME", "SIZE"]
        assert await words(process) == ["a", "1"]
        await change(filled.world, Thing("bb", "attic"))
        assert await words(process) == ["bb", "2"]
        await drop(filled.world, Thing("bb", "attic"))
        assert await words(process) == ["bb", "2"]


async def test_get_watch_of_one_name_shows_its_first_change(filled: Served) -> None:
    """kubectl skips the first event, which repeats the object that it has printed."""
    watched = WatchBegun(filled)
    async with kubectl(filled, "get", "box", "a", "-n", "attic", "-w", "--no-headers", "--show-labels") as process:
        assert await words(process) == ["a", "1", "wood=oak"]
        await asyncio.wait_for(watched.begun.wait(), HANGS_AFTER_S)
        await change(filled.world, Thing("other", "attic"), Thing("a", "attic", labels={"wood": "ash"}))
        assert await words(process) == ["a", "1", "wood=ash"]


async def test_watch_only_prints_no_list(filled: Served) -> None:
    watched = WatchBegun(filled)
    async with kubectl(filled, "get", "bx", "-A", "--watch-only", "--output-watch-events", "--no-headers") as process:
        await asyncio.wait_for(watched.begun.wait(), HANGS_AFTER_S)
        await change(filled.world, Thing("bb", "attic"))
        lines = [await words(process)]
        if lines == [["ADDED", "attic", "a", "1"]]:
            lines.append(await words(process))

    assert lines[-1] == ["ADDED", "attic", "bb", "2"]


async def test_an_object_that_is_no_longer_selected_is_printed_as_deleted(filled: Served) -> None:
    """[W10]"""
    async with kubectl(filled, "get", "bx", "-A", "-w", "-l", "wood=oak", "--output-watch-events") as process:
        assert await words(process) == ["EVENT", "NAMESPACE", "NAME", "SIZE"]
        assert await words(process) == ["ADDED", "attic", "a", "1"]
        await change(filled.world, Thing("a", "attic", labels={"wood": "ash"}))
        assert await words(process) == ["DELETED", "attic", "a", "1"]


async def test_a_watch_of_objects_prints_them(filled: Served) -> None:
    async with kubectl(filled, "get", "bx", "-n", "attic", "-w", "-o", "name") as process:
        assert await words(process) == ["box.summary.kubesum.dev/a"]
        await change(filled.world, Thing("bb", "attic"))
        assert await words(process) == ["box.summary.kubesum.dev/bb"]


async def test_wait_for_a_value_ends_with_the_value(filled: Served) -> None:
    """[W7]"""
    watched = WatchBegun(filled)
    condition = "--for=jsonpath={.metadata.labels.wood}=ash"
    async with kubectl(filled, "wait", "box/a", "-n", "attic", condition, "--timeout=20s") as process:
        await asyncio.wait_for(watched.begun.wait(), HANGS_AFTER_S)
        await change(filled.world, Thing("a", "attic", labels={"wood": "ash"}))
        assert await words(process) == ["box.summary.kubesum.dev/a", "condition", "met"]
        assert await process.wait() == 0


async def test_wait_for_a_deletion_ends_with_the_deletion(filled: Served) -> None:
    """[W11]"""
    watched = WatchBegun(filled)
    async with kubectl(filled, "wait", "box/a", "-n", "attic", "--for=delete", "--timeout=20s") as process:
        await asyncio.wait_for(watched.begun.wait(), HANGS_AFTER_S)
        await drop(filled.world, Thing("a", "attic", labels={"wood": "oak"}))
        assert (await words(process))[:2] == ["box.summary.kubesum.dev/a", "condition"]
        assert await process.wait() == 0


class ChangesBeforeRequests:
    """Wraps the application, and makes many changes before each request for boxes, be it a page or a watch."""

    def __init__(self, served: Served) -> None:
        self.boxes: dict[str, Thing] = {}
        self.pages = 0
        self._created = 0
        self._served = served
        self._chance = random.Random(1)
        self._app = served.endpoint.app
        served.endpoint.app = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].endswith("/boxes"):
            self.pages += b"limit=" in scope["query_string"]
            await self.change(100)
        await self._app(scope, receive, send)

    async def change(self, times: int) -> None:
        """Boxes are created, changed and deleted, some of them several times before they are published."""
        self._served.world.now += 2
        for _ in range(times):
            name = f"box-{self._chance.randrange(1500):04}"
            if name in self.boxes and self._chance.random() < 0.3:
                self._set(name, None)
            else:
                self.set(name)
        await self._served.world.engine.publish()

    def set(self, name: str) -> None:
        """A box is created or changes."""
        self._created += 1
        old = self.boxes.get(name)
        uid = old.uid if old is not None else f"uid-{self._created}"
        self._set(name, Thing(name, "attic", uid, labels={"at": str(self._created)}))

    def _set(self, name: str, box: Thing | None) -> None:
        pods = self._served.world.things[Source.PODS]
        old = self.boxes.pop(name, None)
        pods.pop(("attic", name), None)
        if box is not None:
            self.boxes[name] = pods["attic", name] = box
        self._served.world.engine.change(Source.PODS, old, box)


async def test_watch_after_several_pages_prints_nothing_twice(served: Served) -> None:
    """[W11] After more than 500 rows, the last ten seconds were printed again."""
    changes = ChangesBeforeRequests(served)
    watched = WatchBegun(served)
    for number in range(1200):
        changes.set(f"box-{number:04}")
    await served.world.engine.publish()

    async def more_changes() -> None:
        await asyncio.wait_for(watched.begun.wait(), HANGS_AFTER_S)
        for _ in range(3):
            await changes.change(200)
        changes.set("last")
        await served.world.engine.publish()

    printed: dict[str, str] = {}
    lines: set[tuple[str, ...]] = set()

    watch = ("get", "bx", "-n", "attic", "-w", "--output-watch-events", "--no-headers", "--show-labels")
    async with kubectl(served, *watch) as process:
        changing = asyncio.create_task(more_changes())
        while (line := tuple(await words(process))) and line[1] != "last":
            event, name, _, label = line
            assert line not in lines
            lines.add(line)
            assert (event == "ADDED") == (name not in printed), line
            if event == "DELETED":
                assert printed.pop(name) == label
            else:
                assert printed.get(name) != label
                printed[name] = label
        await changing

    del changes.boxes["last"]
    assert printed == {name: f"at={box.labels['at']}" for name, box in changes.boxes.items()}
    assert changes.pages == 3


class Replicas:
    """Two servers of the same boxes behind one address, which get requests at random."""

    def __init__(self, served: Served) -> None:
        self.worlds = [World(now=NOW, tag=tag) for tag in (7, 8)]
        self._apps = [self._app(world) for world in self.worlds]
        self._chance = random.Random(1)
        served.endpoint.app = self

    @staticmethod
    def _app(world: World) -> Any:
        world.engine.add((BOXES,))
        return world.app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._chance.choice(self._apps)(scope, receive, send)

    async def change(self, *things: Thing) -> None:
        for world in self._chance.sample(self.worlds, 2):
            await change(world, *things)


async def test_a_list_and_watch_through_any_replica_lose_no_change(served: Served) -> None:
    """kubectl would end with an error if the version of the list had expired."""
    replicas = Replicas(served)
    for world in replicas.worlds:
        await world.engine.publish()
        world.now += 30
    await replicas.change(Thing("first", "attic"))

    for number in range(100):
        name = f"box-{number}"
        async with kubectl(served, "get", "bx", "-n", "attic", "-w", "--no-headers") as process:
            await words(process)
            await replicas.change(Thing(name, "attic"))
            # Recent changes are sent again if the watch is at another replica than the list.
            while (line := await words(process))[0] != name:
                assert line[0].startswith(("box-", "first"))
