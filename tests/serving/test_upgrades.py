"""Watches over WebSocket through the simulated aggregator, which relays upgrades as kube-aggregator does."""

import json
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from kubesum.operations.metrics import LONG_RUNNING
from tests.serving.runningserver import NODES, RunningServer, V, eventually, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

OFFERED = "base64.binary.k8s.io"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    """kubesum behind the aggregator."""
    async with running_server(tmp_path_factory.mktemp("serving")) as server:
        server.register()
        await server.cluster.aggregator.ready()
        yield server


def websocket(server: RunningServer, path: str, who: str, *subprotocols: str) -> connect:
    """A WebSocket of one of the people, or of nobody, to the cluster's API server."""
    tls = ssl.create_default_context(cadata=server.pki.authority.certificate.decode())
    if who:
        tls.load_cert_chain(*server.pki.people[who].write(server.home, who))
    offered = [Subprotocol(name) for name in subprotocols] or None
    return connect(f"wss://{server.cluster.address}{path}", ssl=tls, subprotocols=offered, proxy=None)


async def refusal(server: RunningServer, path: str, who: str, *subprotocols: str) -> tuple[int, str]:
    """The code and the message that refuse a WebSocket."""
    with pytest.raises(InvalidStatus) as refused:
        async with websocket(server, path, who, *subprotocols):
            pass
    answer = refused.value.response
    assert answer.body is not None
    return answer.status_code, answer.body.decode()


def open_watches() -> float:
    """The watches that kubesum has open."""
    return sum(sample.value for metric in LONG_RUNNING.collect() for sample in metric.samples)


async def test_a_watch_is_relayed(server: RunningServer) -> None:
    async with websocket(server, f"{NODES}?watch=1&timeoutSeconds=1", "admin", OFFERED) as connection:
        messages = [json.loads(message) async for message in connection]

    names = {stored.decoded()["metadata"]["name"] for stored in server.store.list("nodes")}
    assert connection.subprotocol == OFFERED
    assert {one["object"]["metadata"]["name"] for one in messages if one["type"] == "ADDED"} == names
    assert connection.close_code == 1000


async def test_events_arrive_as_they_happen(server: RunningServer) -> None:
    node = server.store.list("nodes")[0].decoded()
    name = node["metadata"]["name"]
    async with websocket(server, f"{NODES}?watch=1&resourceVersion=0", "admin") as connection:
        while json.loads(await connection.recv())["object"]["metadata"]["name"] != name:
            continue
        node["spec"]["unschedulable"] = True
        server.store.put("nodes", node)
        while (event := json.loads(await connection.recv()))["object"]["metadata"]["name"] != name:
            continue

    assert event["type"] == "MODIFIED"


async def test_a_client_that_leaves_ends_the_watch(server: RunningServer) -> None:
    before = open_watches()
    async with websocket(server, f"{NODES}?watch=1", "admin") as connection:
        await connection.recv()
        assert open_watches() == before + 1

    async def has_ended() -> bool:
        return open_watches() == before

    await eventually(has_ended)


async def test_a_refusal_is_passed_on(server: RunningServer) -> None:
    """Those of kubesum, and those of the API server before it."""
    code, body = await refusal(server, f"{NODES}?watch=1&labelSelector=%3D", "admin")
    assert (code, json.loads(body)["reason"]) == (400, "BadRequest")
    assert (await refusal(server, f"{NODES}?watch=1", "tenant"))[0] == 403
    assert (await refusal(server, f"{NODES}?watch=1", ""))[0] == 403
    assert (await refusal(server, f"{V}/absent?watch=1", "admin"))[0] == 404
    assert (await refusal(server, NODES, "admin"))[0] == 400


async def test_the_user_is_the_one_that_the_api_server_authenticated(server: RunningServer) -> None:
    """A client cannot send identity headers along."""
    async with websocket(server, f"{V}/namespaces/payments/podsummaries?watch=1", "tenant") as connection:
        assert json.loads(await connection.recv())["object"]["metadata"]["namespace"] == "payments"
    forged = websocket(server, f"{NODES}?watch=1", "tenant")
    forged.additional_headers = {"X-Remote-User": "admin", "X-Remote-Group": "system:masters"}
    with pytest.raises(InvalidStatus) as refused:
        async with forged:
            pass
    assert refused.value.response.status_code == 403


async def test_a_browser_may_show_a_token_as_subprotocol(server: RunningServer) -> None:
    """k8s.io/apiserver/pkg/authentication/request/websocket/protocol.go."""
    token = next(token for token, user in server.pki.tokens.items() if user.name.endswith(":kubesum"))

    def offered(text: str) -> str:
        return f"base64url.bearer.authorization.k8s.io.{urlsafe_b64encode(text.encode()).decode().rstrip('=')}"

    # kubesum's own ServiceAccount may list no summaries; that it is known shows in the refusal.
    code, body = await refusal(server, f"{NODES}?watch=1", "", offered(token), OFFERED)
    assert (code, "system:serviceaccount:kubesum-system:kubesum" in body) == (403, True)
    assert (await refusal(server, f"{NODES}?watch=1", "", offered(token + "x"), OFFERED))[0] == 401


async def test_while_kubesum_is_away_an_upgrade_gets_503(server: RunningServer) -> None:
    server.cluster.aggregator.register("127.0.0.1:1", server.authority.certificate)
    try:
        code, body = await refusal(server, f"{NODES}?watch=1", "admin")
    finally:
        server.register()
        await server.cluster.aggregator.ready()
    assert code == 503
    assert "service" in body
