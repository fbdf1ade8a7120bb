"""Watches over WebSocket, through kube-apiserver to kubesum, beside those that kube-apiserver serves itself."""

import json
import ssl
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from tests.cluster.controlplane import ControlPlane
from tests.cluster.installation import NAMESPACE, Pod
from tests.oracle.kubectl import kubectl

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

OURS = "/apis/summary.kubesum.dev/v1alpha1/nodesummaries"
THEIRS = "/api/v1/nodes"
OFFERED = "base64.binary.k8s.io"


def websocket(address: str, path: str, tls: ssl.SSLContext, *subprotocols: str) -> connect:
    """A WebSocket; kube-apiserver asks for an Origin, as browsers send it."""
    return connect(
        f"wss://{address}{path}",
        ssl=tls,
        origin=Origin(f"https://{address}"),
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        proxy=None,
    )


async def shape(plane: ControlPlane, path: str) -> dict[str, Any]:
    """What a client sees of a watch that ends after a second, but for its objects."""
    address = f"127.0.0.1:{plane.port}"
    async with websocket(address, f"{path}?watch=1&timeoutSeconds=1", plane.tls, OFFERED) as connection:
        messages: list[Any] = [message async for message in connection]
    return {
        "subprotocol": connection.subprotocol,
        "types": {type(message) for message in messages},
        "members": {tuple(json.loads(message)) for message in messages},
        "ends of messages": {message[-1:] for message in messages},
        "first": json.loads(messages[0])["type"],
        "code": connection.close_code,
    }


def unidentified() -> ssl.SSLContext:
    """A client without a certificate, which does not verify the server's."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    return tls


async def refusal(address: str, path: str, tls: ssl.SSLContext, *subprotocols: str) -> int:
    """The code that refuses a WebSocket."""
    with pytest.raises(InvalidStatus) as refused:
        async with websocket(address, path, tls, *subprotocols):
            pass
    return refused.value.response.status_code


def as_subprotocol(token: str) -> str:
    """A token as browsers show it."""
    return f"base64url.bearer.authorization.k8s.io.{urlsafe_b64encode(token.encode()).decode().rstrip('=')}"


async def test_a_client_sees_no_difference_to_a_watch_of_the_api_server(played: Pod) -> None:
    assert await shape(played.plane, OURS) == await shape(played.plane, THEIRS)


@pytest.mark.parametrize("path", [OURS, THEIRS])
async def test_a_refusal_is_passed_on(played: Pod, path: str) -> None:
    address = f"127.0.0.1:{played.plane.port}"

    assert await refusal(address, f"{path}?watch=1&labelSelector=%3D", played.plane.tls) == 400
    assert await refusal(address, f"{path}?watch=1", unidentified()) == 403


async def test_a_browser_may_show_a_token_as_subprotocol(played: Pod) -> None:
    """To kube-apiserver, and to whatever is reached without it."""
    admin, watch = played.plane.kubeconfig, f"{OURS}?watch=1"
    await kubectl(admin, "create", "serviceaccount", "browser", "-n", NAMESPACE)
    account = f"--serviceaccount={NAMESPACE}:browser"
    await kubectl(admin, "create", "clusterrolebinding", "browser", "--clusterrole=cluster-admin", account)
    token = (await kubectl(admin, "create", "token", "browser", "-n", NAMESPACE)).strip()

    for address in (f"127.0.0.1:{played.plane.port}", played.address):
        async with websocket(address, watch, unidentified(), as_subprotocol(token), OFFERED) as connection:
            assert connection.subprotocol == OFFERED
            assert json.loads(await connection.recv())["type"] == "ADDED"
        assert await refusal(address, watch, unidentified(), as_subprotocol(token + "x"), OFFERED) == 401
