"""Watches over HTTP: the bytes, when they are sent, and how the response ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio

from kubesum.rollups.store import Store
from kubesum.vocabulary.resource import Source, Unavailable
from tests.hanging import HANGS_AFTER_S
from tests.unit.web.fakeresources import BOXES, Served, Thing

pytestmark = pytest.mark.asyncio(loop_scope="module")

V = "/apis/summary.kubesum.dev/v1alpha1"
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest_asyncio.fixture(loop_scope="module")
async def filled(served: Served) -> Served:
    """Two boxes."""
    await served.world.put(Source.PODS, Thing("a", "attic"), Thing("bb", "cellar"))
    return served


def boxes(served: Served) -> Store:
    return next(c for c in served.world.engine.catalogue.stores if c.resource is BOXES)


async def put(served: Served, *things: Thing) -> None:
    """Adds or changes boxes, two seconds later."""
    served.world.now += 2
    await served.world.put(Source.PODS, *things)


class Wire:
    """A connection on which one request was sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> list[str]:
        """The status line and the headers."""
        return (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()[:-1]

    async def chunk(self) -> bytes:
        """The next chunk; empty for the terminating one."""
        size = int(await self.reader.readline(), 16)
        content = await self.reader.readexactly(size)
        assert await self.reader.readexactly(2) == b"\r\n"
        return content

    async def events(self) -> list[dict[str, Any]]:
        """The events of the next chunk."""
        chunk = await self.chunk()
        assert chunk.endswith(b"\n")
        return [json.loads(line) for line in chunk.splitlines()]


@asynccontextmanager
async def wire(served: Served, path: str, method: str = "GET", accept: str = "*/*") -> AsyncIterator[Wire]:
    """Sends a request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served.endpoint.port, ssl=served.endpoint.tls)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: test\r\nAccept: {accept}\r\n\r\n".encode())
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


def types_and_names(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


async def test_the_head_comes_before_there_is_an_event(served: Served) -> None:
    """[W2]"""
    async with wire(served, f"{V}/boxes?watch=true") as connection:
        head = await connection.head()

        assert head[0] == "HTTP/1.1 200 OK"
        assert "content-type: application/json" in head
        assert "transfer-encoding: chunked" in head
        assert not any(line.startswith("content-length") for line in head)


async def test_events_are_lines(filled: Served) -> None:
    """[W1] [W3] [W5]"""
    async with wire(filled, f"{V}/boxes?watch=true") as connection:
        await connection.head()
        initial = await connection.events()
        await put(filled, Thing("ccc", "attic"))
        later = await connection.events()

    assert types_and_names(initial) == [("ADDED", "a"), ("ADDED", "bb")]
    assert later == [
        {
            "type": "ADDED",
            "object": {
                "apiVersion": "summary.kubesum.dev/v1alpha1",
                "kind": "Box",
                "metadata": {
                    "name": "ccc",
                    "namespace": "attic",
                    "uid": later[0]["object"]["metadata"]["uid"],
                    "resourceVersion": "1790000002000000007",
                    "creationTimestamp": "2026-09-21T14:00:00Z",
                },
                "status": {"size": 3},
            },
        }
    ]


async def test_a_watch_continues_from_the_version_of_a_list(filled: Served) -> None:
    """[W5] [W12]"""
    listed = (await filled.request(f"{V}/namespaces/attic/boxes")).json["metadata"]["resourceVersion"]
    await put(filled, Thing("bb", "cellar", labels={"not": "seen"}), Thing("ccc", "attic"))
    async with wire(filled, f"{V}/namespaces/attic/boxes?watch=1&resourceVersion={listed}") as connection:
        await connection.head()

        assert types_and_names(await connection.events()) == [("ADDED", "ccc")]


async def test_a_watch_that_times_out_is_a_complete_response(served: Served) -> None:
    """[W8] The connection can be used for the next request."""
    async with wire(served, f"{V}/boxes?watch=true&timeoutSeconds=1") as connection:
        await connection.head()
        assert await connection.chunk() == b""

        connection.writer.write(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n")
        assert (await connection.head())[0] == "HTTP/1.1 200 OK"


async def test_the_last_bookmark_comes_before_the_end(served: Served) -> None:
    """[W6]"""
    async with wire(served, f"{V}/boxes?watch=true&allowWatchBookmarks=true&timeoutSeconds=3") as connection:
        await connection.head()
        (bookmark,) = await connection.events()

        assert bookmark == {
            "type": "BOOKMARK",
            "object": {
                "kind": "Box",
                "apiVersion": "summary.kubesum.dev/v1alpha1",
                "metadata": {"resourceVersion": str(boxes(served).version()), "creationTimestamp": None},
            },
        }
        assert await connection.chunk() == b""


async def test_the_initial_events_of_an_empty_collection_end_at_once(served: Served) -> None:
    """[W7]"""
    query = "watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
    async with wire(served, f"{V}/boxes?{query}", accept="application/json;stream=watch") as connection:
        await connection.head()
        (bookmark,) = await connection.events()

    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert bookmark["object"]["kind"] == "Box"


async def test_a_table_can_be_watched(filled: Served) -> None:
    """[T7]"""
    async with wire(filled, f"{V}/boxes?watch=true", accept=TABLE) as connection:
        await connection.head()
        first, second = await connection.events()

    assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["NAME", "SIZE"]
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"] == ["bb", 2]


async def test_a_watch_is_never_compressed(filled: Served) -> None:
    """[N6]"""
    answer = await filled.request(f"{V}/boxes?watch=true&timeoutSeconds=1", accept_encoding="gzip")

    assert "content-encoding" not in answer.headers
    assert types_and_names([json.loads(line) for line in answer.body.splitlines()]) == [
        ("ADDED", "a"),
        ("ADDED", "bb"),
    ]


async def test_head_of_a_watch_ends_at_once(filled: Served) -> None:
    """[L11]"""
    answer = await filled.request(f"{V}/boxes?watch=true", "HEAD")

    assert (answer.code, answer.body) == (200, b"")


REFUSED = {
    "resourceVersion=5": (410, "Expired"),
    "resourceVersion=99999999999999999999": (400, "BadRequest"),
    "resourceVersion=1890000000000000007": (504, "Timeout"),
    "resourceVersion=x": (400, "BadRequest"),
    "sendInitialEvents=true": (422, "Invalid"),
    "resourceVersionMatch=NotOlderThan": (422, "Invalid"),
    "labelSelector=%21%21": (400, "BadRequest"),
    "timeoutSeconds=x": (400, "BadRequest"),
}


@pytest.mark.parametrize("query", REFUSED)
async def test_a_watch_with_invalid_options_is_refused(filled: Served, query: str) -> None:
    """[W4] [W9]"""
    answer = await filled.request(f"{V}/boxes?watch=true&{query}")

    assert (answer.code, answer.json["reason"]) == REFUSED[query]
    assert answer.json["kind"] == "Status"


async def test_a_watch_is_json_only(filled: Served) -> None:
    """[W2]"""
    answer = await filled.request(f"{V}/boxes?watch=true", accept="application/yaml")

    assert (answer.code, answer.json["reason"]) == (406, "NotAcceptable")


async def test_a_watch_before_the_data_are_synced_is_503(served: Served) -> None:
    """[E5]"""
    served.world.not_synced = Unavailable("the initial list of pods is not complete yet", transient=True)

    answer = await served.request(f"{V}/boxes?watch=true")

    assert (answer.code, answer.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("path", ["boxes", "namespaces/attic/boxes", "namespaces/attic/boxes/a"])
async def test_the_deprecated_paths_are_not_served(filled: Served, path: str) -> None:
    """[W1]"""
    assert (await filled.request(f"{V}/watch/{path}")).code == 404


async def test_a_watch_ends_whole_when_its_resource_goes(filled: Served) -> None:
    async with wire(filled, f"{V}/boxes?watch=true") as connection:
        await connection.head()
        await connection.chunk()
        filled.world.engine.remove(BOXES.plural)

        assert await connection.chunk() == b""


async def test_all_watches_can_be_ended_whole(filled: Served) -> None:
    async with wire(filled, f"{V}/boxes?watch=true") as one, wire(filled, f"{V}/shelves?watch=true") as other:
        await one.head()
        await one.chunk()
        await other.head()
        filled.world.engine.close()

        assert (await one.chunk(), await other.chunk()) == (b"", b"")


async def test_a_client_that_leaves_is_forgotten(filled: Served) -> None:
    finished = asyncio.Event()
    app = filled.endpoint.app

    async def observed(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        finished.set()

    filled.endpoint.app = observed
    async with wire(filled, f"{V}/boxes?watch=true") as connection:
        await connection.head()
        await connection.chunk()
        assert not finished.is_set()

    await asyncio.wait_for(finished.wait(), HANGS_AFTER_S)
