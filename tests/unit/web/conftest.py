"""A real server on a real TLS socket, over a small world of shelves and boxes.

One server serves all tests of a module, since its shutdown takes a while; each test has a world and an application
of its own.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from kubesum.edge.http.connections import Connections
from kubesum.edge.tls.certificates import authority, client, serving
from kubesum.edge.tls.servertls import mutual_tls_context
from kubesum.server.sockets import listen
from kubesum.server.uvicornserver import Server, server_config
from tests.hanging import HANGS_AFTER_S
from tests.unit.web.fakeresources import (
    BOXES,
    SHELVES,
    Endpoint,
    Served,
    World,
    client_context,
    write_kubeconfig,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoint]:
    """A server whose application tests replace, and a client with a certificate of its authority."""
    directory = tmp_path_factory.mktemp("client")
    ca = authority("test-ca")
    own, mine = serving(ca, ["127.0.0.1"]), client(ca, "tester")
    listener = listen(0)
    port = listener.getsockname()[1]
    tls = client_context(ca, mine, directory)
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        endpoint = Endpoint(port, session, write_kubeconfig(directory, port, ca, mine), tls)
        context = mutual_tls_context(own.certificate, own.key, ca.certificate)
        server = Server(server_config(endpoint, context), Connections(1000))
        running = asyncio.create_task(server.serve([listener]))
        await asyncio.wait_for(server.listening.wait(), HANGS_AFTER_S)
        yield endpoint
    server.should_exit = server.force_exit = True
    await running


@pytest_asyncio.fixture(loop_scope="module")
async def served(endpoint: Endpoint, tmp_path: Path) -> Served:
    """A server of two resources without objects."""
    world = World()
    world.engine.add((SHELVES, BOXES))
    await world.engine.publish()
    endpoint.app = world.app()
    return Served(world, endpoint, home=tmp_path)
