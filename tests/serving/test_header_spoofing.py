"""Identity headers that a client sends do not change the user of its connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.access import certificates
from kubesim.access.certificates import KeyPair
from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.serving.runningserver import RunningServer, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("forgery")) as server:
        yield server


@dataclass(frozen=True)
class Reply:
    """The first response on a connection; code 0 for none."""

    code: int
    text: str


async def exchanged(server: RunningServer, pair: KeyPair | None, request: bytes) -> Reply:
    """The response to bytes on a connection of their own, whose client presents `pair`."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", server.port, ssl=server.tls(pair), server_hostname=SERVICE_HOST
    )
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
        return Reply(int(lines[0].split()[1]), (await reader.readexactly(length)).decode())
    except (ConnectionError, asyncio.IncompleteReadError):
        return Reply(0, "")
    finally:
        writer.transport.abort()


# The headers with the largest effect are drawn most often.
NAMES = (*["Remote-User", "Remote-Group"] * 3, "Remote-Uid", "Remote-Extra-a%2fb", "Remote-Anything")
VALUES = (*["system:masters"] * 4, "root", "system:kube-aggregator", "", "system:authenticated", "zo\xeb")


@st.composite
def spelled(draw: st.DrawFn) -> bytes:
    """An identity header in some spelling: any case, underscores, blanks around its value."""
    name = f"X-{draw(st.sampled_from(NAMES))}"
    hyphens = draw(st.lists(st.sampled_from("---_"), min_size=name.count("-"), max_size=name.count("-")))
    for hyphen in hyphens:
        name = name.replace("-", "\0" if hyphen == "-" else "_", 1)
    written: Callable[[str], str] = draw(st.sampled_from([str.lower, str.upper, str.title, str.swapcase]))
    name = written(name.replace("\0", "-"))
    before, after = draw(st.sampled_from(("", " ", "\t", "   "))), draw(st.sampled_from(("", " ", "\t")))
    return f"{name}:{before}{draw(st.sampled_from(VALUES))}{after}\r\n".encode("latin-1")


@st.composite
def forged(draw: st.DrawFn) -> bytes:
    """A request with identity headers in its head, in trailers, or in a second request in its body."""
    claims = b"".join(draw(st.lists(spelled(), max_size=8)))
    behind_body = b"".join(draw(st.lists(spelled(), max_size=4)))
    head = b"GET /metrics HTTP/1.1\r\nHost: a\r\n"
    if not draw(st.booleans()):
        return head + claims + b"\r\n"
    announced = draw(st.sampled_from((b"", b"Trailer: X-Remote-User, X-Remote-Group\r\n", b"TE: trailers\r\n")))
    body = draw(st.sampled_from((b"", b"1\r\nx\r\n", b"1;x-remote-user=root\r\nx\r\n")))
    return head + claims + announced + b"Transfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n" + behind_body + b"\r\n"


CONNECTIONS = {
    "nothing": "system:anonymous",
    "a user's certificate": "zoë@example.org",
    "a user's certificate with the front proxy's name": "front-proxy-client",
}


@pytest.mark.parametrize(("connection", "user"), CONNECTIONS.items(), ids=CONNECTIONS)
@settings(max_examples=60)
@given(request=forged())
async def test_spoofed_identity_headers_do_not_change_the_user(
    server: RunningServer, connection: str, user: str, request: bytes
) -> None:
    """[A13] In any spelling, any number, and any place of a request."""
    pair = {
        "nothing": None,
        "a user's certificate": server.pki.people["tenant"],
        "a user's certificate with the front proxy's name": LIKE_A_PROXY.setdefault(
            server.port, certificates.client(server.pki.authority, "front-proxy-client")
        ),
    }[connection]

    reply = await exchanged(server, pair, request)

    assert reply.code == 403
    assert f'User \\"{user}\\" cannot get path' in reply.text


LIKE_A_PROXY: dict[int, KeyPair] = {}


@settings(max_examples=60)
@given(request=forged())
async def test_a_forwarded_client_cannot_add_to_the_identity_headers(server: RunningServer, request: bytes) -> None:
    """kube-apiserver replaces these headers and drops trailers, but forwards names with underscores."""
    head, blank, rest = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"x-remote-")]
    named = [*lines, b"X-Remote-User: jane", b"X-Remote-Group: dev"]

    reply = await exchanged(server, server.front_proxy, b"\r\n".join(named) + blank + rest)

    assert reply.code == 403
    assert 'User \\"jane\\" cannot get path' in reply.text


TRAILERS = b"Transfer-Encoding: chunked\r\nTrailer: X-Remote-Group\r\n\r\n0\r\nX-Remote-Group: system:masters\r\n\r\n"


async def test_trailers_do_not_change_a_forwarded_user(server: RunningServer) -> None:
    """uvicorn appends trailers to the headers."""
    named = b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Remote-User: jane\r\n"

    reply = await exchanged(server, server.front_proxy, named + TRAILERS)

    assert (reply.code, 'User \\"jane\\" cannot' in reply.text) == (403, True)


IMPERSONATIONS = (
    "Impersonate-User",
    "impersonate-group",
    "IMPERSONATE-UID",
    "Impersonate-Extra-a",
    "Impersonate_User",
)


@pytest.mark.parametrize("header", IMPERSONATIONS)
@pytest.mark.parametrize("who", ["forwarded", "certified", "a master"])
async def test_impersonation_is_refused(server: RunningServer, header: str, who: str) -> None:
    """[A14] kube-apiserver resolves impersonation, and forwards the impersonated user."""
    group = {"forwarded": "dev", "a master": "system:masters"}.get(who, "")
    named = f"X-Remote-User: jane\r\nX-Remote-Group: {group}\r\n" if group else ""
    pair = server.front_proxy if group else server.pki.people["admin"]

    reply = await exchanged(server, pair, f"GET /livez HTTP/1.1\r\nHost: a\r\n{named}{header}: root\r\n\r\n".encode())

    assert reply.code == 403
    assert "cannot impersonate here; ask through kube-apiserver" in reply.text
