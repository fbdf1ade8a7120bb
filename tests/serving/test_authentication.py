"""Who asks, and what they get: every kind of caller over a real connection (reliability: header trust)."""

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


async def test_a_master_whom_the_aggregator_names_sees_everything(server: RunningServer) -> None:
    answer = await server.forwarded(NODES, "root", "system:masters")

    assert (answer.code, len(answer.json["items"])) == (200, 8)


async def test_a_user_without_rights_is_told_so_in_kubernetes_words(server: RunningServer) -> None:
    """[Z] 8.5: byte for byte."""
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


async def test_headers_without_the_front_proxys_certificate_are_nothing(server: RunningServer) -> None:
    """[A13]"""
    answer = await server.ask(NODES, None, identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "system:anonymous" cannot list' in answer.message


async def test_headers_over_a_users_certificate_are_nothing(server: RunningServer) -> None:
    answer = await server.ask(NODES, server.pki.people["tenant"], identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "zoë@example.org" cannot list' in answer.message


async def test_a_front_proxy_that_names_nobody_is_not_believed(server: RunningServer) -> None:
    """[A10]"""
    answer = await server.ask(NODES, server.front_proxy)

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def test_a_users_certificate_named_like_the_front_proxy_is_a_users(server: RunningServer) -> None:
    pair = certificates.client(server.pki.authority, "front-proxy-client")

    answer = await server.ask(NODES, pair, identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "front-proxy-client" cannot list' in answer.message


async def test_a_token_is_its_holders(server: RunningServer) -> None:
    bearer = [("Authorization", f"Bearer {server.pki.service_token}")]

    answer = await server.ask(NODES, None, bearer)

    assert answer.code == 403
    assert 'User "system:serviceaccount:kubesum-system:kubesum" cannot list' in answer.message


async def test_an_unknown_token_is_nobodys(server: RunningServer) -> None:
    answer = await server.ask(NODES, None, [("Authorization", "Bearer stolen")])

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def handshakes_failed(server: RunningServer) -> float:
    text = (await server.forwarded("/metrics", "root", "system:masters")).body.decode()
    lines = (line for line in text.splitlines() if line.startswith("kubesum_tls_handshake_errors_total"))
    return sum(float(line.split()[-1]) for line in lines if 'cause="certificate"' in line)


@pytest.mark.parametrize("token", [False, True], ids=["alone", "with a good token"])
@pytest.mark.parametrize("kind", ["unknown", "expired", "for servers"])
async def test_a_certificate_that_nobody_vouches_for_ends_the_connection(
    server: RunningServer, kind: str, token: bool
) -> None:
    """[decisions 16] Counted; a token does not help, since Python cannot leave the verdict to others."""
    authority = server.pki.authority
    pair = {
        "unknown": lambda: certificates.client(certificates.authority("kubernetes"), "jane"),
        "expired": lambda: certificates.client(authority, "jane", lifetime=timedelta(minutes=-1)),
        "for servers": lambda: certificates.serving(authority, ["jane"]),
    }[kind]()
    headers = [("Authorization", f"Bearer {server.pki.service_token}")] if token else []
    before = await handshakes_failed(server)

    with pytest.raises(aiohttp.ClientError):
        await server.ask("/livez", pair, headers)

    # aiohttp asks once more over another connection where it thinks that the first was an old one.
    assert await handshakes_failed(server) > before


async def test_a_front_proxy_that_is_not_allowed_is_nobody_unless_a_token_says_who(server: RunningServer) -> None:
    pair = certificates.client(server.pki.front_proxy_authority, "other")
    bearer = [("Authorization", f"Bearer {server.pki.service_token}")]

    alone = await server.ask(NODES, pair, identity("root", "system:masters"))
    with_token = await server.ask(NODES, pair, identity("root", "system:masters") + bearer)

    assert (alone.code, alone.json) == (401, UNAUTHORIZED)
    assert with_token.code == 403
    assert 'User "system:serviceaccount:kubesum-system:kubesum" cannot list' in with_token.message


async def test_a_users_certificate_comes_before_a_token(server: RunningServer) -> None:
    for token in (server.pki.service_token, "stolen"):
        answer = await server.ask(NODES, server.pki.people["viewer"], [("Authorization", f"Bearer {token}")])

        assert answer.code == 403
        assert 'User "viewer" cannot list' in answer.message


async def test_a_front_proxy_that_names_nobody_may_hand_on_a_token(server: RunningServer) -> None:
    answer = await server.ask(NODES, server.front_proxy, [("Authorization", f"Bearer {server.pki.service_token}")])

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
async def test_who_is_not_believed_is_told_nothing_else(server: RunningServer, path: str, method: str) -> None:
    """401 comes before 403, and that before everything else."""
    answer = await server.ask(path, None, [("Authorization", "Bearer stolen")], method)

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def test_probes_are_answered_without_any_identity(server: RunningServer) -> None:
    assert [(await server.ask(path)).code for path in ("/livez", "/readyz", "/healthz")] == [200, 200, 200]
    assert (await server.ask("/metrics")).code == 403
    assert (await server.ask("/livez/ping")).code == 403
