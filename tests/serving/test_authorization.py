"""Reviews through the real path: what kube-apiserver is asked, and what callers get while it is in trouble."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from kubesum.server.runtime import Limits
from tests.serving.relay import Relay, Spec, honest, says
from tests.serving.runningserver import NODES, Answer, RunningServer, V, asked, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACCESS, TOKEN = "SubjectAccessReview", "TokenReview"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("rights"), relay=Relay()) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def relay(running: RunningServer) -> Relay:
    """What stands between the server and its cluster, and spoils nothing yet."""
    assert running.relay is not None
    running.relay.spoiler = honest
    running.relay.reviews.clear()
    return running.relay


@pytest_asyncio.fixture(loop_scope="module")
async def server(running: RunningServer, relay: Relay) -> RunningServer:
    return running


def bearer(token: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Bearer {token}")]


async def test_what_the_front_proxy_says_of_a_user_is_what_is_asked_about(
    server: RunningServer, relay: Relay
) -> None:
    """[P9] A name that is not ASCII, and a key that no header could hold."""
    headers = [
        ("X-Remote-User", "zoë@example.org"),
        ("X-Remote-Uid", "u-1"),
        ("X-Remote-Group", "a"),
        ("X-Remote-Group", "b, c"),
        ("X-Remote-Extra-Example.org%2fScopes", "read"),
        ("X-Remote-Extra-Example.org%2fScopes", "explain"),
        ("X-Remote-Extra-%4a%25", "x"),
    ]

    answer = await server.ask(
        f"{V}/namespaces/payments/podsummaries?labelSelector=app=x", server.front_proxy, headers
    )

    assert answer.code == 200
    assert relay.asked(ACCESS) == [
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


async def test_a_user_of_the_cluster_gets_what_its_roles_grant(server: RunningServer) -> None:
    """Through their own certificate; [Z6] one namespace is not all of them."""
    tenant = server.pki.people["tenant"]

    granted = await server.ask(f"{V}/namespaces/payments/podsummaries", tenant)
    refused = await server.ask(f"{V}/podsummaries", tenant)

    assert (granted.code, refused.code) == (200, 403)
    assert {item["metadata"]["namespace"] for item in granted.json["items"]} == {"payments"}


async def test_three_hundred_groups_of_a_hundred_kilobytes_are_asked_about_once(
    server: RunningServer, relay: Relay
) -> None:
    """[P12]"""
    groups = [f"cn=team-{number},ou=" + "o" * 330 for number in range(300)]

    answers = [await server.forwarded(NODES, "jane", *groups) for _ in range(3)]

    assert [answer.code for answer in answers] == [403, 403, 403]
    (spec,) = relay.asked(ACCESS)
    assert spec["groups"] == [*groups, "system:authenticated"]


async def test_a_token_is_asked_about_once_whatever_is_asked(server: RunningServer, relay: Relay) -> None:
    service = bearer(server.pki.service_token)

    for path in (NODES, f"{NODES}/a", "/metrics", "/version"):
        await server.ask(path, None, service)

    assert relay.asked(TOKEN) == [{"token": server.pki.service_token}]
    assert len(relay.asked(ACCESS)) == 4
    assert {spec["user"] for spec in relay.asked(ACCESS)} == {"system:serviceaccount:kubesum-system:kubesum"}


async def test_a_hundred_at_once_are_asked_about_once(server: RunningServer, relay: Relay) -> None:
    async with server.session() as session:
        answers = await asyncio.gather(
            *(asked(session, server.port, "/metrics", bearer("stolen")) for _ in range(100))
        )

    assert {answer.code for answer in answers} == {401}
    assert len(relay.asked(TOKEN)) == 1


OPEN_PATHS = ("/apis", "/apis/summary.kubesum.dev", V, "/openapi/v2", "/openapi/v3", f"/openapi/v3{V}")


async def discovered(server: RunningServer) -> list[int]:
    """What the aggregator's own callers get, who are in no group."""
    paths = [server.forwarded(path, user) for path in OPEN_PATHS for user in ("system:aggregator", "a")]
    return [answer.code for answer in await asyncio.gather(*paths)]


async def gone(_kind: str, _spec: Spec) -> web.StreamResponse | None:
    raise ConnectionResetError


async def troubled(_kind: str, spec: Spec) -> web.StreamResponse | None:
    """Refuses with the code that the user or the token is named like."""
    code = int(spec.get("user") or spec["token"])
    return web.json_response({"kind": "Status", "apiVersion": "v1", "code": code}, status=code) if code else None


async def test_while_reviews_fail_data_are_refused_and_discovery_goes_on(server: RunningServer, relay: Relay) -> None:
    """[decisions 13]"""
    codes = ("403", "404", "429", "500", "503")
    relay.spoiler = troubled

    data, tokens, master, probe, open_to_all = await asyncio.gather(
        asyncio.gather(*(server.forwarded(NODES, code) for code in codes)),
        asyncio.gather(*(server.ask(NODES, None, bearer(code)) for code in codes)),
        server.forwarded(NODES, "root", "system:masters"),
        server.ask("/readyz"),
        discovered(server),
    )

    assert [answer.code for answer in data] == [503] * 5
    assert {answer.headers["Retry-After"] for answer in data} == {"1"}
    assert {answer.message for answer in data} == {"kube-apiserver does not say whether this is allowed"}
    assert [answer.code for answer in tokens] == [401] * 5
    assert (master.code, probe.code, set(open_to_all)) == (200, 200, {200})

    relay.spoiler = honest
    assert (await server.forwarded(NODES, "500")).code == 403


async def test_what_was_allowed_before_is_so_for_a_while(server: RunningServer, relay: Relay) -> None:
    tenant = server.pki.people["tenant"]
    path = f"{V}/namespaces/payments/workloadsummaries"
    assert (await server.ask(path, tenant)).code == 200

    relay.spoiler = gone

    assert (await server.ask(path, tenant)).code == 200
    assert (await server.ask(f"{V}/namespaces/payments/imagesummaries", tenant)).code == 503


async def test_a_slow_answer_is_waited_for_and_holds_up_nobody_else(server: RunningServer, relay: Relay) -> None:
    slowly = asyncio.Event()

    async def spoiler(kind: str, spec: Spec) -> web.StreamResponse | None:
        await slowly.wait()
        return says(kind, {"allowed": True, "authenticated": True, "user": {"username": "late"}})

    relay.spoiler = spoiler
    waiting = [
        asyncio.create_task(server.forwarded(NODES, "patient")),
        asyncio.create_task(server.ask(f"{NODES}/cp-01", None, bearer("late"))),
    ]
    while len(relay.reviews) < 2:  # noqa: ASYNC110 - what the server asks for announces nothing
        await asyncio.sleep(0.01)

    assert set(await discovered(server)) == {200}
    assert (await server.forwarded(NODES, "root", "system:masters")).code == 200
    slowly.set()
    assert [(await task).code for task in waiting] == [200, 200]


def html() -> web.Response:
    return web.Response(text="<h1>Sign in</h1>", content_type="text/html")


LIES: dict[str, tuple[Callable[[], web.Response], int]] = {
    "yes and no": (lambda: says(ACCESS, {"allowed": True, "denied": True}), 403),
    "no": (lambda: says(ACCESS, {"denied": True, "reason": "because"}), 403),
    "nothing": (lambda: says(ACCESS, {}), 403),
    "an error": (lambda: says(ACCESS, {"allowed": False, "evaluationError": "broken"}), 403),
    "yes as a word": (lambda: says(ACCESS, {"allowed": "true"}), 503),
    "no status": (lambda: says(ACCESS, None), 503),
    "another kind": (lambda: says(TOKEN, {"allowed": True}), 503),
    "a sign-in page": (html, 503),
    "half of it": (lambda: web.Response(body=b'{"kind":"SubjectAccess', content_type="application/json"), 503),
    "far too much": (lambda: says(ACCESS, {"allowed": True, "reason": "x" * 9_000_000}), 503),
    "a redirect": (lambda: web.Response(status=302, headers={"Location": "/yes"}), 503),
}


async def test_an_answer_that_is_no_clear_yes_allows_nothing(server: RunningServer, relay: Relay) -> None:
    async def spoiler(_kind: str, spec: Spec) -> web.StreamResponse | None:
        return LIES[spec["user"]][0]()

    relay.spoiler = spoiler

    answers = await asyncio.gather(*(server.forwarded(NODES, lie) for lie in LIES))

    assert {lie: answer.code for lie, answer in zip(LIES, answers, strict=True)} == {
        lie: code for lie, (_, code) in LIES.items()
    }
    assert answers[1].message.endswith("at the cluster scope: because")


HOLDERS: dict[str, Any] = {
    "nobody": {"authenticated": False},
    "a master who is not authenticated": {"user": {"username": "root", "groups": ["system:masters"]}},
    "a group without a name": {"authenticated": True, "user": {"groups": ["system:masters"]}},
    "a name that is none": {"authenticated": True, "user": {"username": None, "groups": ["system:masters"]}},
    "nothing": None,
    "a list": [],
}


async def test_a_token_whose_holder_is_not_clear_is_nobodys(server: RunningServer, relay: Relay) -> None:
    async def spoiler(kind: str, spec: Spec) -> web.StreamResponse | None:
        return says(kind, HOLDERS[spec["token"].replace("_", " ")])

    relay.spoiler = spoiler

    answers = await asyncio.gather(*(server.ask(NODES, None, bearer(holder.replace(" ", "_"))) for holder in HOLDERS))

    assert {holder: answer.code for holder, answer in zip(HOLDERS, answers, strict=True)} == dict.fromkeys(
        HOLDERS, 401
    )


async def test_beyond_the_limit_requests_are_turned_away_and_masters_are_not(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    slowly = asyncio.Event()

    async def spoiler(_kind: str, _spec: Spec) -> web.StreamResponse | None:
        await slowly.wait()
        return None

    relay = Relay(spoiler)
    async with running_server(tmp_path_factory.mktemp("limit"), Limits(max_requests_inflight=2), relay) as server:
        waiting = [asyncio.create_task(server.forwarded(NODES, f"user-{number}")) for number in range(2)]
        while len(relay.reviews) < 2:  # noqa: ASYNC110 - what the server asks for announces nothing
            await asyncio.sleep(0.01)

        refused: Answer = await server.forwarded(NODES, "one-more")
        master = await server.forwarded(NODES, "root", "system:masters")
        probe = await server.ask("/livez")
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
