"""Reflectors on the computed kinds: WatchList, and a list with a watch from its version; both converge."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.deltas import Deltas, SourceEvent, Synced, WatchedResource, WatchError
from kubesum.kube.objects.meta import Metadata
from kubesum.kube.reflector import reflect
from kubesum.vocabulary.resource import Key
from tests.clients.listwatch import INITIAL_EVENTS_END, Copy, connected
from tests.commands.running import Ready
from tests.hanging import HANGS_AFTER_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = "/apis/summary.kubesum.dev/v1alpha1"
PODS, NODES = f"{ROOT}/podsummaries", f"{ROOT}/nodesummaries"
NO_PODS = f"{ROOT}/namespaces/kube-public/podsummaries"
OWN_PODS, OWN_NODES = "/api/v1/namespaces/empty/pods", "/api/v1/nodes"


class Summary(msgspec.Struct, frozen=True):
    """What every computed object has."""

    metadata: Metadata


def version(summary: Summary) -> str:
    """The fact that is kept of an object: which state of it this is."""
    return summary.metadata.resource_version


POD_SUMMARIES = WatchedResource("podsummaries", "summary.kubesum.dev", "v1alpha1", "PodSummary", Summary, version)
NODE_SUMMARIES = WatchedResource("nodesummaries", "summary.kubesum.dev", "v1alpha1", "NodeSummary", Summary, version)


class Reflected:
    """The objects that news tell of."""

    def __init__(self, news: AsyncIterator[SourceEvent[str]]) -> None:
        self.versions: dict[Key, str] = {}
        self.is_complete = False
        self._news = news

    async def step(self) -> None:
        """Takes the next news over."""
        match await anext(self._news):
            case Deltas(changes):
                for key, fact in changes:
                    if fact is None:
                        del self.versions[key]
                    else:
                        self.versions[key] = fact
            case Synced():
                self.is_complete = True
            case WatchError() as trouble:
                raise AssertionError(trouble.error)

    async def completed(self) -> None:
        """Steps on until the initial state is whole."""
        async with asyncio.timeout(HANGS_AFTER_S):
            while not self.is_complete:
                await self.step()

    async def reaches(self, versions: dict[Key, str]) -> None:
        """Steps on until the objects are those of a list."""
        async with asyncio.timeout(HANGS_AFTER_S):
            while self.versions != versions:
                await self.step()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(demo: Ready) -> AsyncIterator[aiohttp.ClientSession]:
    """A connection to the demo's API server, which forwards what is about summaries."""
    async with connected(demo.kubeconfig) as session:
        yield session


async def created(session: aiohttp.ClientSession, *names: str) -> None:
    """Pods come that nobody schedules."""
    for name in names:
        container = {"name": "main", "image": "shop:1", "resources": {"requests": {"cpu": "250m"}}}
        pod = {"metadata": {"name": name}, "spec": {"schedulerName": "nobody", "containers": [container]}}
        async with session.post(OWN_PODS, json={"apiVersion": "v1", "kind": "Pod", **pod}) as answer:
            assert answer.status == 201, await answer.text()


async def deleted(session: aiohttp.ClientSession, *names: str) -> None:
    """Pods go at once."""
    for name in names:
        async with session.delete(f"{OWN_PODS}/{name}", params={"gracePeriodSeconds": "0"}) as answer:
            assert answer.status == 200, await answer.text()


async def labelled(session: aiohttp.ClientSession, node: str, value: str | None) -> None:
    """A node gets another label `tier`, or none."""
    headers = {"Content-Type": "application/merge-patch+json"}
    patch = msgspec.json.encode({"metadata": {"labels": {"tier": value}}})
    async with session.patch(f"{OWN_NODES}/{node}", data=patch, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


async def settled(session: aiohttp.ClientSession, path: str, key: Key, *, there: bool) -> Copy:
    """The list once an object has come or gone."""
    copy = Copy(session, path)
    await copy.list()
    async with copy.watch() as events:
        await copy.until(events, key, there=there)
    await copy.list()
    return copy


def versions_of(copy: Copy) -> dict[Key, str]:
    """The version of each object of a copy."""
    return {key: item["metadata"]["resourceVersion"] for key, item in copy.objects.items()}


async def test_a_reflector_of_watch_lists_converges_through_changes(
    demo: Ready, session: aiohttp.ClientSession
) -> None:
    async with (
        await connect(kubeconfig(demo.kubeconfig, None)) as upstream,
        aclosing(reflect(upstream, POD_SUMMARIES)) as news,
    ):
        reflected = Reflected(news)
        await reflected.completed()
        before = set(reflected.versions)

        await created(session, "fleeting", "staying")
        await reflected.reaches(versions_of(await settled(session, PODS, ("empty", "staying"), there=True)))
        await deleted(session, "fleeting")
        await reflected.reaches(versions_of(await settled(session, PODS, ("empty", "fleeting"), there=False)))

    assert len(before) > 70
    assert set(reflected.versions) - before == {("empty", "staying")}


async def test_a_reflector_of_nodes_sees_the_same_versions_as_a_list(
    demo: Ready, session: aiohttp.ClientSession
) -> None:
    async with (
        await connect(kubeconfig(demo.kubeconfig, None)) as upstream,
        aclosing(reflect(upstream, NODE_SUMMARIES)) as news,
    ):
        reflected = Reflected(news)
        await reflected.completed()
        old = reflected.versions["", "worker-b-08"]

        await labelled(session, "worker-b-08", "silver")
        async with asyncio.timeout(HANGS_AFTER_S):
            while reflected.versions["", "worker-b-08"] == old:
                await reflected.step()
        listed = Copy(session, NODES)
        await listed.list()
        await reflected.reaches(versions_of(listed))

    assert listed.objects["", "worker-b-08"]["metadata"]["labels"]["tier"] == "silver"
    assert len(reflected.versions) == 8


@pytest.mark.parametrize("page", [7, 500])
async def test_a_list_and_a_watch_converge_through_changes(session: aiohttp.ClientSession, page: int) -> None:
    copy = Copy(session, PODS, page)
    await copy.list()
    before = set(copy.objects)

    async with copy.watch() as events:
        await created(session, f"first-{page}", f"second-{page}")
        await copy.until(events, ("empty", f"second-{page}"), there=True)
        await deleted(session, f"first-{page}")
        await copy.until(events, ("empty", f"first-{page}"), there=False)
    listed = Copy(session, PODS)
    await listed.list()

    assert copy.objects == listed.objects
    assert set(copy.objects) - before == {("empty", f"second-{page}")}


async def test_a_watch_resumes_where_the_last_one_ended(session: aiohttp.ClientSession) -> None:
    copy = Copy(session, PODS)
    await copy.list()
    async with copy.watch() as events:
        await created(session, "before")
        await copy.until(events, ("empty", "before"), there=True)

    await created(session, "between")
    await deleted(session, "before")
    async with copy.watch() as events:
        await copy.until(events, ("empty", "between"), there=True)
        await copy.until(events, ("empty", "before"), there=False)
    listed = Copy(session, PODS)
    await listed.list()

    assert copy.objects == listed.objects


async def test_a_selected_copy_loses_what_no_longer_matches(session: aiohttp.ClientSession) -> None:
    """[W10]"""
    copy = Copy(session, f"{NODES}?labelSelector=tier%3Dgold")
    await copy.list()
    assert copy.objects == {}

    async with copy.watch() as events:
        await labelled(session, "cp-01", "gold")
        await copy.until(events, ("", "cp-01"), there=True)
        await labelled(session, "cp-01", None)
        await copy.until(events, ("", "cp-01"), there=False)

    assert copy.objects == {}


@pytest.mark.parametrize("path", [NO_PODS, NODES])
async def test_a_watch_list_ends_its_initial_state_even_when_it_is_empty(
    session: aiohttp.ClientSession, path: str
) -> None:
    copy, listed = Copy(session, path), Copy(session, path)
    await listed.list()
    types: list[str] = []

    async with copy.watch(sendInitialEvents="true", resourceVersionMatch="NotOlderThan") as events:
        async with asyncio.timeout(HANGS_AFTER_S):
            while not copy.bookmarks:
                types.append(await anext(events))

    assert copy.bookmarks == [{INITIAL_EVENTS_END: "true"}]
    assert types == ["ADDED"] * len(listed.objects) + ["BOOKMARK"]
    assert copy.objects == listed.objects


async def test_a_watch_says_where_it_stands_before_it_ends(session: aiohttp.ClientSession) -> None:
    """The last bookmark comes 2 s before the end, also when there is nothing to tell of."""

    async def watched(path: str) -> tuple[Copy, list[str]]:
        copy = Copy(session, path)
        await copy.list()
        async with copy.watch(timeoutSeconds="3") as events:
            return copy, [type_ async for type_ in events]

    async with asyncio.timeout(HANGS_AFTER_S):
        (empty, told), (nodes, _) = await asyncio.gather(watched(NO_PODS), watched(NODES))

    assert told == ["BOOKMARK"]
    assert empty.bookmarks == nodes.bookmarks == [{}]
    assert empty.version.isdigit()
