"""A real server on a real TLS socket, over a small world of shelves and boxes.

One server serves all tests of a module, since its end takes a while; each test has a world and an
application of its own.
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import uvicorn

from kubesum.edge.tls.certificates import authority, client, serving
from kubesum.edge.tls.servertls import mutual_tls_context
from kubesum.web.app import create_app
from tests.unit.web.fakeresources import (
    BOXES,
    EVERYBODY,
    SHELVES,
    Endpoint,
    Served,
    UvicornServer,
    World,
    client_context,
    write_kubeconfig,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoint]:
    """A server that serves whatever application is put into it, and a client that it knows."""
    directory = tmp_path_factory.mktemp("client")
    ca = authority("test-ca")
    own, mine = serving(ca, ["127.0.0.1"]), client(ca, "tester")
    # asyncio leaves Nagle's algorithm on where a socket does not say that it is TCP: 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    tls = client_context(ca, mine, directory)
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        endpoint = Endpoint(port, session, write_kubeconfig(directory, port, ca, mine), tls)
        context = mutual_tls_context(own.certificate, own.key, ca.certificate)
        server = UvicornServer(
            uvicorn.Config(endpoint, ssl_context_factory=lambda *_: context, lifespan="off", log_config=None)
        )
        running = asyncio.create_task(server.serve([listener]))
        await asyncio.wait_for(server.listening.wait(), 5)
        yield endpoint
    server.should_exit = server.force_exit = True
    await running


@pytest_asyncio.fixture(loop_scope="module")
async def served(endpoint: Endpoint, tmp_path: Path) -> Served:
    """Two empty resources, served."""
    world = World()
    world.engine.add((SHELVES, BOXES))
    await world.engine.publish()
    endpoint.app = create_app(
        lambda: world.engine.catalogue,
        lambda: {"informer-sync": world.ready},
        lambda name: name == "attic",
        lambda: world.now,
        EVERYBODY,
    )
    return Served(world, endpoint, home=tmp_path)
