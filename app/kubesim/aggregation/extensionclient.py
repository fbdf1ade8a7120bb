"""Requests to the extension server, with the TLS that kube-aggregator uses.

The APIService and the Service in the store decide what is verified, at the time of each request. The address in them
exists only in the simulation, so the client connects to the address where the extension server was registered.
"""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from kubesim.access.authentication import User
from kubesim.aggregation import forwarding, registration
from kubesim.aggregation.forwarding import Headers
from kubesim.aggregation.goerrors import go_error
from kubesim.aggregation.registration import ApiServiceSpec
from kubesim.installation import Installation
from kubesim.store.store import Store

OWN_REQUEST_TIMEOUT_S: Final = 5.0
_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp adds by itself and Go does not."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole response, decompressed."""

    code: int
    headers: Mapping[str, str]
    body: bytes


class ExtensionClient:
    """Sends the aggregator's requests, which its certificate authenticates.

    `own_host` is the host:port of the API server, `front_proxy_files` the aggregator's certificate and key.
    """

    def __init__(
        self, store: Store, installation: Installation, own_host: str, front_proxy_files: tuple[Path, Path]
    ) -> None:
        self._store: Final = store
        self._installation: Final = installation
        self._own_host: Final = own_host
        self._front_proxy_files: Final = front_proxy_files
        self._session: aiohttp.ClientSession | None = None
        self._tls: tuple[ApiServiceSpec, ssl.SSLContext] | None = None
        self._address = ""

    @property
    def address(self) -> str:
        """The host:port where the extension server listens; empty before it is registered."""
        return self._address

    def connect_to(self, address: str) -> None:
        """Sends later requests to another host:port."""
        self._address, self._tls = address, None

    @property
    def api_service(self) -> ApiServiceSpec | None:
        """The spec of the APIService as it is stored, None without one."""
        return registration.api_service(self._store, self._installation.api_service_name)

    @property
    def service_address(self) -> str:
        """The host:port of the Service, which a real aggregator connects to; empty without an APIService."""
        api_service = self.api_service
        return registration.address(self._store, api_service.service) if api_service else ""

    @asynccontextmanager
    async def session(self) -> AsyncIterator[None]:
        """Connections are kept open within this context; requests outside of it raise ConnectionError."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NOT_ADDED,
        ) as self._session:
            yield

    async def fetch(self, path: str, headers: Headers) -> Fetched:
        """The response to a GET of the aggregator itself; raises ClientError or OSError."""
        headers["Accept-Encoding"] = "gzip"
        async with asyncio.timeout(OWN_REQUEST_TIMEOUT_S):
            async with await self.request("GET", path, headers, b"") as response:
                body = await response.read()
        is_compressed = response.headers.get("Content-Encoding") == "gzip"
        return Fetched(response.status, response.headers, gzip.decompress(body) if is_compressed else body)

    async def request(self, method: str, target: str, headers: Headers, body: bytes) -> aiohttp.ClientResponse:
        """The response to a request, of which the headers have arrived; raises ClientError or OSError."""
        api_service = self.api_service
        if self._session is None or api_service is None or not self._address:
            raise ConnectionError("the aggregator does not run")
        return await self._session.request(
            method,
            URL(f"https://{self._address}{target}", encoded=True),
            headers=headers,
            data=body or None,
            allow_redirects=False,
            ssl=self._tls_of(api_service),
            server_hostname=self._installation.service_host,
        )

    async def connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection of its own, with the same TLS; raises OSError."""
        api_service = self.api_service
        if api_service is None or not self._address:
            raise ConnectionError("the aggregator does not run")
        host, _, port = self._address.rpartition(":")
        tls, name = self._tls_of(api_service), self._installation.service_host
        return await asyncio.open_connection(host, int(port), ssl=tls, server_hostname=name)

    def own_headers(self, path: str, accept: str, user: User) -> Headers:
        """The headers of a request that the aggregator makes as `user`."""
        headers = Headers({"Accept": accept})
        headers.extend(forwarding.origin(self._own_host, path))
        headers.extend(forwarding.identity(user))
        return headers

    async def error_text(self, error: Exception) -> str:
        """The error of a request in the words of a Go client."""
        return await go_error(error, self.service_address, self._address, self._installation.service_host)

    def _tls_of(self, api_service: ApiServiceSpec) -> ssl.SSLContext:
        """The TLS context of an APIService; a new context does not reuse the connections of another."""
        if self._tls is None or self._tls[0] != api_service:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if api_service.insecure_skip_tls_verify:
                tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            elif api_service.ca_bundle:
                tls.load_verify_locations(cadata=api_service.ca_bundle.decode())
            tls.load_cert_chain(*self._front_proxy_files)
            tls.set_alpn_protocols(["http/1.1"])
            self._tls = api_service, tls
        return self._tls[1]
