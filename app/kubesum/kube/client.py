"""The connection to the API server: requests out, bytes in, and every failure an UpstreamError.

Knows HTTP, not objects. TLS and credentials are those of kubernetes_asyncio. Answers are never asked for
compressed: on lists of a whole cluster that costs both ends more than the network saves. Redirects are not
followed, and neither cookies nor ~/.netrc are believed: nothing but the credentials decides who we are.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes_asyncio.client import ApiClient, Configuration
from multidict import CIMultiDictProxy
from yarl import URL

from kubesum import __version__
from kubesum.kube.credentials import ConfigLoader, fingerprint
from kubesum.kube.failures import Stalled, cause, refusal
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError, UsageError

ANSWER_DEADLINE_S: Final = 60.0
"""For a whole answer, to its last byte."""
LARGEST_ANSWER_BYTES: Final = 1 << 30
"""A page of 500 objects, each as large as etcd takes, has 750 MB."""
LARGEST_REPLY_BYTES: Final = 8 << 20
"""To what is sent there, one object, and to `response`, whatever it is."""
CONNECT_DEADLINE_S: Final = 10.0
CHUNK_BYTES: Final = 64 * 1024
"""The most of a stream that is taken at a time: decoded in a millisecond or two, its memory soon used again."""

_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"kubesum/{__version__}",
}

# A peer that vanished is noticed within 60 s, far sooner than by the silence of a stream.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    limits: aiohttp.ClientTimeout
    params: Mapping[str, str]
    body: bytes | None = None
    media_type: str = "application/json"

    @property
    def target(self) -> str:
        return f"{self.path}?{urlencode(self.params)}" if self.params else self.path

    @property
    def headers(self) -> dict[str, str]:
        return _HEADERS if self.body is None else {**_HEADERS, "Content-Type": self.media_type}


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer of any kind."""

    code: int
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Connections:
    """A pool of connections that were all set up from the same files."""

    api: ApiClient
    session: aiohttp.ClientSession
    fingerprint: bytes

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        digest = fingerprint(configuration)
        api = ApiClient(configuration)
        # Its own session follows ~/.netrc and keeps cookies; its connector is what knows TLS.
        session = aiohttp.ClientSession(
            connector=api.rest_client.pool_manager.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return cls(api, session, digest)

    async def close(self) -> None:
        await self.session.close()
        await self.api.close()


class Upstream:
    """One API server, and the connections to it."""

    def __init__(self, credentials: ConfigLoader, configuration: Configuration) -> None:
        self._credentials: Final = credentials
        self._configuration = configuration
        self._connections = _Connections.of(configuration)
        self._renewing: Final = asyncio.Lock()

    @property
    def host(self) -> str:
        """URL of the server, without a path."""
        return str(self._configuration.host)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends all connections."""
        await self._connections.close()

    async def get(
        self,
        path: str,
        params: Mapping[str, str],
        deadline_s: float = ANSWER_DEADLINE_S,
        most_bytes: int = LARGEST_ANSWER_BYTES,
    ) -> bytes:
        """The body of a successful answer; raises Refusal or another UpstreamError, also for a larger one."""
        return await self._body(_Request("GET", path, _within(deadline_s), params), most_bytes)

    async def post(self, path: str, body: bytes, deadline_s: float = ANSWER_DEADLINE_S) -> bytes:
        """The body of the successful answer to a JSON `body`; raises Refusal or another UpstreamError."""
        return await self._body(_Request("POST", path, _within(deadline_s), {}, body), LARGEST_REPLY_BYTES)

    async def merge(self, path: str, patch: bytes, deadline_s: float = ANSWER_DEADLINE_S) -> bytes:
        """The object at `path` after a JSON merge patch (RFC 7386); raises Refusal or another UpstreamError."""
        limits = _within(deadline_s)
        request = _Request("PATCH", path, limits, {}, patch, "application/merge-patch+json")
        return await self._body(request, LARGEST_REPLY_BYTES)

    async def response(self, path: str, params: Mapping[str, str], deadline_s: float = ANSWER_DEADLINE_S) -> Response:
        """Whatever is answered, refusals and text too; raises UpstreamError where nothing is, or too much."""
        with self._explained():
            async with await self._renewed_answer(_Request("GET", path, _within(deadline_s), params)) as answer:
                metrics.UPSTREAM_REQUESTS.labels(str(answer.status)).inc()
                return Response(answer.status, answer.headers, await _bounded(answer, LARGEST_REPLY_BYTES))

    async def stream(self, path: str, params: Mapping[str, str], idle_s: float) -> AsyncGenerator[bytes, None]:
        """The body of a successful answer in chunks as they arrive; before them an empty one, at its start.

        Raises Refusal, Stalled after `idle_s` without a byte, or another UpstreamError.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_DEADLINE_S, sock_read=idle_s)
        with self._explained():
            async with self._answer(_Request("GET", path, limits, params)) as answer:
                _keep_alive(answer)
                yield b""
                while chunk := await answer.content.read(CHUNK_BYTES):
                    yield chunk
                    # It must not live on here while the next one is awaited, perhaps for minutes.
                    del chunk

    async def _body(self, request: _Request, most_bytes: int) -> bytes:
        with self._explained():
            async with self._answer(request) as answer:
                return await _bounded(answer, most_bytes)

    @asynccontextmanager
    async def _answer(self, request: _Request) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer in JSON, its body still to be read."""
        async with await self._renewed_answer(request) as answer:
            metrics.UPSTREAM_REQUESTS.labels(str(answer.status)).inc()
            if not 200 <= answer.status < 300:
                raise await refusal(answer)
            if answer.content_type != "application/json":
                where = f"{self.host}{request.path}"
                raise UpstreamError(f"{where} answers {answer.content_type}: it is no Kubernetes API server")
            yield answer

    async def _renewed_answer(self, request: _Request) -> aiohttp.ClientResponse:
        """The answer; where credentials or authorities proved outdated, the one after reading them again."""
        used = self._configuration
        try:
            answer = await self._first_answer(request)
        except aiohttp.ClientConnectorCertificateError:
            await self._renew(used)
        else:
            if answer.status != 401:
                return answer
            answer.close()
            await self._renew(used)
        return await self._first_answer(request)

    async def _first_answer(self, request: _Request) -> aiohttp.ClientResponse:
        headers = dict(request.headers)
        await self._connections.api.update_params_for_auth(headers, [], ["BearerToken"])
        if "authorization" in headers:
            # Token files that people write end with a line break.
            headers["authorization"] = headers["authorization"].strip()
        return await self._connections.session.request(
            request.method,
            URL(self.host + request.target, encoded=True),
            headers=headers,
            data=request.body,
            timeout=request.limits,
            allow_redirects=False,
            proxy=self._configuration.proxy,
            server_hostname=self._configuration.tls_server_name,
        )

    async def _renew(self, used: Configuration) -> None:
        """Reads the credentials again, unless another request did since `used` was current."""
        async with self._renewing:
            if self._configuration is not used:
                return
            try:
                await self._replace(await self._credentials())
            except (UsageError, OSError) as error:
                metrics.CREDENTIAL_RELOADS.labels("error").inc()
                raise UpstreamError(f"the credentials for {self.host} cannot be read again: {error}") from error
            metrics.CREDENTIAL_RELOADS.labels("success").inc()

    async def _replace(self, configuration: Configuration) -> None:
        if fingerprint(configuration) == self._connections.fingerprint:
            self._connections.api.configuration = self._configuration = configuration
            return
        replaced = self._connections
        self._connections, self._configuration = _Connections.of(configuration), configuration
        # Streams that run on them end, and their readers resume with the new credentials.
        await replaced.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turns what a connection raises into an UpstreamError."""
        try:
            yield
        except aiohttp.SocketTimeoutError as error:
            raise Stalled(f"{self.host} has fallen silent") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            metrics.UPSTREAM_REQUESTS.labels("error").inc()
            raise UpstreamError(f"cannot reach {self.host}: {cause(error)}") from error


async def connect(credentials: ConfigLoader) -> Upstream:
    """The server that the credentials name, which is not contacted yet; raises UsageError."""
    configuration = await credentials()
    try:
        return Upstream(credentials, configuration)
    except OSError as error:
        files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
        named = ", ".join(name for name in files if name)
        raise UsageError(
            f"the certificates for {configuration.host} ({named}) are of no use: {cause(error)}"
        ) from error


async def _bounded(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > most_bytes:
            raise UpstreamError(f"{answer.url.origin()}{answer.url.path} answers more than {most_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _within(deadline_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=deadline_s, sock_connect=CONNECT_DEADLINE_S)


def _keep_alive(answer: aiohttp.ClientResponse) -> None:
    transport = answer.connection.transport if answer.connection else None
    connected = transport.get_extra_info("socket") if transport else None
    if connected is None:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
