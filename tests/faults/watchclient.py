"""A client of one kind over HTTP that lists and watches, on whichever server it is pointed at."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.faults.childserver import MASTER, NAMESPACES, ChildServer
from tests.hanging import HANGS_AFTER_S
from tests.serving.runningserver import identity

_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_read=HANGS_AFTER_S)


def version_of(found: Any) -> int:
    """The resourceVersion of an object or a list."""
    return int(found["metadata"]["resourceVersion"])


def names_in(found: Any) -> set[str]:
    """The names of the items of a list."""
    return {item["metadata"]["name"] for item in found["items"]}


@asynccontextmanager
async def watch(child: ChildServer, query: str) -> AsyncIterator[aiohttp.StreamReader]:
    """The lines of a watch of the summaries of namespaces; asks again as often as the server says when."""
    server = child.server
    url = f"https://127.0.0.1:{server.port}{NAMESPACES}?watch=true&{query}"
    async with server.session(server.front_proxy) as session:
        while True:
            async with session.get(
                url, headers=dict(identity(*MASTER)), server_hostname=server.name, timeout=_TIMEOUT
            ) as answer:
                if answer.status == 200:
                    yield answer.content
                    return
                assert answer.status in (503, 504), await answer.read()
                # As client-go does it.
                await asyncio.sleep(float(answer.headers["Retry-After"]))


async def events_until(lines: aiohttp.StreamReader, *names: str) -> list[Any]:
    """The objects of the events that a watch sends until it has sent one of each of these."""
    found, missing = [], set(names)
    while missing:
        event = json.loads(await lines.readline())
        assert event["type"] in ("ADDED", "MODIFIED", "DELETED"), event
        found.append(event["object"])
        missing.discard(event["object"]["metadata"]["name"])
    return found
