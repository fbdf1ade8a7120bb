"""The aggregation layer: one extension server behind the API server, probed, discovered and proxied to.

Speaks to the extension server as kube-aggregator does: mutual TLS with a certificate that only the aggregator
has, the caller's identity in headers, and requests of its own for availability and discovery. What is registered,
and whom it believes, is what the objects of the store say at each moment; where the addresses in them lead is
known here alone. Sources: k8s.io/kube-aggregator/pkg/apiserver (handler_proxy.go, handler_discovery.go).
"""

import asyncio
import gzip
import ssl
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response
from yarl import URL

from kubesim.access.accounts import MASTERS, User
from kubesim.aggregation import forwarding, registration
from kubesim.aggregation.forwarding import Headers
from kubesim.aggregation.goerrors import go_error
from kubesim.aggregation.registration import PASSED, ApiServiceSpec, Availability
from kubesim.apierrors import Timeout
from kubesim.installation import Installation
from kubesim.requests.requestinfo import RequestInfo
from kubesim.responses.discovery import DISCOVERY_GROUP, GROUP_DISCOVERY_LIST
from kubesim.responses.httpresponses import StreamAborted, StreamedResponse, text_response
from kubesim.store.store import JsonObject, Store

PROBE_INTERVAL_S: Final = 30.0
DISCOVERY_INTERVAL_S: Final = 60.0
_PROBES: Final = 5
_FIRST_RETRY_S: Final = 0.005
_LONGEST_RETRY_S: Final = 1.0
"""Shorter than the 30 s of a real one, so that nobody waits for a server that restarts."""
_DISCOVERY_RETRY_S: Final = 0.5

_OWN_REQUEST_TIMEOUT_S: Final = 5.0
_REQUEST_TIMEOUT_S: Final = 60.0
_NO_HEADERS_OF_ITS_OWN: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_DISCOVERY_TYPES: Final = ",".join(
    f"application/json;g={DISCOVERY_GROUP};v={version};as={GROUP_DISCOVERY_LIST}" for version in ("v2", "v2beta1")
)
_DISCOVERER: Final = User("system:kube-aggregator", (MASTERS,))
_SPEC_READER: Final = User("system:aggregator")


@dataclass(frozen=True, slots=True)
class _Fetched:
    code: int
    headers: Mapping[str, str]
    body: bytes


class Aggregator:
    """Serves one extension server under the APIService that registers it.

    `installation` is what is registered, `own_host` the host:port of the API server, `front_proxy_files` the
    aggregator's certificate and key.
    """

    def __init__(
        self, store: Store, installation: Installation, own_host: str, front_proxy_files: tuple[Path, Path]
    ) -> None:
        self._store: Final = store
        self.installation: Final = installation
        self._group_version: Final = (installation.group, installation.version)
        self._root: Final = f"/apis/{installation.group}/{installation.version}"
        self._name: Final[str] = installation.api_service["metadata"]["name"]
        self._own_host: Final = own_host
        self._front_proxy_files: Final = front_proxy_files
        self._session: aiohttp.ClientSession | None = None
        self._address = ""
        self._tls: tuple[ApiServiceSpec, ssl.SSLContext] | None = None
        self._verdict: Availability | None = None
        self._group_item: JsonObject = {}
        self._etag = ""
        self._rediscover = asyncio.Event()
        self._discovered = asyncio.Event()

    def register(self, address: str, ca_bundle: bytes) -> None:
        """Installs an extension server that listens on host:port, verified with a PEM bundle."""
        self._address = address
        self._verdict, self._tls = None, None
        self._group_item, self._etag = self._item_of([]), ""
        self._discovered.clear()
        registration.install(self._store, self.installation, ca_bundle)

    @property
    def backend(self) -> str:
        """The host:port where the extension server listens, whatever address the cluster knows it by."""
        return self._address

    @property
    def is_available(self) -> bool:
        """Whether the latest checks passed."""
        return self._verdict == PASSED

    @property
    def _is_registered(self) -> bool:
        return self._store.get("apiservices", "", self._name) is not None

    @property
    def _registration(self) -> ApiServiceSpec | None:
        return registration.registration(self._store, self._name)

    @property
    def group_versions(self) -> tuple[tuple[str, str], ...]:
        """The (group, version) that is aggregated; none before registration."""
        return (self._group_version,) if self._is_registered else ()

    @property
    def group_items(self) -> tuple[JsonObject, ...]:
        """The aggregated group as discovery shows it, Stale while the extension server is not available."""
        if not self._is_registered:
            return ()
        versions = self._group_item["versions"]
        is_current = self.is_available and self._discovered.is_set()
        freshness = {"freshness": "Current" if is_current else "Stale"}
        return ({**self._group_item, "versions": [{**version, **freshness} for version in versions]},)

    def serves(self, path: str) -> bool:
        """Whether requests for a path go to the extension server."""
        is_ours = path == self._root or path.startswith((f"{self._root}/", f"/openapi/v3{self._root}"))
        return is_ours and self._is_registered

    async def ready(self) -> None:
        """Waits until the extension server is available and its resources are discovered."""
        await self._discovered.wait()

    async def run(self) -> None:
        """Probes and discovers what is registered, until cancelled; requests can be proxied meanwhile."""
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_NO_HEADERS_OF_ITS_OWN,
            ) as self._session,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self._probe_forever())
            tasks.create_task(self._discover_forever())

    async def proxy(self, request: Request, info: RequestInfo, user: User) -> Response:
        """The extension server's answer to a client's request, streamed; raises Timeout if it is late."""
        if not self.is_available:
            return text_response("service unavailable\n", 503)
        raw_path = request.scope["raw_path"].decode("ascii")
        client = request.client.host if request.client else ""
        headers = forwarding.request_headers(request.headers.raw, user, client, request.url.path)
        target = f"{raw_path}?{forwarding.query(request.url.query)}".rstrip("?")
        try:
            async with asyncio.timeout(_header_timeout_s(info)):
                upstream = await self._request(request.method, target, headers, await request.body())
        except TimeoutError:
            raise Timeout("Timeout: request did not complete within the allotted timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            return text_response(f"error trying to reach service: {await self._go_error(error)}\n", 503)
        if 300 <= upstream.status < 400 and "Location" in upstream.headers:
            upstream.close()
            return text_response("the backend attempted to redirect this request, which is not permitted\n", 502)
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
        return {path: entry for path, entry in index.get("paths", {}).items() if f"/{path}" == self._root}

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

    async def _probe_forever(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            seen = self._store.version
            availability = await self._checked()
            if not self._changed_since(seen):
                self._record(availability)
                seen = self._store.version
            is_well = availability in (None, PASSED)
            retry_s = _FIRST_RETRY_S if is_well else min(2 * retry_s, _LONGEST_RETRY_S)
            await self._wait_for_change(seen, PROBE_INTERVAL_S if is_well else retry_s)

    async def _checked(self) -> Availability | None:
        """What the checks say, None if nothing is registered."""
        registered = self._registration
        if registered is None:
            return None
        return registration.service_problem(self._store, registered.service) or await self._probe()

    async def _probe(self) -> Availability:
        """Passed if one of several requests was answered well."""
        url = f"https://{self._service_address}{self._root}"
        problems = await asyncio.gather(*(self._probe_once(url) for _ in range(_PROBES)))
        if "" in problems:
            return PASSED
        return Availability("FailedDiscoveryCheck", f"failing or missing response from {url}: {problems[0]}")

    async def _probe_once(self, url: str) -> str:
        headers = Headers({"User-Agent": "Go-http-client/1.1"})
        headers.extend(forwarding.identity(_DISCOVERER))
        try:
            fetched = await self._fetch(self._root, headers)
        except (aiohttp.ClientError, OSError) as error:
            return f'Get "{url}": {await self._go_error(error)}'
        return "" if 200 <= fetched.code < 300 else f"bad status from {url}: {fetched.code}"

    async def _go_error(self, error: Exception) -> str:
        return await go_error(error, self._service_address, self._address, self.installation.service_host)

    @property
    def _service_address(self) -> str:
        """The host:port that a real aggregator would connect to; empty if nothing is registered."""
        registered = self._registration
        return registration.address(self._store, registered.service) if registered else ""

    def _record(self, availability: Availability | None) -> None:
        """Records a verdict, and reads anew what an extension server serves that has become available."""
        was, self._verdict = self._verdict, availability
        if availability is None:
            self._discovered.clear()
            return
        registration.write_availability(self._store, self._name, availability)
        if availability == PASSED != was:
            self._rediscover.set()

    def _changed_since(self, seen: int) -> bool:
        return max(map(self._store.version_of, registration.READ)) > seen

    async def _wait_for_change(self, seen: int, within_s: float) -> None:
        """Waits until something that is read of the store has changed after a version, but not longer."""
        try:
            async with asyncio.timeout(within_s):
                while not self._changed_since(seen):
                    await self._store.wait_for(self._store.version + 1)
        except TimeoutError:
            return

    async def _discover_forever(self) -> None:
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
            if fetched.code != 200 or GROUP_DISCOVERY_LIST not in fetched.headers.get("Content-Type", ""):
                return False
            items = msgspec.json.decode(fetched.body, type=dict).get("items", [])
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            # The group stays as it was; the probe tells what is wrong.
            return False
        self._etag = fetched.headers.get("ETag", "")
        self._group_item = self._item_of(items)
        self._discovered.set()
        return True

    def _item_of(self, items: list[JsonObject]) -> JsonObject:
        """The registered group version out of an APIGroupDiscoveryList; without resources if it is missing."""
        name, version = self._group_version
        for item in items:
            versions = [one for one in item["versions"] if one["version"] == version]
            if item["metadata"]["name"] == name and versions:
                return {**item, "versions": versions}
        return {"metadata": {"name": name}, "versions": [{"version": version, "resources": []}]}

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
        registered = self._registration
        if self._session is None or registered is None or not self._address:
            raise ConnectionError("the aggregator does not run")
        return await self._session.request(
            method,
            URL(f"https://{self._address}{target}", encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
            ssl=self._tls_of(registered),
            server_hostname=self.installation.service_host,
        )

    def _tls_of(self, registered: ApiServiceSpec) -> ssl.SSLContext:
        """The TLS that a registration asks for; another one is another pool of connections."""
        if self._tls is None or self._tls[0] != registered:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if registered.insecure_skip_tls_verify:
                tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            elif registered.ca_bundle:
                tls.load_verify_locations(cadata=registered.ca_bundle.decode())
            tls.load_cert_chain(*self._front_proxy_files)
            tls.set_alpn_protocols(["http/1.1"])
            self._tls = registered, tls
        return self._tls[1]


def _relayed(upstream: aiohttp.ClientResponse) -> Response:
    answer = StreamedResponse(_chunks(upstream), upstream.status)
    answer.raw_headers = forwarding.response_headers(upstream.raw_headers)
    return answer


async def _chunks(upstream: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """The body as it arrives; whoever stops reading ends the request of the extension server."""
    try:
        async for chunk in upstream.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise StreamAborted from error
    finally:
        upstream.close()


def _header_timeout_s(info: RequestInfo) -> float | None:
    """How long the headers of an answer may take; discovery is quick, a watch is not bounded."""
    if info.verb == "watch":
        return None
    return _OWN_REQUEST_TIMEOUT_S if not info.resource else _REQUEST_TIMEOUT_S


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Waits for an event, but not longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
