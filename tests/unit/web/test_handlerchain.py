"""Who is let in, and for how long: an entrance on a real socket, before an application that takes its time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send

from kubesum.edge.authn.authentication import Authenticator
from kubesum.edge.authn.requestheader import request_header_config
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authz.authorization import Authorizer
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.edge.delegation import DelegatedGate
from kubesum.edge.tls.certificates import client
from kubesum.kube.reviews import AccessStatus, TokenStatus
from kubesum.rollups.catalogue import Catalogue
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS
from kubesum.web.handlerchain import Admission, HandlerChain
from kubesum.web.watch import LASTING
from tests.leaping import leaping
from tests.wire import CLIENTS, Answer, Wire, serving_wire

PROXY = client(CLIENTS, "front-proxy-client")
TRUST = request_header_config(
    {
        "requestheader-client-ca-file": CLIENTS.certificate.decode(),
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
    }
)
BIG_BYTES = 64 * 1024 * 1024
V = "/apis/summary.kubesum.dev/v1alpha1"


@dataclass
class Behind:
    """What an entrance leads to: some of it is large, some of it takes long, some of it lasts."""

    review: Callable[[bytes], Awaitable[AccessStatus]]
    released: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        resource = scope["path"].rpartition("/")[2]
        if resource == "slow":
            self.waiting += 1
            await self.released.wait()
        if resource == "lasting":
            scope["state"][LASTING] = self._last
            return
        size = BIG_BYTES if resource == "big" else 2
        length = str(size).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for _ in range(size >> 18):
            await send({"type": "http.response.body", "body": b" " * (1 << 18), "more_body": True})
        await send({"type": "http.response.body", "body": b"" if size >> 18 else b"{}"})

    async def _last(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.released.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    def entrance(self, max_requests_inflight: int) -> HandlerChain:
        async def token_review(_token: str) -> TokenStatus:
            return TokenStatus()

        gate = DelegatedGate(
            Authenticator(lambda: TRUST, TokenAuthenticator(token_review, ReviewCache()).authenticate, time.time),
            Authorizer(self.review, ReviewCache(), ALWAYS_ALLOW_PATHS),
        )
        return HandlerChain(self, Catalogue, Admission(gate, max_requests_inflight, lambda: False))


async def allowed(_spec: bytes) -> AccessStatus:
    return AccessStatus(allowed=True)


async def silent(_spec: bytes) -> AccessStatus:
    await asyncio.Event().wait()
    raise AssertionError("it never says anything")


def request(path: str, user: str = "jane", *groups: str) -> bytes:
    names = "".join(f"X-Remote-Group: {group}\r\n" for group in groups)
    return f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Remote-User: {user}\r\n{names}\r\n".encode()


async def told(wire: Wire, path: str, *who: str) -> Answer | None:
    async with wire.client(PROXY) as connection:
        return await connection.asked(request(path, *who))


def code(answer: Answer | None) -> int:
    return answer.code if answer else 0


def passed() -> float:
    return asyncio.get_running_loop().time()


async def a_while() -> None:
    """Long enough for whatever was sent to arrive."""
    await asyncio.sleep(0.01)


def test_an_answer_that_takes_longer_than_a_minute_is_given_up() -> None:
    async def main() -> None:
        behind = Behind(allowed)
        async with serving_wire(served=behind.entrance(5)) as wire:
            began = passed()
            answer = await told(wire, f"{V}/slow")
            assert answer is not None
            assert (answer.code, answer.json["reason"]) == (504, "Timeout")
            assert answer.json["message"] == "Timeout: request did not complete within the allotted timeout"
            assert 60 <= passed() - began < 62

    leaping(main())


def test_whoever_does_not_read_loses_the_answer_and_its_place() -> None:
    """As many clients as there were places kept everybody else out, for as long as they liked."""

    async def main() -> None:
        async with serving_wire(served=Behind(allowed).entrance(1)) as wire, wire.client(PROXY) as stuck:
            await stuck.send(request(f"{V}/big"))
            await a_while()
            turned_away = await told(wire, f"{V}/small")
            assert turned_away is not None
            assert (turned_away.code, turned_away.headers["retry-after"]) == (429, "1")
            assert turned_away.json["message"] == "Too many requests, please try again later."

            await asyncio.sleep(61)
            assert code(await told(wire, f"{V}/small")) == 200
            assert await stuck.answer() is None

    leaping(main())


def test_whoever_reads_gets_the_whole_answer() -> None:
    async def main() -> None:
        async with serving_wire(served=Behind(allowed).entrance(1)) as wire:
            answer = await told(wire, f"{V}/big")
            assert answer is not None
            assert len(answer.body) == BIG_BYTES

    leaping(main())


def test_what_is_to_last_may_last() -> None:
    async def main() -> None:
        behind = Behind(allowed)
        async with serving_wire(served=behind.entrance(1)) as wire, wire.client(PROXY) as watching:
            await watching.send(request(f"{V}/lasting?watch=true"))
            await asyncio.sleep(300)
            behind.released.set()
            assert code(await watching.answer()) == 200

    leaping(main())


def test_while_reviews_are_silent_only_those_are_answered_who_need_none() -> None:
    """Those who wait took all places: the kubelet would have ended the process, and the API had been counted out."""

    async def main() -> None:
        async with serving_wire(served=Behind(silent).entrance(3)) as wire:
            began = passed()
            waiting = [asyncio.create_task(told(wire, f"{V}/small", f"user-{number}")) for number in range(3)]
            await a_while()

            assert code(await told(wire, f"{V}/small", "one-more")) == 429
            for path in ("/livez", "/readyz", "/apis", V, "/openapi/v2", "/openapi/v3"):
                assert code(await told(wire, path, "system:kube-aggregator")) == 200
            assert code(await told(wire, f"{V}/small", "root", "system:masters")) == 200
            async with wire.client() as probe:
                assert code(await probe.asked(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")) == 200

            answers = await asyncio.gather(*waiting)
            assert {code(answer) for answer in answers} == {503}
            assert {answer.headers["retry-after"] for answer in answers if answer} == {"1"}
            assert 10 <= passed() - began < 12

    leaping(main())


def test_watches_have_places_of_their_own() -> None:
    async def main() -> None:
        behind = Behind(allowed)
        async with serving_wire(served=behind.entrance(1)) as wire, wire.client(PROXY) as watching:
            await watching.send(request(f"{V}/lasting?watch=true"))
            await a_while()

            assert code(await told(wire, f"{V}/small")) == 200
            behind.released.set()

    leaping(main())
