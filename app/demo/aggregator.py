"""The aggregation layer: one extension server behind the API server, probed, discovered and proxied to.

Speaks to the extension server as kube-aggregator does: mutual TLS with a certificate that only the aggregator
has, the caller's identity in headers, and requests of its own for availability and discovery. Sources:
k8s.io/kube-aggregator/pkg/apiserver (handler_proxy.go, handler_discovery.go, controllers/status/remote).
"""

import asyncio
import gzip
import ssl
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from yarl import URL

from app.demo import forwarding
from app.demo.accounts import MASTERS, SERVICE_NAME, SERVICE_NAMESPACE, User
from app.demo.answers import StreamCut, Streamed, text_answer
from app.demo.discovery import AGGREGATED, DISCOVERY_GROUP
from app.demo.forwarding import Headers
from app.demo.requests import Attributes
from app.demo.store import JsonObject, Store
from app.vocabulary.errors import Timeout
from app.vocabulary.resource import GROUP, VERSION

SERVICE_HOST: Final = f"{SERVICE_NAME}.{SERVICE_NAMESPACE}.svc"
"""The name that the extension server's certificate must have."""

ROOT: Final = f"/apis/{GROUP}/{VERSION}"
API_SERVICE: Final = f"{VERSION}.{GROUP}"

PROBE_INTERVAL_S: Final = 30.0
DISCOVERY_INTERVAL_S: Final = 60.0
_PROBES: Final = 5
_FIRST_RETRY_S: Final = 0.005
# In a cluster the endpoints that come and go wake the probe; here frequent retries stand for them.
_LONGEST_RETRY_S: Final = 1.0
_DISCOVERY_RETRY_S: Final = 0.5

_OWN_REQUEST_TIMEOUT_S: Final = 5.0
_REQUEST_TIMEOUT_S: Final = 60.0
_NO_HEADERS_OF_ITS_OWN: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_DISCOVERY_TYPES: Final = ",".join(
    f"application/json;g={DISCOVERY_GROUP};v={version};as={AGGREGATED}" for version in ("v2", "v2beta1")
)
_DISCOVERER: Final = User("system:kube-aggregator", (MASTERS,))
_SPEC_READER: Final = User("system:aggregator")


@dataclass(frozen=True, slots=True)
class Backend:
    """The extension server: its host:port, the PEM bundle that vouches for it, and the TLS made of both."""

    address: str
    ca_bundle: bytes
    tls: ssl.SSLContext


@dataclass(frozen=True, slots=True)
class _Fetched:
    code: int
    headers: Mapping[str, str]
    body: bytes


class Aggregator:
    """Stands for the APIService of one extension server.

    `own_host` is the host:port of the API server, `front_proxy_files` the aggregator's certificate and key.
    """

    def __init__(self, store: Store, own_host: str, front_proxy_files: tuple[Path, Path]) -> None:
        self._store: Final = store
        self._own_host: Final = own_host
        self._front_proxy_files: Final = front_proxy_files
        self._session: aiohttp.ClientSession | None = None
        self._backend: Backend | None = None
        self._problem: str | None = None
        self._group_item: JsonObject = {}
        self._etag = ""
        self._registered = asyncio.Event()
        self._rediscover = asyncio.Event()
        self._discovered = asyncio.Event()

    def register(self, address: str, ca_bundle: bytes) -> None:
        """Creates or replaces the APIService: an extension server at host:port, verified with a PEM bundle."""
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.load_verify_locations(cadata=ca_bundle.decode())
        tls.load_cert_chain(*self._front_proxy_files)
        tls.set_alpn_protocols(["http/1.1"])
        self._backend = Backend(address, ca_bundle, tls)
        self._problem = None
        self._group_item, self._etag = _group_item([]), ""
        self._discovered.clear()
        self._registered.set()

    @property
    def is_available(self) -> bool:
        """Whether the latest probe passed."""
        return self._problem == ""

    @property
    def group_versions(self) -> tuple[tuple[str, str], ...]:
        """The (group, version) that is aggregated; none before registration."""
        return ((GROUP, VERSION),) if self._backend else ()

    @property
    def group_items(self) -> tuple[JsonObject, ...]:
        """The aggregated group as discovery shows it, Stale while the extension server is not available."""
        if self._backend is None:
            return ()
        versions = self._group_item["versions"]
        is_current = self.is_available and self._discovered.is_set()
        freshness = {"freshness": "Current" if is_current else "Stale"}
        return ({**self._group_item, "versions": [{**version, **freshness} for version in versions]},)

    def serves(self, path: str) -> bool:
        """Whether requests for a path go to the extension server."""
        if self._backend is None:
            return False
        return path == ROOT or path.startswith((f"{ROOT}/", f"/openapi/v3{ROOT}"))

    async def ready(self) -> None:
        """Waits until the extension server is available and its resources are discovered."""
        await self._discovered.wait()

    async def run(self) -> None:
        """Probes and discovers what is registered, until cancelled; requests can be proxied meanwhile."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_HEADERS_OF_ITS_OWN,
        ) as self._session:
            await self._registered.wait()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._probe_for_ever())
                tasks.create_task(self._discover_for_ever())

    async def proxied(self, request: Request, wanted: Attributes, user: User) -> Response:
        """The extension server's answer to a client's request, streamed; raises Timeout if it is late."""
        if not self.is_available:
            return text_answer("service unavailable\n", 503)
        raw_path = request.scope["raw_path"].decode("ascii")
        client = request.client.host if request.client else ""
        headers = forwarding.request_headers(request.headers.raw, user, client, request.url.path)
        target = f"{raw_path}?{forwarding.query(request.url.query)}".rstrip("?")
        try:
            async with asyncio.timeout(_patience_s(wanted)):
                upstream = await self._request(request.method, target, headers, await request.body())
        except TimeoutError:
            raise Timeout("Timeout: request did not complete within the allotted timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            return text_answer(f"error trying to reach service: {error}\n", 503)
        if 300 <= upstream.status < 400 and "Location" in upstream.headers:
            upstream.close()
            return text_answer("the backend attempted to redirect this request, which is not permitted\n", 502)
        return _relayed(upstream)

    async def openapi_paths(self) -> JsonObject:
        """The extension server's entries of the OpenAPI v3 index; empty if it has none to give."""
        headers = self._own_headers("/openapi/v3", "application/json", _SPEC_READER)
        try:
            fetched = await self._fetch("/openapi/v3", headers)
            index: JsonObject = msgspec.json.decode(fetched.body, type=dict) if fetched.code == 200 else {}
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            # The index is served without this group, as a real one is while its extension server is down.
            return {}
        return {path: entry for path, entry in index.get("paths", {}).items() if f"/{path}" == ROOT}

    async def openapi_v2(self, accept: str) -> Response | None:
        """The extension server's OpenAPI v2 document in a form that a client accepts; None if it has none to give.

        A real aggregator reads JSON, merges it and translates it. Here nothing else is served in that version, so
        the document is passed on.
        """
        headers = self._own_headers("/openapi/v2", accept, _SPEC_READER)
        try:
            fetched = await self._fetch("/openapi/v2", headers)
        except (aiohttp.ClientError, OSError):
            return None
        return Response(fetched.body, media_type=fetched.headers["Content-Type"]) if fetched.code == 200 else None

    async def _probe_for_ever(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            self._registered.clear()
            problem = await self._probe()
            self._note(problem)
            retry_s = min(2 * retry_s, _LONGEST_RETRY_S) if problem else _FIRST_RETRY_S
            await _set_within(self._registered, retry_s if problem else PROBE_INTERVAL_S)

    async def _probe(self) -> str:
        """What is wrong with the extension server; empty if one of several requests was answered well."""
        problems = await asyncio.gather(*(self._probe_once() for _ in range(_PROBES)))
        return "" if "" in problems else problems[0]

    async def _probe_once(self) -> str:
        url = f"https://{SERVICE_HOST}{ROOT}"
        headers = Headers({"User-Agent": "Go-http-client/1.1"})
        headers.extend(forwarding.identity(_DISCOVERER))
        try:
            fetched = await self._fetch(ROOT, headers)
        except (aiohttp.ClientError, OSError) as error:
            return f"failing or missing response from {url}: {error or type(error).__name__}"
        if 200 <= fetched.code < 300:
            return ""
        return f"failing or missing response from {url}: bad status from {url}: {fetched.code}"

    def _note(self, problem: str) -> None:
        """Records a verdict in the APIService; only a change of it is news."""
        if problem == self._problem or self._backend is None:
            return
        self._problem = problem
        self._store.put("apiservices", _api_service(self._backend.ca_bundle, problem))
        if not problem:
            self._rediscover.set()

    async def _discover_for_ever(self) -> None:
        while True:
            await self._rediscover.wait()
            self._rediscover.clear()
            while not self._rediscover.is_set():
                has_item = await self._discover()
                await _set_within(self._rediscover, DISCOVERY_INTERVAL_S if has_item else _DISCOVERY_RETRY_S)

    async def _discover(self) -> bool:
        """Reads the group from `/apis` of the extension server; False if it did not answer in that form."""
        headers = self._own_headers("/apis", _DISCOVERY_TYPES, _DISCOVERER)
        if self._etag:
            headers["If-None-Match"] = self._etag
        try:
            fetched = await self._fetch("/apis", headers)
            if fetched.code == 304:
                return True
            if fetched.code != 200 or AGGREGATED not in fetched.headers.get("Content-Type", ""):
                return False
            items = msgspec.json.decode(fetched.body, type=dict).get("items", [])
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            # The group stays as it was; the probe tells what is wrong.
            return False
        self._etag = fetched.headers.get("ETag", "")
        self._group_item = _group_item(items)
        self._discovered.set()
        return True

    def _own_headers(self, path: str, accept: str, user: User) -> Headers:
        headers = Headers({"Accept": accept})
        headers.extend(forwarding.origin(self._own_host, path))
        headers.extend(forwarding.identity(user))
        return headers

    async def _fetch(self, path: str, headers: Headers) -> _Fetched:
        """The answer to a request of the aggregator's own, unpacked; raises ClientError or OSError."""
        headers["Accept-Encoding"] = "gzip"
        async with asyncio.timeout(_OWN_REQUEST_TIMEOUT_S):
            async with await self._request("GET", path, headers, b"") as answer:
                body = await answer.read()
        is_packed = answer.headers.get("Content-Encoding") == "gzip"
        return _Fetched(answer.status, answer.headers, gzip.decompress(body) if is_packed else body)

    async def _request(self, method: str, target: str, headers: Headers, body: bytes) -> aiohttp.ClientResponse:
        if self._session is None or self._backend is None:
            raise ConnectionError("the aggregator does not run")
        return await self._session.request(
            method,
            URL(f"https://{self._backend.address}{target}", encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
            ssl=self._backend.tls,
            server_hostname=SERVICE_HOST,
        )


def _relayed(upstream: aiohttp.ClientResponse) -> Response:
    answer = Streamed(_chunks(upstream), upstream.status)
    answer.raw_headers = forwarding.answer_headers(upstream.raw_headers)
    return answer


async def _chunks(upstream: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """The body as it arrives; whoever stops reading ends the request of the extension server."""
    try:
        async for chunk in upstream.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise StreamCut from error
    finally:
        upstream.close()


def _patience_s(wanted: Attributes) -> float | None:
    """How long the headers of an answer may take; discovery is quick, a watch is not bounded."""
    if wanted.verb == "watch":
        return None
    return _OWN_REQUEST_TIMEOUT_S if not wanted.resource else _REQUEST_TIMEOUT_S


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Waits for an event, but not longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _group_item(items: list[JsonObject]) -> JsonObject:
    """The one group version of ours out of an APIGroupDiscoveryList; without resources if it is missing."""
    for item in items:
        versions = [version for version in item["versions"] if version["version"] == VERSION]
        if item["metadata"]["name"] == GROUP and versions:
            return {**item, "versions": versions}
    return {"metadata": {"name": GROUP}, "versions": [{"version": VERSION, "resources": []}]}


def _api_service(ca_bundle: bytes, problem: str) -> JsonObject:
    condition = {
        "type": "Available",
        "status": "False" if problem else "True",
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": "FailedDiscoveryCheck" if problem else "Passed",
        "message": problem or "all checks passed",
    }
    spec = {
        "group": GROUP,
        "version": VERSION,
        "groupPriorityMinimum": 1000,
        "versionPriority": 15,
        "service": {"name": SERVICE_NAME, "namespace": SERVICE_NAMESPACE, "port": 443},
        "caBundle": b64encode(ca_bundle).decode(),
    }
    return {"metadata": {"name": API_SERVICE}, "spec": spec, "status": {"conditions": [condition]}}
