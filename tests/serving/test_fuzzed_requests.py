"""Random requests: each gets a response, which is never a 500 and never a redirect."""

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.serving.runningserver import NODES, RunningServer, V, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUESTS = 500
ANSWERED_WITHIN_S = 15

PATHS = (
    "/",
    "/apis",
    "/apis/summary.kubesum.dev",
    V,
    NODES,
    f"{NODES}/cp-01",
    f"{V}/podsummaries",
    f"{V}/namespaces/payments/podsummaries",
    f"{V}/namespaces/payments/workloadsummaries/deployment.ledger",
    f"{V}/watch/nodesummaries",
    "/api/v1/namespaces/payments",
    "/openapi/v2",
    "/openapi/v3",
    f"/openapi/v3{V}",
    "/readyz",
    "/livez/ping",
    "/version",
    "/metrics",
)
FRAGMENTS = (
    *(
        b"%",
        b"%2",
        b"%zz",
        b"%2f",
        b"%2F",
        b"%5c",
        b"%00",
        b"%0a",
        b"%0d%0aX: y",
        b"%ff",
        b"%c3%28",
        b"%25",
        b"%2e%2e",
    ),
    *(b"/", b"//", b"/..", b"/.", b"/watch", b"/proxy", b"/namespaces", b"/status", b";a=b", b"*", b"'", b'"', b"\\"),
    *(b"{}", b"~", b"#a", b"?", b"&", b"=", b"+", b"\xff", b"\xc3\xa9", b"a" * 3000, b"\x7f"),
)
PARAMETERS = (
    *("limit", "continue", "resourceVersion", "resourceVersionMatch", "timeout", "timeoutSeconds", "watch"),
    *("sendInitialEvents", "allowWatchBookmarks", "includeObject", "labelSelector", "fieldSelector", "pretty"),
    *("export", "hash", "verbose", "exclude", "shardSelector", "unknown"),
)
NUMBERS = (
    "-1",
    "0",
    "1",
    "007",
    "1.5",
    "1e3",
    "0x10",
    "+5",
    " 5",
    "\uff19",
    "9" * 19,
    "9" * 20,
    "9" * 5000,
    "18446744073709551615",
)
TOKENS = ("e30", "W10", "bnVsbA", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "_-_-", "a", "=", "e30=", "[" * 50)
SELECTORS = (
    *(
        "a",
        "a=b",
        "a in (b",
        "a in ()",
        "in in (in)",
        "!",
        "!!",
        "a>b",
        "a>1",
        ",",
        "a,,b",
        "a=b=c",
        "/a",
        "a/",
        "A" * 64,
    ),
    *(
        "metadata.name=x",
        "metadata.name=cp-01,metadata.name!=cp-01",
        "status.healthy=true",
        "a\\",
        "a=\\x",
        "=",
        "metadata.name=%2e",
    ),
)
MEDIA_TYPES = (
    *(
        "*/*",
        "application/json",
        "application/yaml",
        "application/*",
        "text/html",
        "application/vnd.kubernetes.protobuf",
    ),
    *(
        "json",
        "/",
        ";",
        ",",
        "a/b/c",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "application/json;as=Table;v=v9;g=x",
    ),
    *(
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "application/json;q=nan",
        "application/json;stream=watch",
    ),
    *("application/json;q=0", "é", "application/json;" + "a=b;" * 500, "application/json," * 500),
)
ENCODINGS = ("gzip", "identity", "gzip;q=0", "gzip;q=x", "br", "*", "", ",;=")


def nested(depth: int) -> str:
    """A continue token with nested JSON."""
    return base64.urlsafe_b64encode(b'{"v":' + b"[" * depth + b"]" * depth + b"}").decode()


class Requests:
    """Random requests, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def next(self) -> bytes:
        """The bytes of one request."""
        method = self._chance.choices(
            (b"GET", b"HEAD", b"DELETE", b"POST", b"OPTIONS", b"BREW"), (80, 5, 5, 4, 4, 2)
        )[0]
        head = b"%b %b HTTP/1.1\r\nHost: any\r\n" % (method, self._target())
        identity = b"X-Remote-User: root\r\nX-Remote-Group: system:masters\r\n"
        return head + identity + self._headers() + b"\r\n"

    def _target(self) -> bytes:
        path = self._chance.choice(PATHS).encode()
        for _ in range(self._chance.choice((0, 0, 0, 1, 2))):
            at = self._chance.randint(1, len(path))
            path = path[:at] + self._chance.choice(FRAGMENTS) + path[at:]
        pairs = b"&".join(self._pair() for _ in range(self._chance.choice((0, 1, 1, 2, 3))))
        return path + (b"?" + pairs if pairs else b"")

    def _pair(self) -> bytes:
        name = self._chance.choice(PARAMETERS)
        value = self._chance.choice(
            (*NUMBERS, *TOKENS, *SELECTORS, "true", "Exact", "NotOlderThan", "Object", "1h", "-1s", nested(5000), "")
        )
        escaped = "".join(
            c if c.isalnum() and c.isascii() else "".join(f"%{b:02x}" for b in c.encode()) for c in value
        )
        pair = f"{name}={escaped}".encode()
        if self._chance.random() < 0.1:
            at = self._chance.randint(0, len(pair))
            pair = pair[:at] + self._chance.choice(FRAGMENTS) + pair[at:]
        return pair

    def _headers(self) -> bytes:
        chosen = {
            "Accept": ",".join(self._chance.choices(MEDIA_TYPES, k=self._chance.choice((0, 1, 1, 2)))),
            "Accept-Encoding": self._chance.choice(ENCODINGS),
            "If-None-Match": self._chance.choice(("*", '"x"', "", "W/")),
            "User-Agent": self._chance.choice(("curl/8", "Go-http-client/1.1", "")),
        }
        kept = [name for name in chosen if self._chance.random() < 0.6]
        return b"".join(f"{name}: {chosen[name]}\r\n".encode() for name in kept)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("serving")) as server:
        yield server


class Connection:
    """A connection to the server, opened again when it has ended."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self._wire: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def answer(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Code, headers and body of the response; the body of a watch is not read."""
        if self._wire is None:
            tls = self._server.tls(self._server.front_proxy)
            self._wire = await asyncio.open_connection(
                "127.0.0.1", self._server.port, ssl=tls, server_hostname=SERVICE_HOST
            )
        reader, writer = self._wire
        writer.write(request)
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[:-1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        code = int(first.split()[1])
        length = 0 if request.startswith(b"HEAD") or code == 304 else int(headers.get("content-length", 0))
        body = await reader.readexactly(length)
        if "chunked" in headers.get("transfer-encoding", "") or headers.get("connection") == "close":
            self.close()
        return code, headers, body

    def close(self) -> None:
        if self._wire is not None:
            self._wire[1].transport.abort()
        self._wire = None


@pytest.mark.parametrize("seed", range(4))
async def test_every_request_gets_a_success_or_a_client_error(server: RunningServer, seed: int) -> None:
    """Section 15, items 4 and 8. A version of the future and an expired timeout are 504."""
    requests, connection = Requests(seed), Connection(server)
    codes: dict[int, int] = {}
    for _ in range(REQUESTS):
        request = requests.next()
        async with asyncio.timeout(ANSWERED_WITHIN_S):
            code, headers, body = await connection.answer(request)

        codes[code] = codes.get(code, 0) + 1
        assert code in (200, 304, 504) or 400 <= code < 500, request
        assert "location" not in headers, request
        assert "html" not in headers.get("content-type", ""), request
        if code >= 400 and body:
            status = json.loads(body)
            assert (status["kind"], status["code"], headers["content-type"]) == ("Status", code, "application/json")
    connection.close()

    assert (await server.request("/readyz")).code == 200
    assert {200, 400, 404, 405, 406} <= set(codes)
