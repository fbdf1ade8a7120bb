"""The connection to the API server: sends requests, returns bytes, raises every failure as an UpstreamError.

It handles HTTP, not objects. TLS and credentials are set up by kubernetes_asyncio. Responses are requested without
compression: for lists of a whole cluster that costs both ends more than the network saves. Redirects are not
followed and cookies and ~/.netrc not used, so that requests carry no identity but that of the kubeconfig or
ServiceAccount.

Every await on a connection has a deadline of this module. Those of aiohttp are not enough: when its parser fails it
cancels its read timeout, and does not pass the error on to the reader of a body that has begun.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from kubesum import __version__
from kubesum.kube.clientlibrary import Configuration
from kubesum.kube.clockskew import observe_clock_skew
from kubesum.kube.connectionpool import ConnectionPool
from kubesum.kube.credentials import ConfigLoader, fingerprint
from kubesum.kube.failures import Stalled, TooLarge, Unreachable, cause, status_error, without_frames
from kubesum.kube.streamedresponse import end_with_connection, keep_alive, pause
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError, UsageError

log = logging.getLogger(__name__)

RESPONSE_TIMEOUT_S: Final = 60.0
"""Until the last byte of a response, with credentials that are loaded again meanwhile."""
MAX_LIST_BYTES: Final = 64 << 20
"""Largest response to a GET; a page of a list that has more is asked for with fewer objects (kube.pages)."""
MAX_OBJECT_BYTES: Final = 8 << 20
"""Largest response to a POST or PATCH, which is one object, and to `response`."""
CONNECT_TIMEOUT_S: Final = 10.0
CHUNK_BYTES: Final = 64 * 1024
"""Read from a stream at a time: it is decoded within 2 ms, and small buffers are reused."""

JSON: Final = "application/json"
TABLE: Final = "application/json;as=Table;g=meta.k8s.io;v=v1"
"""Media types for Accept; a Table has the columns that kubectl prints (k8s.io/apimachinery/pkg/apis/meta/v1)."""

_HEADERS: Final = {
    "Accept": JSON,
    "Accept-Encoding": "identity",
    "User-Agent": f"kubesum/{__version__}",
}


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    limits: aiohttp.ClientTimeout
    params: Mapping[str, str]
    body: bytes | None = None
    media_type: str = JSON
    accept: str = JSON

    @property
    def target(self) -> str:
        return f"{self.path}?{urlencode(self.params)}" if self.params else self.path

    @property
    def headers(self) -> dict[str, str]:
        headers = _HEADERS if self.accept == JSON else {**_HEADERS, "Accept": self.accept}
        return headers if self.body is None else {**headers, "Content-Type": self.media_type}


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response with any status."""

    code: int
    headers: CIMultiDictProxy[str]
    body: bytes


class Upstream:
    """A client of one API server."""

    def __init__(self, load: ConfigLoader, configuration: Configuration) -> None:
        self._load: Final = load
        self._configuration = configuration
        self._pool = ConnectionPool.of(configuration)
        self._reloading: Final = asyncio.Lock()
        self.has_answered = False
        """Whether a response has arrived yet, with any status."""

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
        await self._pool.close()

    async def get(
        self,
        path: str,
        params: Mapping[str, str],
        timeout_s: float = RESPONSE_TIMEOUT_S,
        max_bytes: int = MAX_LIST_BYTES,
        accept: str = JSON,
    ) -> bytes:
        """The body of a 2xx response; raises StatusError, TooLarge above `max_bytes`, or another UpstreamError."""
        return await self._body(_Request("GET", path, _within(timeout_s), params, accept=accept), max_bytes)

    async def get_chunks(
        self, path: str, params: Mapping[str, str], timeout_s: float, max_bytes: int
    ) -> Sequence[bytes]:
        """What `get` gives, in the chunks in which it arrived: to join a large body takes tens of milliseconds."""
        return await self._chunks(_Request("GET", path, _within(timeout_s), params), max_bytes)

    async def post(self, path: str, body: bytes, timeout_s: float = RESPONSE_TIMEOUT_S) -> bytes:
        """The body of the 2xx response to a JSON `body`; raises StatusError or another UpstreamError."""
        return await self._body(_Request("POST", path, _within(timeout_s), {}, body), MAX_OBJECT_BYTES)

    async def merge(self, path: str, patch: bytes, timeout_s: float = RESPONSE_TIMEOUT_S) -> bytes:
        """The object at `path` after a JSON merge patch (RFC 7386); raises StatusError or another UpstreamError."""
        limits = _within(timeout_s)
        request = _Request("PATCH", path, limits, {}, patch, "application/merge-patch+json")
        return await self._body(request, MAX_OBJECT_BYTES)

    async def apply_status(
        self, path: str, body: bytes, manager: str, timeout_s: float = RESPONSE_TIMEOUT_S
    ) -> bytes:
        """The object after server-side apply of its status; raises StatusError or another UpstreamError.

        `manager` then owns the fields in `body`, whoever owned them before. Where `body` has a resourceVersion, an
        object that has changed since is a conflict.
        """
        params = {"fieldManager": manager, "force": "true"}
        request = _Request(
            "PATCH", f"{path}/status", _within(timeout_s), params, body, "application/apply-patch+yaml"
        )
        return await self._body(request, MAX_OBJECT_BYTES)

    async def response(
        self, path: str, params: Mapping[str, str], timeout_s: float = RESPONSE_TIMEOUT_S, accept: str = JSON
    ) -> Response:
        """The response with any status and media type; raises UpstreamError without one or if it is too large."""
        with self._upstream_errors():
            request = _Request("GET", path, _within(timeout_s), params, accept=accept)
            async with asyncio.timeout(timeout_s), self._any_response(request) as response:
                body = b"".join(await _bounded(response, MAX_OBJECT_BYTES))
                return Response(response.status, response.headers, body)

    async def stream(
        self,
        path: str,
        params: Mapping[str, str],
        idle_s: float,
        pause_s: Callable[[], float] = lambda: 0.0,
        accept: str = JSON,
    ) -> AsyncGenerator[bytes, None]:
        """The body of a 2xx response in chunks as they arrive, after an empty one once its headers have arrived.

        What follows a chunk that was all there was is left in the kernel's buffers for `pause_s()` seconds, and then
        read at once. Raises StatusError, Stalled after `idle_s` without a byte, or another UpstreamError.
        """
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=idle_s)
        request = _Request("GET", path, limits, params, accept=accept)
        # Not an AsyncExitStack: its frames hold the error that passes through, which holds them.
        with self._upstream_errors():
            async with self._json_response(request, idle_s) as response:
                keep_alive(response)
                end_with_connection(response)
                with _logged_end(path, response.content):
                    yield b""
                    while True:
                        async with self._within_idle(idle_s):
                            chunk = await response.content.read(CHUNK_BYTES)
                        if not chunk:
                            return
                        is_all = len(chunk) < CHUNK_BYTES
                        yield chunk
                        # Frees the chunk's memory: the next one may take minutes to arrive.
                        del chunk
                        if is_all:
                            await pause(response, pause_s())

    @asynccontextmanager
    async def _within_idle(self, idle_s: float | None) -> AsyncIterator[None]:
        """Raises Stalled if what happens within takes longer; None for no limit."""
        try:
            async with asyncio.timeout(idle_s) as deadline:
                yield
        except TimeoutError as error:
            if deadline.expired():
                raise Stalled(f"{self.host} stopped sending data") from error
            raise

    async def _body(self, request: _Request, max_bytes: int) -> bytes:
        return b"".join(await self._chunks(request, max_bytes))

    async def _chunks(self, request: _Request, max_bytes: int) -> Sequence[bytes]:
        with self._upstream_errors():
            async with asyncio.timeout(request.limits.total), self._json_response(request) as response:
                return await _bounded(response, max_bytes)

    @asynccontextmanager
    async def _json_response(
        self, request: _Request, idle_s: float | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A 2xx response in JSON whose body is not read yet; raises Stalled if its head takes more than `idle_s`."""
        async with self._any_response(request, idle_s) as response:
            if not 200 <= response.status < 300:
                async with self._within_idle(idle_s):
                    raise await status_error(response)
            if response.content_type != "application/json":
                where = f"{self.host}{request.path}"
                raise UpstreamError(f"{where} answers {response.content_type}: it is no Kubernetes API server")
            yield response

    @asynccontextmanager
    async def _any_response(
        self, request: _Request, idle_s: float | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose body is not read yet; its connection is kept only if it is then."""
        async with self._within_idle(idle_s):
            response = await self._authorized(request)
        async with response:
            try:
                yield response
            finally:
                # asyncio never closes a connection of TLS that its peer has ended while nothing was read from it.
                if response.connection is not None and response.connection.transport is not None:
                    response.connection.transport.abort()

    async def _authorized(self, request: _Request) -> aiohttp.ClientResponse:
        """The response; after 401 or an untrusted certificate, the one to a second try with reloaded credentials."""
        used = self._configuration
        try:
            response = await self._sent(request)
        except aiohttp.ClientConnectorCertificateError:
            await self._reload(used)
        else:
            if response.status != 401:
                return response
            response.close()
            await self._reload(used)
        return await self._sent(request)

    async def _sent(self, request: _Request) -> aiohttp.ClientResponse:
        headers = dict(request.headers)
        await self._pool.api.update_params_for_auth(headers, [], ["BearerToken"])
        if "authorization" in headers:
            # Token files written by hand end with a line break.
            headers["authorization"] = headers["authorization"].strip()
        began, response = time.perf_counter(), None
        try:
            response = await self._pool.session.request(
                request.method,
                URL(self.host + request.target, encoded=True),
                headers=headers,
                data=request.body,
                timeout=request.limits,
                allow_redirects=False,
                proxy=self._configuration.proxy,
                server_hostname=self._configuration.tls_server_name,
            )
        finally:
            took_s = time.perf_counter() - began
            _count(request.method, URL(self.host).host_port_subcomponent or "", response, took_s)
            if log.isEnabledFor(logging.DEBUG):
                log.debug("request to the API server", extra=_exchange(request, response, took_s))
        self.has_answered = True
        observe_clock_skew(response.headers.get("Date", ""), took_s)
        return response

    async def _reload(self, used: Configuration) -> None:
        """Loads the configuration again, unless another request has replaced `used` already."""
        async with self._reloading:
            if self._configuration is not used:
                return
            try:
                await self._replace(await self._load())
            except (UsageError, OSError) as error:
                metrics.CREDENTIAL_RELOADS.labels("error").inc()
                raise UpstreamError(f"cannot reload the credentials for {self.host}: {error}") from error
            metrics.CREDENTIAL_RELOADS.labels("success").inc()

    async def _replace(self, configuration: Configuration) -> None:
        if fingerprint(configuration) == self._pool.fingerprint:
            self._pool.api.configuration = self._configuration = configuration
            return
        log.info("credentials for the API server replaced", extra={"host": self.host})
        replaced = self._pool
        self._pool, self._configuration = ConnectionPool.of(configuration), configuration
        # Closing ends their watches; the reflectors resume them over the new connections.
        await replaced.close()

    @contextmanager
    def _upstream_errors(self) -> Iterator[None]:
        """Raises what a connection raises as an UpstreamError."""
        try:
            yield
        except aiohttp.SocketTimeoutError as error:
            raise Stalled(f"{self.host} stopped sending data") from without_frames(error)
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"cannot reach {self.host}: {cause(error)}") from without_frames(error)
        # aiohttp raises RuntimeError for a connection or session that is closed before a read or request begins.
        except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
            raise UpstreamError(f"cannot reach {self.host}: {cause(error)}") from without_frames(error)


def _count(method: str, host: str, response: aiohttp.ClientResponse | None, seconds: float) -> None:
    """Counts a request, as client-go does (k8s.io/client-go/rest/request.go)."""
    code = "<error>" if response is None else str(response.status)
    metrics.UPSTREAM_REQUESTS.labels(code, method, host).inc()
    metrics.UPSTREAM_REQUEST_DURATION.labels(method, host).observe(seconds)


async def connect(load: ConfigLoader) -> Upstream:
    """A client of the API server that the configuration names; sends no request yet. Raises UsageError."""
    return Upstream(load, await load())


async def _bounded(response: aiohttp.ClientResponse, max_bytes: int) -> Sequence[bytes]:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge(f"{response.url.origin()}{response.url.path} answers more than {max_bytes} bytes", chunks)
        chunks.append(chunk)
    return chunks


def _exchange(request: _Request, response: aiohttp.ClientResponse | None, took_s: float) -> dict[str, object]:
    """What the log says of a request; the code is 0 if there was no response."""
    code, audit_id = (response.status, response.headers.get("Audit-Id", "")) if response is not None else (0, "")
    sent = {"method": request.method, "target": request.target, "code": code, "latency_ms": round(took_s * 1000, 1)}
    return sent | ({"audit_id": audit_id} if audit_id else {})


@contextmanager
def _logged_end(path: str, body: aiohttp.StreamReader) -> Iterator[None]:
    """Logs the end of a stream, with the bytes of its body that aiohttp has received."""
    began = time.perf_counter()
    try:
        yield
    finally:
        seconds = round(time.perf_counter() - began, 1)
        log.debug(
            "stream of the API server ended", extra={"path": path, "seconds": seconds, "bytes": body.total_bytes}
        )


def _within(timeout_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)
