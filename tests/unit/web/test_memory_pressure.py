"""What is done over real connections when memory is short."""

import asyncio
import socket
import ssl

import pytest

from kubesum.edge.local import AlwaysAllowAuthorizer, LocalAuthenticator
from kubesum.operations.metrics import LISTS_CUT
from kubesum.server.sockets import LOOPBACK
from kubesum.vocabulary.resource import Source
from kubesum.web.app import create_app
from kubesum.web.inflight import RequestLimits
from kubesum.web.resources import ResourceHandler
from tests.hanging import HANGS_AFTER_S
from tests.serving.runningserver import eventually
from tests.unit.web.fakeresources import Served, Thing

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOXES = "/apis/summary.kubesum.dev/v1alpha1/boxes"
LARGE = [Thing(f"box-{number}", "attic", labels={"a": "b" * 10_000}) for number in range(2_000)]


def serve(served: Served) -> ResourceHandler:
    """Serves the world by resources that the test can reach."""
    state = served.world.state()
    resources = ResourceHandler(state)
    served.endpoint.app = create_app(resources, state, LocalAuthenticator(), AlwaysAllowAuthorizer(), RequestLimits())
    return resources


async def test_a_list_whose_client_does_not_read_is_ended(served: Served) -> None:
    """Its connection is aborted, so that the client does not take it for complete."""
    resources, cut = serve(served), LISTS_CUT._value.get()
    await served.world.put(Source.PODS, *LARGE)
    reader, writer = await slow_client(served)
    writer.write(f"GET {BOXES} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"

    async def is_ended() -> bool:
        resources.end_slow_responses(2.0)
        return LISTS_CUT._value.get() == cut + 1

    await eventually(is_ended)
    async with asyncio.timeout(HANGS_AFTER_S):
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)):
            await reader.readexactly(len(LARGE) * 10_000)
    writer.transport.abort()


async def slow_client(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection whose client has hardly any buffers."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, (LOOPBACK, served.endpoint.port))
    return await asyncio.open_connection(sock=client, ssl=served.endpoint.tls, server_hostname=LOOPBACK, limit=4096)


async def test_what_is_answered_is_the_same_after_caches_are_dropped(served: Served) -> None:
    resources = serve(served)
    await served.world.put(Source.PODS, *LARGE[:300])
    paths = [BOXES, f"{BOXES}?labelSelector=a", "/apis/summary.kubesum.dev/v1alpha1/namespaces/attic/boxes/box-1"]
    before = [(await served.request(path)).body for path in paths]

    resources.drop_caches()

    assert [(await served.request(path)).body for path in paths] == before
