"""The handler chain on a real socket, before a handler that takes its time: limits, timeouts and errors."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import islice

import pytest
from starlette.types import Receive, Scope, Send

from kubesum.edge.authn.authentication import DelegatingAuthenticator
from kubesum.edge.authn.requestheader import request_header_config
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authz.authorization import DelegatingAuthorizer
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.http.requestcontext import request_context
from kubesum.edge.tls.certificates import client
from kubesum.kube.reviews import AccessStatus, TokenStatus
from kubesum.rollups.catalogue import Catalogue
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS
from kubesum.web.handlerchain import HandlerChain
from kubesum.web.inflight import RequestLimits
from kubesum.web.state import ServerState
from tests.leaping import leaping
from tests.wire import CLIENTS, Answer, Wire, serving_wire

PROXY = client(CLIENTS, "front-proxy-client")
CONFIG = request_header_config(
    {
        "requestheader-client-ca-file": CLIENTS.certificate.decode(),
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
    }
)
SERVER = ServerState(
    catalogue=Catalogue,
    readiness=lambda: {},
    has_namespace=lambda _name: False,
    now=time.time,
    shutting_down=lambda: False,
)
BIG_BYTES = 64 * 1024 * 1024
V = "/apis/summary.kubesum.dev/v1alpha1"


@dataclass
class Handler:
    """Answers by the last segment of the path: `big` and `slow` responses, long-running and broken ones."""

    review: Callable[[bytes], Awaitable[AccessStatus]]
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        resource = scope["path"].rpartition("/")[2]
        if resource == "slow":
            await self.released.wait()
        if resource == "long-running":
            request_context(scope).long_running = self._long_running
            return
        if resource == "broken":
            raise ZeroDivisionError
        size = BIG_BYTES if resource == "big" else 2
        length = str(size).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        if resource == "cut":
            raise ZeroDivisionError
        for _ in range(size >> 18):
            await send({"type": "http.response.body", "body": b" " * (1 << 18), "more_body": True})
        await send({"type": "http.response.body", "body": b"" if size >> 18 else b"{}"})

    async def _long_running(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.released.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    def chain(self, max_requests_inflight: int = 5, max_watches: int = 5) -> HandlerChain:
        async def token_review(_token: str) -> TokenStatus:
            return TokenStatus()

        tokens = TokenAuthenticator(token_review, ReviewCache())
        authenticator = DelegatingAuthenticator(lambda: CONFIG, tokens.authenticate, time.time)
        authorizer = DelegatingAuthorizer(self.review, ReviewCache(), ALWAYS_ALLOW_PATHS, lambda: True)
        limits = RequestLimits(max_requests_inflight, max_watches)
        return HandlerChain(self, SERVER, authenticator, authorizer, limits)


async def allowed(_spec: bytes) -> AccessStatus:
    return AccessStatus(allowed=True)


async def unanswered(_spec: bytes) -> AccessStatus:
    await asyncio.Event().wait()
    raise AssertionError("this review is never answered")


def request(path: str, user: str = "jane", *groups: str) -> bytes:
    names = "".join(f"X-Remote-Group: {group}\r\n" for group in groups)
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Remote-User: {user}\r\n{names}\r\n".encode()


async def get(wire: Wire, path: str, *who: str) -> Answer | None:
    async with wire.client(PROXY) as connection:
        return await connection.exchange(request(path, *who))


def code(answer: Answer | None) -> int:
    return answer.code if answer else 0


def now() -> float:
    return asyncio.get_running_loop().time()


async def a_while() -> None:
    """Long enough for whatever was sent to arrive."""
    await asyncio.sleep(0.01)


def test_a_response_that_takes_longer_than_a_minute_is_504() -> None:
    async def main() -> None:
        handler = Handler(allowed)
        async with serving_wire(served=handler.chain()) as wire:
            began = now()
            answer = await get(wire, f"{V}/slow")
            assert answer is not None
            assert (answer.code, answer.json["reason"]) == (504, "Timeout")
            assert answer.json["message"] == "Timeout: request did not complete within the allotted timeout"
            assert 60 <= now() - began < 62

    leaping(main())


def test_a_client_that_does_not_read_is_aborted_and_frees_its_place() -> None:
    """As many such clients as the limit allows kept all others out, for as long as they liked."""

    async def main() -> None:
        async with (
            serving_wire(served=Handler(allowed).chain(max_requests_inflight=1)) as wire,
            wire.client(PROXY) as stuck,
        ):
            await stuck.send(request(f"{V}/big"))
            await a_while()
            rejected = await get(wire, f"{V}/small")
            assert rejected is not None
            assert (rejected.code, rejected.headers["retry-after"]) == (429, "1")
            assert rejected.json["message"] == "Too many requests, please try again later."

            await asyncio.sleep(61)
            assert code(await get(wire, f"{V}/small")) == 200
            assert await stuck.answer() is None

    leaping(main())


def test_a_client_that_reads_gets_the_complete_response() -> None:
    async def main() -> None:
        async with serving_wire(served=Handler(allowed).chain(max_requests_inflight=1)) as wire:
            answer = await get(wire, f"{V}/big")
            assert answer is not None
            assert len(answer.body) == BIG_BYTES

    leaping(main())


def test_a_long_running_request_has_no_timeout() -> None:
    async def main() -> None:
        handler = Handler(allowed)
        async with (
            serving_wire(served=handler.chain(max_requests_inflight=1)) as wire,
            wire.client(PROXY) as watching,
        ):
            await watching.send(request(f"{V}/long-running?watch=true"))
            await asyncio.sleep(300)
            handler.released.set()
            assert code(await watching.answer()) == 200

    leaping(main())


def test_requests_that_need_no_review_are_answered_while_reviews_fill_the_limit() -> None:
    """Else the kubelet restarts the container, and kube-apiserver marks the APIService unavailable."""

    async def main() -> None:
        async with serving_wire(served=Handler(unanswered).chain(max_requests_inflight=3)) as wire:
            began = now()
            waiting = [asyncio.create_task(get(wire, f"{V}/small", f"user-{number}")) for number in range(3)]
            await a_while()

            assert code(await get(wire, f"{V}/small", "one-more")) == 429
            for path in ("/livez", "/readyz", "/apis", V, "/openapi/v2", "/openapi/v3"):
                assert code(await get(wire, path, "system:kube-aggregator")) == 200
            assert code(await get(wire, f"{V}/small", "root", "system:masters")) == 200
            async with wire.client() as probe:
                assert code(await probe.exchange(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")) == 200

            answers = await asyncio.gather(*waiting)
            assert {code(answer) for answer in answers} == {503}
            assert {answer.headers["retry-after"] for answer in answers if answer} == {"1"}
            assert 10 <= now() - began < 12

    leaping(main())


def test_watches_are_limited_apart_from_other_requests() -> None:
    async def main() -> None:
        handler = Handler(allowed)
        async with (
            serving_wire(served=handler.chain(max_requests_inflight=1)) as wire,
            wire.client(PROXY) as watching,
        ):
            await watching.send(request(f"{V}/long-running?watch=true"))
            await a_while()

            assert code(await get(wire, f"{V}/small")) == 200
            handler.released.set()

    leaping(main())


def test_watches_beyond_their_limit_are_rejected() -> None:
    async def main() -> None:
        handler = Handler(allowed)
        async with serving_wire(served=handler.chain(max_watches=1)) as wire, wire.client(PROXY) as watching:
            await watching.send(request(f"{V}/long-running?watch=true"))
            await a_while()

            assert code(await get(wire, f"{V}/long-running?watch=true")) == 429
            handler.released.set()

    leaping(main())


@pytest.mark.parametrize("path", ["slow", "long-running?watch=true"])
def test_one_user_gets_a_quarter_of_the_places_and_leaves_the_others_to_the_rest(path: str) -> None:
    """One user with 400 slow lists, or 5,000 watches, kept all others out."""

    async def main() -> None:
        handler = Handler(allowed)
        async with serving_wire(served=handler.chain(8, 8)) as wire:
            greedy = [asyncio.create_task(get(wire, f"{V}/{path}", "greedy")) for _ in range(8)]
            refused = [code(await answer) for answer in islice(asyncio.as_completed(greedy), 6)]
            other = asyncio.create_task(get(wire, f"{V}/{path}", "jane"))
            await a_while()

            handler.released.set()
            assert code(await other) == 200
            assert refused == [429] * 6
            assert sorted(map(code, await asyncio.gather(*greedy))) == [200] * 2 + [429] * 6
            assert code(await get(wire, f"{V}/{path}", "greedy")) == 200

    leaping(main())


def test_an_unexpected_exception_is_an_internal_error_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """[E2]"""

    async def main() -> None:
        async with serving_wire(served=Handler(allowed).chain()) as wire:
            answer = await get(wire, f"{V}/broken")
            assert answer is not None
            assert (answer.code, answer.json["reason"]) == (500, "InternalError")
            assert answer.json["message"] == "Internal error occurred: ZeroDivisionError"

            assert await get(wire, f"{V}/cut") is None

    leaping(main())

    defects = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert [defect["message"] for defect in defects] == ["internal error"] * 2
    assert all(defect["error"].startswith("ZeroDivisionError") for defect in defects)
    assert all(defect["place"].startswith("handlerchain.py:") for defect in defects)
