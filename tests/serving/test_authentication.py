"""Authentication over real connections: every kind of credentials, and what it gives."""

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
import pytest_asyncio

from kubesim.access import certificates
from tests.serving.runningserver import NODES, RunningServer, identity, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNAUTHORIZED = {
    "kind": "Status",
    "apiVersion": "v1",
    "metadata": {},
    "status": "Failure",
    "message": "Unauthorized",
    "reason": "Unauthorized",
    "code": 401,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("serving")) as server:
        yield server


async def test_a_forwarded_master_may_list_everything(server: RunningServer) -> None:
    answer = await server.forwarded(NODES, "root", "system:masters")

    assert (answer.code, len(answer.json["items"])) == (200, 8)


async def test_a_user_without_rights_gets_the_status_of_kube_apiserver(server: RunningServer) -> None:
    """Section 8.5, byte for byte."""
    answer = await server.forwarded(NODES, "jane", "dev")

    assert answer.code == 403
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'nodesummaries.summary.kubesum.dev is forbidden: User "jane" cannot list resource "nodesummaries" '
        'in API group "summary.kubesum.dev" at the cluster scope',
        "reason": "Forbidden",
        "details": {"group": "summary.kubesum.dev", "kind": "nodesummaries"},
        "code": 403,
    }


async def test_identity_headers_without_the_front_proxys_certificate_are_ignored(server: RunningServer) -> None:
    """[A13]"""
    answer = await server.request(NODES, None, identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "system:anonymous" cannot list' in answer.message


async def test_identity_headers_with_a_users_certificate_are_ignored(server: RunningServer) -> None:
    answer = await server.request(NODES, server.pki.people["tenant"], identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "zoë@example.org" cannot list' in answer.message


async def test_a_front_proxy_without_a_user_is_401(server: RunningServer) -> None:
    """[A10]"""
    answer = await server.request(NODES, server.front_proxy)

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def test_a_users_certificate_with_the_front_proxys_name_is_a_user(server: RunningServer) -> None:
    pair = certificates.client(server.pki.authority, "front-proxy-client")

    answer = await server.request(NODES, pair, identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "front-proxy-client" cannot list' in answer.message


async def test_a_token_authenticates_its_user(server: RunningServer) -> None:
    bearer = [("Authorization", f"Bearer {server.pki.service_token}")]

    answer = await server.request(NODES, None, bearer)

    assert answer.code == 403
    assert 'User "system:serviceaccount:kubesum-system:kubesum" cannot list' in answer.message


async def test_an_unknown_token_is_401(server: RunningServer) -> None:
    answer = await server.request(NODES, None, [("Authorization", "Bearer stolen")])

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def handshakes_failed(server: RunningServer) -> float:
    text = (await server.forwarded("/metrics", "root", "system:masters")).body.decode()
    lines = (line for line in text.splitlines() if line.startswith("apiserver_tls_handshake_errors_total"))
    return sum(float(line.split()[-1]) for line in lines if 'cause="certificate"' in line)


@pytest.mark.parametrize("token", [False, True], ids=["alone", "with a good token"])
@pytest.mark.parametrize("kind", ["unknown", "expired", "for servers"])
async def test_an_unverifiable_certificate_ends_the_connection(server: RunningServer, kind: str, token: bool) -> None:
    """[decisions 16] Counted; a token does not help, since the handshake has to verify the certificate."""
    authority = server.pki.authority
    pair = {
        "unknown": lambda: certificates.client(certificates.authority("kubernetes"), "jane"),
        "expired": lambda: certificates.client(authority, "jane", lifetime=timedelta(minutes=-1)),
        "for servers": lambda: certificates.serving(authority, ["jane"]),
    }[kind]()
    headers = [("Authorization", f"Bearer {server.pki.service_token}")] if token else []
    before = await handshakes_failed(server)

    with pytest.raises(aiohttp.ClientError):
        await server.request("/livez", pair, headers)

    # aiohttp tries once more on a new connection if the first one ended without a response.
    assert await handshakes_failed(server) > before


async def test_a_front_proxy_that_is_not_allowed_needs_a_token(server: RunningServer) -> None:
    pair = certificates.client(server.pki.front_proxy_authority, "other")
    bearer = [("Authorization", f"Bearer {server.pki.service_token}")]

    alone = await server.request(NODES, pair, identity("root", "system:masters"))
    with_token = await server.request(NODES, pair, identity("root", "system:masters") + bearer)

    assert (alone.code, alone.json) == (401, UNAUTHORIZED)
    assert with_token.code == 403
    assert 'User "system:serviceaccount:kubesum-system:kubesum" cannot list' in with_token.message


async def test_a_client_certificate_comes_before_a_token(server: RunningServer) -> None:
    for token in (server.pki.service_token, "stolen"):
        answer = await server.request(NODES, server.pki.people["viewer"], [("Authorization", f"Bearer {token}")])

        assert answer.code == 403
        assert 'User "viewer" cannot list' in answer.message


async def test_a_front_proxy_without_a_user_may_forward_a_token(server: RunningServer) -> None:
    answer = await server.request(
        NODES, server.front_proxy, [("Authorization", f"Bearer {server.pki.service_token}")]
    )

    assert answer.code == 403
    assert 'User "system:serviceaccount:kubesum-system:kubesum" cannot list' in answer.message


@pytest.mark.parametrize(
    ("path", "method"),
    [
        (NODES, "GET"),
        (f"{NODES}/missing", "DELETE"),
        ("/nothing", "GET"),
        (f"{NODES}?limit=x", "GET"),
        (NODES, "POST"),
    ],
)
async def test_401_takes_precedence_over_all_other_errors(server: RunningServer, path: str, method: str) -> None:
    """401 comes before 403, and that before all others."""
    answer = await server.request(path, None, [("Authorization", "Bearer stolen")], method)

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def test_probes_need_no_credentials(server: RunningServer) -> None:
    assert [(await server.request(path)).code for path in ("/livez", "/readyz", "/healthz")] == [200, 200, 200]
    assert (await server.request("/metrics")).code == 403
    assert (await server.request("/livez/ping")).code == 403
