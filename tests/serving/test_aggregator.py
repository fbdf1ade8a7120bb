"""Requests that kube-aggregator makes for itself, and the order in which errors take precedence."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.serving.runningserver import NODES, RunningServer, V, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("serving")) as server:
        yield server


@pytest.mark.parametrize("accept", [f"{V2},{V2BETA1}", V2], ids=["1.36", "1.37"])
async def test_the_discovery_manager_gets_the_document_once(server: RunningServer, accept: str) -> None:
    """[D1] [D2] Section 15, item 1."""
    first = await server.forwarded("/apis", "system:kube-aggregator", "system:masters", Accept=accept)
    headers = {"Accept": accept, "If-None-Match": first.headers["ETag"]}
    again = await server.forwarded("/apis", "system:kube-aggregator", "system:masters", **headers)

    assert (first.code, first.headers["Content-Type"]) == (200, V2)
    assert (again.code, again.body) == (304, b"")


async def test_discovery_is_open_to_the_aggregator_without_any_group(server: RunningServer) -> None:
    """[D3] Section 15, item 2. And no 304 there, even with If-None-Match."""
    document = await server.forwarded("/apis", "system:kube-aggregator", Accept=V2)
    headers = {"Accept": "application/json", "If-None-Match": document.headers["ETag"]}
    resources = await server.forwarded(V, "system:kube-aggregator", **headers)

    assert (document.code, resources.code) == (200, 200)
    assert len(resources.json["resources"]) == 7


async def test_specifications_are_open_to_the_aggregator_without_any_group(server: RunningServer) -> None:
    """[O1] [O2] [O7] Section 15, item 3."""
    for path in ("/openapi/v2", "/openapi/v3"):
        first = await server.forwarded(path, "system:aggregator", Accept="application/json")
        again = await server.forwarded(path, "system:aggregator", **{"If-None-Match": first.headers["ETag"]})

        assert (first.code, first.headers["Content-Type"]) == (200, "application/json")
        assert (again.code, again.body) == (304, b"")


async def test_another_hash_gets_the_current_document(server: RunningServer) -> None:
    """[O10] Section 15, item 4. The aggregator rejects redirects."""
    answer = await server.forwarded(f"/openapi/v3{V}?hash=wrong", "jane", "system:authenticated")

    assert (answer.code, answer.json["openapi"]) == (200, "3.0.0")
    assert "Location" not in answer.headers
    assert "Expires" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "verb", "what"),
    [
        ("GET", NODES, "list", "nodesummaries"),
        ("GET", f"{NODES}/missing", "get", 'nodesummaries "missing"'),
        ("GET", f"{NODES}?watch=true&limit=x", "watch", "nodesummaries"),
        ("GET", f"{V}/cupboards", "list", "cupboards"),
        ("POST", NODES, "create", "nodesummaries"),
        ("DELETE", f"{NODES}/cp-01", "delete", 'nodesummaries "cp-01"'),
        ("DELETE", NODES, "deletecollection", "nodesummaries"),
    ],
)
async def test_403_takes_precedence_over_other_errors(
    server: RunningServer, method: str, path: str, verb: str, what: str
) -> None:
    """[E3] Section 15, item 8: before 404, 405 and 400."""
    identity = [("X-Remote-User", "jane"), ("X-Remote-Group", "dev")]
    answer = await server.request(path, server.front_proxy, identity, method)

    resource, space, name = what.partition(" ")
    assert (answer.code, answer.json["reason"]) == (403, "Forbidden")
    assert answer.message == (
        f"{resource}.summary.kubesum.dev{space}{name} is forbidden: "
        f'User "jane" cannot {verb} resource "{resource}" in API group "summary.kubesum.dev" at the cluster scope'
    )


@pytest.mark.parametrize(
    ("method", "path", "code", "message"),
    [
        ("POST", NODES, 405, "the server does not allow this method on the requested resource"),
        ("DELETE", f"{NODES}/cp-01", 405, "the server does not allow this method on the requested resource"),
        ("GET", f"{NODES}/missing", 404, 'nodesummaries.summary.kubesum.dev "missing" not found'),
        ("GET", f"{V}/cupboards", 404, "the server could not find the requested resource"),
    ],
)
async def test_an_authorized_user_gets_the_other_errors(
    server: RunningServer, method: str, path: str, code: int, message: str
) -> None:
    """[E3] [E4] Section 15, item 8."""
    identity = [("X-Remote-User", "root"), ("X-Remote-Group", "system:masters")]
    answer = await server.request(path, server.front_proxy, identity, method)

    assert (answer.code, answer.message) == (code, message)
    assert (answer.headers["Content-Type"], answer.json["kind"]) == ("application/json", "Status")
