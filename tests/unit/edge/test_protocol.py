"""The strict HTTP protocol over real TLS connections: limits, refusals, and the ends of connections."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from starlette.types import Receive, Scope, Send

from kubesum.edge.http.connections import Connection, Connections
from kubesum.edge.http.requestcontext import request_context
from kubesum.edge.tls.certificates import client
from kubesum.operations.metrics import CONNECTIONS_REFUSED
from tests.hanging import HANGS_AFTER_S
from tests.wire import CLIENTS, REQUEST, Answer, Wire, serving_wire

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wire() -> AsyncIterator[Wire]:
    async with serving_wire() as wire:
        yield wire


async def exchange(wire: Wire, *parts: bytes) -> Answer | None:
    async with wire.client() as client:
        return await client.exchange(*parts)


async def refused(wire: Wire, request: bytes) -> tuple[int, str]:
    """Code and message of the metav1.Status of a refused request, after which the connection ends."""
    async with wire.client() as client:
        answer = await client.exchange(request)
        assert answer is not None
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["connection"] == "close"
        assert (answer.json["kind"], answer.json["code"]) == ("Status", answer.code)
        assert await client.ended()
        return answer.code, answer.json["message"]


async def test_a_valid_request_is_answered_and_the_connection_is_kept(wire: Wire) -> None:
    async with wire.client() as client:
        answers = [await client.exchange(REQUEST) for _ in range(3)]

    assert [answer and answer.code for answer in answers] == [200, 200, 200]


MISUNDERSTOOD = {
    "no Host": b"GET /echo HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two Hosts in HTTP/1.0": b"GET /echo HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n",
    "a Host with a space": b"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a Host with a path": b"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a whole URL": b"GET https://kubesum.test/echo HTTP/1.1\r\nHost: kubesum.test\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT": b"CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a websocket": b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "HTTP/2 in the clear": b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "two lengths": b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a folded header": b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Remote-User: a\r\n b\r\n\r\n",
    "a space before the colon": b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Remote-User : a\r\n\r\n",
    "a NUL in a header": b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Remote-User: a\x00b\r\n\r\n",
    "bare line feeds": b"GET /echo HTTP/1.1\nHost: a\n\n",
    "a path that is not ASCII": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method in lower case": b"get /echo HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS within TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("request_", MISUNDERSTOOD.values(), ids=MISUNDERSTOOD)
async def test_an_ambiguous_request_is_refused(wire: Wire, request_: bytes) -> None:
    before = CONNECTIONS_REFUSED.labels("400")._value.get()

    code, _ = await refused(wire, request_)

    assert code == 400
    assert CONNECTIONS_REFUSED.labels("400")._value.get() == before + 1


async def test_another_version_of_http_is_refused(wire: Wire) -> None:
    assert await refused(wire, b"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n") == (
        505,
        "only HTTP/1.0 and HTTP/1.1 are supported",
    )


async def test_nothing_after_a_refused_request_is_answered(wire: Wire) -> None:
    """Else a request could be smuggled in what one end parses as a body."""
    wire.app.seen.clear()

    async with wire.client() as client:
        answer = await client.exchange(b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n" + REQUEST, REQUEST)
        assert await client.ended()

    assert answer is not None
    assert (answer.code, wire.app.seen) == (400, [])


CHUNKED = b"GET /echo HTTP/1.1\r\nHost: a\r\nX-Remote-User: jane\r\nTransfer-Encoding: chunked\r\n"


async def test_trailers_are_dropped(wire: Wire) -> None:
    """X-Remote-Group in a trailer made the user whom the front proxy named a member of system:masters."""
    trailers = b"X-Remote-Group: system:masters\r\nAuthorization: Bearer x\r\n"
    announced = b"Trailer: X-Remote-Group\r\n\r\n"

    at_once = await exchange(wire, CHUNKED + announced + b"1\r\nx\r\n0\r\n" + trailers + b"\r\n")
    without_body = await exchange(wire, CHUNKED + announced + b"0\r\n" + trailers + b"\r\n")
    later = await exchange(wire, CHUNKED + announced, b"0\r\n", trailers, b"\r\n")

    for answer in (at_once, without_body, later):
        assert answer is not None
        assert answer.headers_seen == [
            ("host", "a"),
            ("x-remote-user", "jane"),
            ("transfer-encoding", "chunked"),
            ("trailer", "X-Remote-Group"),
        ]


async def test_a_head_of_nearly_a_mebibyte_is_served(wire: Wire) -> None:
    """A user has hundreds of groups, each of them a header."""
    groups = [b"X-Remote-Group: cn=team-%06d,ou=groups,dc=example,dc=org\r\n" % number for number in range(10_000)]
    head = b"GET /echo HTTP/1.1\r\nHost: a\r\n%b\r\n" % b"".join(groups)
    assert 500_000 < len(head) + 32 * len(groups) < 1024 * 1024

    answer = await exchange(wire, head)

    assert answer is not None
    assert (answer.code, len(answer.headers_seen)) == (200, 10_001)


TOO_LARGE = {
    "one header": [b"X: %b\r\n" % (b"a" * 1_048_576)],
    "a header without an end": [b"X: ", b"a" * 1_048_576],
    "headers without an end": [b"X: %b\r\n" % (b"a" * 1000)] * 1100,
    "empty headers": [b"a:\r\n" * 30_000],
    "a name": [b"a" * 1_100_000],
}


@pytest.mark.parametrize("lines", TOO_LARGE.values(), ids=TOO_LARGE)
async def test_a_larger_head_is_refused(wire: Wire, lines: list[bytes]) -> None:
    answer = await exchange(wire, b"GET /echo HTTP/1.1\r\nHost: a\r\n", *lines)

    assert answer is not None
    assert (answer.code, answer.json["message"]) == (431, "the request line and headers are larger than 1 MiB")


async def test_a_request_target_of_64_kib_is_refused(wire: Wire) -> None:
    fits = await exchange(wire, b"GET /echo?%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 65_529))
    assert fits is not None
    assert (fits.code, len(fits.json["query"])) == (200, 65_529)

    assert await refused(wire, b"GET /echo?%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 65_530)) == (
        431,
        "the request target is 64 KiB or larger",
    )


SURROUNDINGS = {
    "a trailer without an end": (b"0\r\nX: ", b"a" * 1_048_576),
    "trailers without an end": (b"0\r\n", b"a:\r\n" * 300_000),
    "an extension of a chunk": (b"1;", b"a" * 1_048_576),
    "chunks of one byte": (b"1\r\na\r\n" * 220_000,),
}


@pytest.mark.parametrize("parts", SURROUNDINGS.values(), ids=SURROUNDINGS)
async def test_chunk_extensions_and_trailers_are_limited(wire: Wire, parts: tuple[bytes, ...]) -> None:
    """The parser buffers a trailer until its end, so that it grew as long as the client sent."""
    before = CONNECTIONS_REFUSED.labels("431")._value.get()

    async with wire.client() as client:
        await client.send(CHUNKED + b"\r\n", *parts)
        while await client.answer() is not None:
            pass

    assert CONNECTIONS_REFUSED.labels("431")._value.get() == before + 1


class DefectiveConnections(Connections):
    """The place of a connection cannot be marked as busy."""

    def set_idle(self, connection: Connection, *, is_idle: bool) -> None:
        """Raises."""
        raise ZeroDivisionError


async def test_a_defect_is_no_bad_request(caplog: pytest.LogCaptureFixture) -> None:
    """The parser raises an exception of a method as one of its own: it was answered with 400, without a line."""
    async with serving_wire(connections=DefectiveConnections(100)) as wire:
        assert await refused(wire, REQUEST) == (500, "Internal error occurred: ZeroDivisionError")

    (defect,) = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert (defect["message"], defect["error"]) == ("internal error", "ZeroDivisionError: ")
    assert defect["place"].startswith("connections.py:")


async def test_a_body_is_ignored(wire: Wire) -> None:
    body = b"a" * 3_000_000
    request = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)

    async with wire.client() as client:
        first = await client.exchange(request, body)
        second = await client.exchange(REQUEST)

    assert [answer and answer.code for answer in (first, second)] == [200, 200]


async def test_expect_100_continue_is_answered(wire: Wire) -> None:
    request = b"POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

    answer = await exchange(wire, request)

    assert answer is not None
    assert answer.code == 200


async def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    requests = [b"GET /echo?%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(50)]

    async with wire.client() as client:
        await client.send(b"".join(requests))
        answers = [await client.answer() for _ in requests]

    assert [answer and answer.json["query"] for answer in answers] == [str(number) for number in range(50)]


async def test_a_disconnect_reaches_the_request_in_progress(wire: Wire) -> None:
    """With another request behind it, a watch went on for half an hour without a client."""
    wire.app.waiting.clear()
    wire.app.gone.clear()

    async with wire.client() as client:
        await client.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + REQUEST)
        await asyncio.wait_for(wire.app.waiting.wait(), HANGS_AFTER_S)

    await asyncio.wait_for(wire.app.gone.wait(), HANGS_AFTER_S)


async def test_http_1_0_connections_end_after_one_response(wire: Wire) -> None:
    async with wire.client() as client:
        answer = await client.exchange(b"GET /echo HTTP/1.0\r\n\r\n")
        assert await client.ended()

    assert answer is not None
    assert (answer.code, answer.headers["connection"]) == (200, "close")


async def test_a_connection_without_a_certificate_request_ends_after_one_response() -> None:
    """kube-aggregator would stay anonymous for the lifetime of its connection."""
    async with serving_wire(client_bundle=b"") as wire:
        async with wire.client() as first:
            before = await first.exchange(REQUEST)
            assert await first.ended()
        wire.tls.set_client_ca(CLIENTS.certificate)
        async with wire.client(client(CLIENTS, "somebody")) as second:
            after = [await second.exchange(REQUEST) for _ in range(2)]

    assert before is not None
    assert (before.headers["connection"], before.json["chain"]) == ("close", 0)
    assert [answer and answer.json["chain"] for answer in after] == [1, 1]


async def test_a_response_that_is_aborted_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """Each watch whose client did not read left an error of uvicorn in the log: the response was not completed."""
    handled = asyncio.Event()

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        request_context(scope).abort()
        asyncio.get_running_loop().call_soon(handled.set)

    async with serving_wire(served=app) as wire, wire.client() as client:
        await client.send(REQUEST)
        await handled.wait()
        while wire.connections:  # noqa: ASYNC110 - of uvicorn, which tells nobody
            await asyncio.sleep(0)

    assert caplog.messages == []
