"""Who asks, and what they get: every kind of caller over a real connection (reliability: header trust)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from app.edge import certificates
from tests.serving.behind import NODES, Behind, behind, identity

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
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Behind]:
    async with behind(tmp_path_factory.mktemp("serving")) as server:
        yield server


async def test_a_master_whom_the_aggregator_names_sees_everything(server: Behind) -> None:
    answer = await server.forwarded(NODES, "root", "system:masters")

    assert (answer.code, len(answer.json["items"])) == (200, 8)


async def test_a_user_without_rights_is_told_so_in_kubernetes_words(server: Behind) -> None:
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


async def test_headers_without_the_front_proxys_certificate_are_nothing(server: Behind) -> None:
    """[A13]"""
    answer = await server.ask(NODES, None, identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "system:anonymous" cannot list' in answer.message


async def test_headers_over_a_users_certificate_are_nothing(server: Behind) -> None:
    answer = await server.ask(NODES, server.pki.people["tenant"], identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "zoë@example.org" cannot list' in answer.message


async def test_a_front_proxy_that_names_nobody_is_not_believed(server: Behind) -> None:
    """[A10]"""
    answer = await server.ask(NODES, server.front_proxy)

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def test_a_users_certificate_named_like_the_front_proxy_is_a_users(server: Behind) -> None:
    pair = certificates.client(server.pki.authority, "front-proxy-client")

    answer = await server.ask(NODES, pair, identity("root", "system:masters"))

    assert answer.code == 403
    assert 'User "front-proxy-client" cannot list' in answer.message


async def test_a_token_is_its_holders(server: Behind) -> None:
    bearer = [("Authorization", f"Bearer {server.pki.service_token}")]

    answer = await server.ask(NODES, None, bearer)

    assert answer.code == 403
    assert 'User "system:serviceaccount:kubesum-system:kubesum" cannot list' in answer.message


async def test_an_unknown_token_is_nobodys(server: Behind) -> None:
    answer = await server.ask(NODES, None, [("Authorization", "Bearer stolen")])

    assert (answer.code, answer.json) == (401, UNAUTHORIZED)


async def test_probes_are_answered_without_any_identity(server: Behind) -> None:
    assert [(await server.ask(path)).code for path in ("/livez", "/readyz", "/healthz")] == [200, 200, 200]
    assert (await server.ask("/metrics")).code == 403
    assert (await server.ask("/livez/ping")).code == 403
