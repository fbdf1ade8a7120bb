"""The connection to the API server: requests, TLS, credentials and errors."""

import asyncio
import json
import logging
import socket
import ssl
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from kubesum.edge.tls import certificates
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.failures import Stalled, cause
from kubesum.kube.statuserror import StatusError
from kubesum.operations.metrics import UPSTREAM_REQUESTS
from kubesum.vocabulary.errors import UpstreamError
from tests.hanging import HANGS_AFTER_S
from tests.serving.runningserver import eventually
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.scriptedserver import (
    Answer,
    Script,
    body,
    cut,
    failure,
    playing,
    reset_watch,
    silence,
    silent_watch,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def server_context(tmp_path: Path, authority: certificates.KeyPair) -> ssl.SSLContext:
    """TLS of a server on loopback that accepts clients of the same authority."""
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.serving(authority, ("127.0.0.1",)).write(tmp_path, "server"))
    context.load_verify_locations(tmp_path / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


async def test_a_request_accepts_uncompressed_json(script: Script, upstream: Upstream) -> None:
    script.answers = [body(b'{"a": 1}')]

    assert await upstream.get("/api/v1/pods", {"limit": "5", "continue": "a+/="}) == b'{"a": 1}'
    request = script.requests[0]
    assert (request.method, request.path) == ("GET", "/api/v1/pods")
    assert request.query == {"limit": "5", "continue": "a+/="}
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("kubesum/")


async def test_requests_are_counted_as_by_client_go(script: Script, upstream: Upstream) -> None:
    """By code, method and host, without a user in the URL; a request without a response is an <error>."""
    host = f"127.0.0.1:{URL(upstream.host).port}"

    async def hang_up(_: asyncio.StreamWriter) -> None:
        raise ConnectionAbortedError

    # aiohttp asks once more where a kept connection is closed.
    script.answers = [body(b"{}"), failure(404, "NotFound", "no"), hang_up, hang_up]
    await upstream.get("/api", {})
    for _ in range(2):
        with pytest.raises(UpstreamError):
            await upstream.get("/api", {})

    counted = [UPSTREAM_REQUESTS.labels(code, "GET", host)._value.get() for code in ("200", "404", "<error>")]
    assert counted == [1, 1, 1]


async def test_a_body_is_posted_as_json(script: Script, upstream: Upstream) -> None:
    script.answers = [body(b"{}", 201)]

    await upstream.post("/apis/authentication.k8s.io/v1/tokenreviews", b'{"spec":{}}')

    assert script.requests[0].method == "POST"
    assert script.requests[0].headers["content-type"] == "application/json"
    assert script.requests[0].body == b'{"spec":{}}'


async def test_a_status_error_has_the_fields_of_the_status(script: Script, upstream: Upstream) -> None:
    script.answers = [failure(429, "TooManyRequests", "slow down", "Retry-After: 3\r\n")]

    with pytest.raises(StatusError) as caught:
        await upstream.get("/api", {})

    assert (caught.value.code, caught.value.reason, caught.value.message) == (429, "TooManyRequests", "slow down")
    assert caught.value.retry_after_s == 3
    assert str(caught.value) == f"{script.url}/api answers 429 TooManyRequests: slow down"


async def test_a_status_error_without_a_status_has_the_code(script: Script, upstream: Upstream) -> None:
    script.answers = [body(b"<h1>Bad gateway</h1>", 502, "text/html")]

    with pytest.raises(StatusError, match="answers 502: X"):
        await upstream.get("/api", {})


async def test_a_response_of_any_status_can_be_requested(script: Script, upstream: Upstream) -> None:
    script.answers = [body(b"readyz check failed\n", 500, "text/plain", "X-Header: a\r\nX-Header: b\r\n")]

    answer = await upstream.response("/readyz", {})

    assert (answer.code, answer.body) == (500, b"readyz check failed\n")
    assert answer.headers.getall("X-Header") == ["a", "b"]


async def test_redirects_are_not_followed(script: Script, upstream: Upstream) -> None:
    script.answers = [body(b"", 302, headers="Location: https://elsewhere.example/\r\n")]

    with pytest.raises(StatusError, match=r"answers 302: it redirects to https://elsewhere.example/, which is not"):
        await upstream.get("/api", {})
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (silence, "it does not answer in time"),
        (cut(b"{", 50), "the answer broke off"),
    ],
)
async def test_a_response_that_does_not_arrive_is_an_upstream_error(
    script: Script, upstream: Upstream, answer: Answer, sentence: str
) -> None:
    script.answers = [answer]

    with pytest.raises(UpstreamError) as caught:
        await upstream.get("/api", {}, timeout_s=0.2)

    assert str(caught.value) == f"cannot reach {script.url}: {sentence}"


async def error_of(upstream: Upstream) -> str:
    """The error of a request that fails."""
    with pytest.raises(UpstreamError) as caught:
        await upstream.get("/api", {}, 5)
    return str(caught.value).replace(upstream.host, "HOST")


async def test_a_server_that_does_not_speak_http_is_reported_as_such(script: Script, upstream: Upstream) -> None:
    async def greet(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    script.answers = [greet]

    assert await error_of(upstream) == "cannot reach HOST: it does not speak HTTP"


async def test_a_server_that_does_not_speak_tls_is_reported_as_such(tmp_path: Path) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        config = written_kubeconfig(tmp_path / "config", f"https://127.0.0.1:{port}")
        async with await connect(kubeconfig(config, None)) as upstream:
            assert await error_of(upstream) == "cannot reach HOST: TLS fails: wrong version number"


def test_the_tls_alert_of_a_server_that_demands_a_certificate_is_reported() -> None:
    """It was reported as `operation not permitted`, the meaning of errno 1 elsewhere."""
    alert = "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required (_ssl.c:2580)"

    assert cause(aiohttp.ClientOSError(1, alert)) == "TLS fails: tlsv13 alert certificate required"


async def test_netrc_is_not_used(
    script: Script, upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ~/.netrc with a default entry made every request fail, or logged in as somebody else."""
    (tmp_path / "netrc").write_text("default login eve password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    script.answers = [body(b"{}")]

    await upstream.get("/api", {})

    assert "authorization" not in script.requests[0].headers


async def test_a_stream_without_data_stalls(script: Script, upstream: Upstream) -> None:
    script.answers = [silent_watch(b"line\n")]

    async with asyncio.timeout(HANGS_AFTER_S), aclosing(upstream.stream("/api/v1/pods", {}, 0.1)) as chunks:
        assert await anext(chunks) == b""
        assert await anext(chunks) == b"line\n"
        with pytest.raises(Stalled, match="stopped sending data"):
            await anext(chunks)


async def test_what_arrives_in_the_pause_of_a_stream_is_one_chunk(script: Script, upstream: Upstream) -> None:
    go = asyncio.Event()

    async def slow(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"2\r\na\n\r\n")
        await go.wait()
        for line in (b"b\n", b"c\n"):
            writer.write(b"2\r\n" + line + b"\r\n")
        await silence(writer)

    script.answers = [slow]
    async with (
        asyncio.timeout(HANGS_AFTER_S),
        aclosing(upstream.stream("/api/v1/pods", {}, 5, lambda: 0.05)) as chunks,
    ):
        assert [await anext(chunks), await anext(chunks)] == [b"", b"a\n"]
        go.set()
        assert await anext(chunks) == b"b\nc\n"


async def test_a_connection_that_ends_in_a_pause_of_its_stream_is_an_error(
    script: Script, upstream: Upstream
) -> None:
    script.answers = [reset_watch(b"a\n")]

    async with (
        asyncio.timeout(HANGS_AFTER_S),
        aclosing(upstream.stream("/api/v1/pods", {}, 5, lambda: 0.05)) as chunks,
    ):
        assert [await anext(chunks), await anext(chunks)] == [b"", b"a\n"]
        with pytest.raises(UpstreamError, match="cannot reach"):
            await anext(chunks)


async def test_a_stream_uses_tcp_keepalive(
    script: Script, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: list[tuple[int, int, int]] = []
    real = socket.socket.setsockopt

    def record(self: socket.socket, level: int, name: int, value: int) -> None:
        options.append((level, name, value))
        real(self, level, name, value)

    monkeypatch.setattr(socket.socket, "setsockopt", record)
    script.answers = [silent_watch()]

    async with asyncio.timeout(HANGS_AFTER_S), aclosing(upstream.stream("/api/v1/pods", {}, 5)) as chunks:
        await anext(chunks)

    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in options
    assert (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30) in options
    assert (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000) in options


async def test_a_token_that_gets_401_is_reloaded(script: Script, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    config = written_kubeconfig(tmp_path / "config", script.url, {"tokenFile": str(token)})

    async with await connect(kubeconfig(config, None)) as upstream:
        token.write_text("new")
        script.answers = [failure(401, "Unauthorized", "Unauthorized"), body(b"{}")]

        assert await upstream.get("/api", {}) == b"{}"
    assert [request.headers["authorization"] for request in script.requests] == ["Bearer old", "Bearer new"]


async def test_credentials_that_get_401_twice_are_a_status_error(script: Script, tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", script.url, {"token": "stolen"})
    script.answers = [failure(401, "Unauthorized", "Unauthorized")] * 2

    async with await connect(kubeconfig(config, None)) as upstream:
        with pytest.raises(StatusError, match="answers 401 Unauthorized"):
            await upstream.get("/api", {})


async def test_a_kubeconfig_that_is_gone_when_it_is_reloaded_is_named(script: Script, tmp_path: Path) -> None:
    config = written_kubeconfig(tmp_path / "config", script.url, {"token": "stolen"})
    script.answers = [failure(401, "Unauthorized", "Unauthorized")]

    async with await connect(kubeconfig(config, None)) as upstream:
        config.unlink()
        with pytest.raises(UpstreamError, match=r"cannot reload the credentials .* does not exist"):
            await upstream.get("/api", {})


@pytest.mark.process
async def test_concurrent_requests_that_get_401_reload_credentials_once(script: Script, tmp_path: Path) -> None:
    counter = tmp_path / "count"
    plugin = tmp_path / "plugin"
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}
    plugin.write_text(f"#!/bin/sh\necho run >> {counter}\necho '{json.dumps(credential)}'\n")
    plugin.chmod(0o755)
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}}
    config = written_kubeconfig(tmp_path / "config", script.url, user)
    script.answers = [failure(401)] * 3 + [body(b"{}")] * 3

    async with await connect(kubeconfig(config, None)) as upstream, asyncio.timeout(HANGS_AFTER_S):
        await asyncio.gather(*(upstream.get("/api", {}) for _ in range(3)))

    assert counter.read_text() == "run\nrun\n"
    assert script.requests[0].headers["authorization"] == "Bearer t"


async def test_a_client_certificate_is_presented(tmp_path: Path) -> None:
    authority = certificates.authority("test")
    certificate, key = certificates.client(authority, "eve").write(tmp_path, "client")
    context = server_context(tmp_path, authority)
    context.verify_mode = ssl.CERT_REQUIRED

    async with playing(Script([body(b"{}")]), context) as script:
        user = {"client-certificate": str(certificate), "client-key": str(key)}
        config = written_kubeconfig(tmp_path / "config", script.url, user, {"certificate-authority": "ca.crt"})
        async with await connect(kubeconfig(config, None)) as upstream:
            assert await upstream.get("/api", {}) == b"{}"


async def test_a_stream_that_is_given_up_leaves_no_connection(tmp_path: Path) -> None:
    """The server has ended it, and more has arrived than is read ahead.

    asyncio never closed such a connection of TLS, however often it was told to.
    """
    authority = certificates.authority("test")
    ended = asyncio.Event()

    async def large(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"100000\r\n" + b"x" * 0xC0000)
        await writer.drain()
        writer.transport.abort()
        ended.set()

    async with playing(Script([large]), server_context(tmp_path, authority)) as script:
        config = written_kubeconfig(tmp_path / "config", script.url, None, {"certificate-authority": "ca.crt"})
        async with await connect(kubeconfig(config, None)) as upstream:
            async with aclosing(upstream.stream("/api", {}, 60)) as chunks:
                await anext(chunks)
                await ended.wait()
                await eventually(lambda: asyncio.sleep(0, connections(script) == ["CLOSE_WAIT"]))
            await eventually(lambda: asyncio.sleep(0, connections(script) == []))


def connections(script: Script) -> list[str]:
    """The states of the connections to a server on loopback."""
    port = f":{int(script.url.rpartition(':')[2]):04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    states = {"01": "ESTABLISHED", "08": "CLOSE_WAIT"}
    return [states[line[3]] for line in lines if line[2].endswith(port) and line[3] in states]


async def test_a_server_certificate_of_an_unknown_ca_is_not_trusted(tmp_path: Path) -> None:
    context = server_context(tmp_path, certificates.authority("test"))
    (tmp_path / "ca.crt").write_bytes(certificates.authority("other").certificate)

    async with playing(Script(), context) as script:
        config = written_kubeconfig(tmp_path / "config", script.url, None, {"certificate-authority": "ca.crt"})
        async with await connect(kubeconfig(config, None)) as upstream:
            with pytest.raises(UpstreamError, match=r"its certificate is not trusted: .*certificate"):
                await upstream.get("/api", {})


async def test_a_replaced_ca_is_reloaded(tmp_path: Path) -> None:
    new = certificates.authority("new")
    context = server_context(tmp_path, new)
    (tmp_path / "ca.crt").write_bytes(certificates.authority("old").certificate)

    async with playing(Script([body(b"{}")]), context) as script:
        config = written_kubeconfig(tmp_path / "config", script.url, None, {"certificate-authority": "ca.crt"})
        async with await connect(kubeconfig(config, None)) as upstream:
            (tmp_path / "ca.crt").write_bytes(new.certificate)
            assert await upstream.get("/api", {}) == b"{}"


async def test_a_response_that_is_too_large_is_an_error(script: Script, upstream: Upstream) -> None:
    script.answers = [body(b'"' + b"x" * 1000 + b'"'), body(b'"' + b"x" * 1000 + b'"')]

    with pytest.raises(UpstreamError, match=r"/api answers more than 1001 bytes$"):
        await upstream.get("/api", {}, max_bytes=1001)

    assert len(await upstream.get("/api", {}, max_bytes=1002)) == 1002


async def test_a_response_of_any_status_is_bounded_too(script: Script, upstream: Upstream) -> None:
    script.answers = [body(b"x" * 8_388_608, 500, "text/plain"), body(b"x" * 8_388_609, 500, "text/plain")]

    assert len((await upstream.response("/readyz", {})).body) == 8_388_608
    with pytest.raises(UpstreamError, match=r"/readyz answers more than 8388608 bytes$"):
        await upstream.response("/readyz", {})


async def test_the_level_debug_shows_every_request(
    script: Script, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """With the audit ID by which kube-apiserver's audit log has it, and without the body of a review."""
    script.answers = [body(b"{}", 201, headers="Audit-Id: a1\r\n"), silent_watch(b"{}\n"), reset_watch()]

    with caplog.at_level(logging.DEBUG, "kubesum"):
        await upstream.post("/apis/authentication.k8s.io/v1/tokenreviews", b'{"spec":{"token":"hunter2"}}')
        async with aclosing(upstream.stream("/api/v1/pods", {"watch": "true"}, 5)) as chunks:
            assert [await anext(chunks) for _ in range(2)] == [b"", b"{}\n"]
    lines = [vars(one) for one in caplog.records if one.levelname == "DEBUG"]

    assert [one["message"] for one in lines] == [
        *("request to the API server", "request to the API server", "stream of the API server ended")
    ]
    review, watch, end = lines
    assert (review["method"], review["code"], review["audit_id"]) == ("POST", 201, "a1")
    assert (watch["method"], watch["target"], watch["code"]) == ("GET", "/api/v1/pods?watch=true", 200)
    assert (end["path"], end["bytes"]) == ("/api/v1/pods", 3)
    assert "hunter2" not in caplog.text


async def test_a_request_without_a_response_has_code_0(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = written_kubeconfig(tmp_path / "config", "http://127.0.0.1:1")

    with caplog.at_level(logging.DEBUG, "kubesum"):
        async with await connect(kubeconfig(config, None)) as upstream:
            with pytest.raises(UpstreamError):
                await upstream.get("/version", {})

    (line,) = [vars(one) for one in caplog.records if one.name == "kubesum.kube.client"]
    assert (line["target"], line["code"]) == ("/version", 0)
