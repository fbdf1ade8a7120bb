"""Reviews over real connections: their specs, and the responses while reviews fail."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from kubesum.server.runtime import Limits
from tests.serving.relay import Relay, Spec, no_override, review
from tests.serving.runningserver import NODES, Answer, RunningServer, V, fetch, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCESS, TOKEN = "SubjectAccessReview", "TokenReview"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("rights"), relay=Relay()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def relay(running: RunningServer) -> Relay:
    """The relay between server and cluster, which overrides nothing yet."""
    assert running.relay is not None
    running.relay.override = no_override
    running.relay.reviews.clear()
    return running.relay


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: RunningServer, relay: Relay) -> RunningServer:
    return running


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


async def test_the_review_names_the_user_of_the_identity_headers(server: RunningServer, relay: Relay) -> None:
    """[P9] Also a name that is not ASCII, and a key that a header cannot hold unescaped."""
    headers = [
        ("X-Remote-User", "zoë@example.org"),
        ("X-Remote-Uid", "u-1"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b, c"),
        ("X-Remote-Extra-Example.org%2fScopes", "read"),
        ("X-Remote-Extra-Example.org%2fScopes", "explain"),
        ("X-Remote-Extra-%4a%25", "x"),
    ]

    answer = await server.request(
        f"{V}/namespaces/payments/podsummaries?labelSelector=app=x", server.front_proxy, headers
    )

    assert answer.code == 200
    assert relay.specs(ACCESS) == [
        {
            "user": "zoë@example.org",
            "uid": "u-1",
            "groups": ["a", "b, c", "system:authenticated"],
            "extra": {"example.org/scopes": ["read", "explain"], "J%": ["x"]},
            "resourceAttributes": {
                "verb": "list",
                "group": "summary.kubesum.dev",
                "version": "v1alpha1",
                "resource": "podsummaries",
                "namespace": "payments",
                "labelSelector": {"requirements": [{"key": "app", "operator": "In", "values": ["x"]}]},
            },
        }
    ]


async def test_a_user_gets_what_rbac_grants(server: RunningServer) -> None:
    """[Z6] By its own certificate; a right in one namespace is none in all namespaces."""
    tenant = server.pki.people["tenant"]

    granted = await server.request(f"{V}/namespaces/payments/podsummaries", tenant)
    refused = await server.request(f"{V}/podsummaries", tenant)

    assert (granted.code, refused.code) == (200, 403)
    assert {item["metadata"]["namespace"] for item in granted.json["items"]} == {"payments"}


async def test_a_user_of_three_hundred_groups_is_reviewed_once(server: RunningServer, relay: Relay) -> None:
    """[P12]"""
    groups = [f"cn=team-{number},ou=" + "o" * 330 for number in range(300)]

    answers = [await server.forwarded(NODES, "jane", *groups) for _ in range(3)]

    assert [answer.code for answer in answers] == [403, 403, 403]
    (spec,) = relay.specs(ACCESS)
    assert spec["groups"] == [*groups, "system:authenticated"]


async def test_a_token_is_reviewed_once_for_all_requests(server: RunningServer, relay: Relay) -> None:
    service = bearer(server.pki.service_token)

    for path in (NODES, f"{NODES}/a", "/metrics", "/version"):
        await server.request(path, None, service)

    assert relay.specs(TOKEN) == [{"token": server.pki.service_token}]
    assert len(relay.specs(ACCESS)) == 4
    assert {spec["user"] for spec in relay.specs(ACCESS)} == {"system:serviceaccount:kubesum-system:kubesum"}


async def test_a_hundred_concurrent_requests_share_one_review(server: RunningServer, relay: Relay) -> None:
    async with server.session() as session:
        answers = await asyncio.gather(
            *(fetch(session, server.port, "/metrics", bearer("stolen")) for _ in range(100))
        )

    assert {answer.code for answer in answers} == {401}
    assert len(relay.specs(TOKEN)) == 1


OPEN_PATHS = ("/apis", "/apis/summary.kubesum.dev", V, "/openapi/v2", "/openapi/v3", f"/openapi/v3{V}")


async def discovered(server: RunningServer) -> list[int]:
    """The codes of the aggregator's own requests, whose users are in no group."""
    paths = [server.forwarded(path, user) for path in OPEN_PATHS for user in ("system:aggregator", "a")]
    return [answer.code for answer in await asyncio.gather(*paths)]


async def gone(_kind: str, _spec: Spec) -> web.StreamResponse | None:
    raise ConnectionResetError


async def failing(_kind: str, spec: Spec) -> web.StreamResponse | None:
    """Answers with the code that is the name of the user or the token."""
    code = int(spec.get("user") or spec["token"])
    return web.json_response({"kind": "Status", "apiVersion": "v1", "code": code}, status=code) if code else None


async def test_while_reviews_fail_data_are_503_and_discovery_is_served(server: RunningServer, relay: Relay) -> None:
    """[decisions 13]"""
    codes = ("403", "404", "429", "500", "503")
    relay.override = failing

    data, tokens, master, probe, open_to_all = await asyncio.gather(
        asyncio.gather(*(server.forwarded(NODES, code) for code in codes)),
        asyncio.gather(*(server.request(NODES, None, bearer(code)) for code in codes)),
        server.forwarded(NODES, "root", "system:masters"),
        server.request("/readyz"),
        discovered(server),
    )

    assert [answer.code for answer in data] == [503] * 5
    assert {answer.headers["Retry-After"] for answer in data} == {"1"}
    assert {answer.message for answer in data} == {"the SubjectAccessReview failed"}
    assert [answer.code for answer in tokens] == [401] * 5
    assert (master.code, probe.code, set(open_to_all)) == (200, 200, {200})

    relay.override = no_override
    assert (await server.forwarded(NODES, "500")).code == 403


async def test_discovery_is_forbidden_to_anonymous_clients_once_reviews_are_answered(server: RunningServer) -> None:
    assert [(await server.request(path)).code for path in (V, "/apis", "/openapi/v2")] == [403] * 3


async def test_a_cached_review_is_used_while_reviews_fail(server: RunningServer, relay: Relay) -> None:
    tenant = server.pki.people["tenant"]
    path = f"{V}/namespaces/payments/workloadsummaries"
    assert (await server.request(path, tenant)).code == 200

    relay.override = gone

    assert (await server.request(path, tenant)).code == 200
    assert (await server.request(f"{V}/namespaces/payments/imagesummaries", tenant)).code == 503


async def test_a_slow_review_delays_only_its_own_request(server: RunningServer, relay: Relay) -> None:
    slowly = asyncio.Event()

    async def override(kind: str, spec: Spec) -> web.StreamResponse | None:
        await slowly.wait()
        return review(kind, {"allowed": True, "authenticated": True, "user": {"username": "late"}})

    relay.override = override
    waiting = [
        asyncio.create_task(server.forwarded(NODES, "patient")),
        asyncio.create_task(server.request(f"{NODES}/cp-01", None, bearer("late"))),
    ]
    while len(relay.reviews) < 2:  # noqa: ASYNC110 - there is no event for a review
        await asyncio.sleep(0.01)

    assert set(await discovered(server)) == {200}
    assert (await server.forwarded(NODES, "root", "system:masters")).code == 200
    slowly.set()
    assert [(await task).code for task in waiting] == [200, 200]


def html() -> web.Response:
    return web.Response(text="<h1>Sign in</h1>", content_type="text/html")


LIES: dict[str, tuple[Callable[[], web.Response], int]] = {
    "yes and no": (lambda: review(ACCESS, {"allowed": True, "denied": True}), 403),
    "no": (lambda: review(ACCESS, {"denied": True, "reason": "because"}), 403),
    "nothing": (lambda: review(ACCESS, {}), 403),
    "an error": (lambda: review(ACCESS, {"allowed": False, "evaluationError": "broken"}), 403),
    "yes as a word": (lambda: review(ACCESS, {"allowed": "true"}), 503),
    "no status": (lambda: review(ACCESS, None), 503),
    "another kind": (lambda: review(TOKEN, {"allowed": True}), 503),
    "a sign-in page": (html, 503),
    "half of it": (lambda: web.Response(body=b'{"kind":"SubjectAccess', content_type="application/json"), 503),
    "far too much": (lambda: review(ACCESS, {"allowed": True, "reason": "x" * 9_000_000}), 503),
    "a redirect": (lambda: web.Response(status=302, headers={"Location": "/yes"}), 503),
}


async def test_an_invalid_access_review_allows_nothing(server: RunningServer, relay: Relay) -> None:
    async def override(_kind: str, spec: Spec) -> web.StreamResponse | None:
        return LIES[spec["user"]][0]()

    relay.override = override

    answers = await asyncio.gather(*(server.forwarded(NODES, lie) for lie in LIES))

    assert {lie: answer.code for lie, answer in zip(LIES, answers, strict=True)} == {
        lie: code for lie, (_, code) in LIES.items()
    }
    assert answers[1].message.endswith("at the cluster scope: because")


TOKEN_STATUSES: dict[str, Any] = {
    "nobody": {"authenticated": False},
    "a master who is not authenticated": {"user": {"username": "root", "groups": ["system:masters"]}},
    "a group without a name": {"authenticated": True, "user": {"groups": ["system:masters"]}},
    "a name that is none": {"authenticated": True, "user": {"username": None, "groups": ["system:masters"]}},
    "nothing": None,
    "a list": [],
}


async def test_an_invalid_token_review_is_401(server: RunningServer, relay: Relay) -> None:
    async def override(kind: str, spec: Spec) -> web.StreamResponse | None:
        return review(kind, TOKEN_STATUSES[spec["token"].replace("_", " ")])

    relay.override = override

    answers = await asyncio.gather(
        *(server.request(NODES, None, bearer(token.replace(" ", "_"))) for token in TOKEN_STATUSES)
    )

    assert {token: answer.code for token, answer in zip(TOKEN_STATUSES, answers, strict=True)} == dict.fromkeys(
        TOKEN_STATUSES, 401
    )


async def test_requests_beyond_the_limit_are_429_except_of_masters(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    slowly = asyncio.Event()

    async def override(_kind: str, _spec: Spec) -> web.StreamResponse | None:
        await slowly.wait()
        return None

    relay = Relay(override)
    async with running_server(tmp_path_factory.mktemp("limit"), Limits(max_requests_inflight=2), relay) as server:
        waiting = [asyncio.create_task(server.forwarded(NODES, f"user-{number}")) for number in range(2)]
        while len(relay.reviews) < 2:  # noqa: ASYNC110 - there is no event for a review
            await asyncio.sleep(0.01)

        refused: Answer = await server.forwarded(NODES, "one-more")
        master = await server.forwarded(NODES, "root", "system:masters")
        probe = await server.request("/livez")
        slowly.set()

        assert (refused.code, refused.headers["Retry-After"]) == (429, "1")
        assert (refused.json["reason"], refused.message) == (
            "TooManyRequests",
            "Too many requests, please try again later.",
        )
        assert refused.json["details"] == {"retryAfterSeconds": 1}
        assert (master.code, probe.code) == (200, 200)
        assert [(await task).code for task in waiting] == [403, 403]
        assert (await server.forwarded(NODES, "one-more")).code == 403
