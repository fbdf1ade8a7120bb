"""One APIService: the group and version of an extension server behind the API server.

As kube-aggregator it checks the availability of the extension server, discovers its resources, and proxies requests
to it with the user's identity in headers. Source: k8s.io/kube-aggregator/pkg/apiserver/handler_proxy.go.
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kubesim.access.authentication import User
from kubesim.aggregation import forwarding, registration
from kubesim.aggregation.availability import AvailabilityController
from kubesim.aggregation.discoverymanager import DiscoveryManager
from kubesim.aggregation.extensionclient import OWN_REQUEST_TIMEOUT_S, ExtensionClient
from kubesim.aggregation.forwarding import Headers
from kubesim.aggregation.upgrades import UpgradedResponse, head, is_upgrade
from kubesim.apierrors import Timeout
from kubesim.installation import Installation
from kubesim.requests.requestinfo import RequestInfo
from kubesim.responses.httpresponses import StreamAborted, StreamedResponse, text_response
from kubesim.store.store import JsonObject, Store

_REQUEST_TIMEOUT_S: Final = 60.0
_OPENAPI_USER: Final = User("system:aggregator")


class AggregatedGroup:
    """Serves one group of an extension server under its APIService, once it is registered.

    `installation` is that of the APIService alone. `own_host` is the host:port of the API server, `front_proxy_files`
    the aggregator's certificate and key.
    """

    def __init__(
        self, store: Store, installation: Installation, own_host: str, front_proxy_files: tuple[Path, Path]
    ) -> None:
        self._store: Final = store
        self.installation: Final = installation
        self._client: Final = ExtensionClient(store, installation, own_host, front_proxy_files)
        self._discovery: Final = DiscoveryManager(self._client, installation)
        self._availability: Final = AvailabilityController(store, installation, self._client, self._discovery)

    def register(self, address: str, ca_bundle: bytes) -> None:
        """Registers the extension server that listens on host:port; `ca_bundle` in PEM verifies it."""
        self._client.connect_to(address)
        self._availability.reset()
        self._discovery.reset()
        registration.install(self._store, self.installation, ca_bundle)

    @property
    def backend(self) -> str:
        """The host:port where the extension server listens; empty before it is registered."""
        return self._client.address

    @property
    def is_registered(self) -> bool:
        """Whether the APIService exists."""
        return self._store.get("apiservices", "", self.installation.api_service_name) is not None

    @property
    def group_versions(self) -> tuple[tuple[str, str], ...]:
        """The (group, version) of the APIService; none without it."""
        return ((self.installation.group, self.installation.version),) if self.is_registered else ()

    @property
    def group_items(self) -> tuple[JsonObject, ...]:
        """The item of the group in aggregated discovery; none without the APIService."""
        return (self._discovery.item(self._availability.is_available),) if self.is_registered else ()

    def serves(self, path: str) -> bool:
        """Whether requests for a path are proxied to the extension server."""
        root = self.installation.root
        return self.is_registered and (path == root or path.startswith((f"{root}/", f"/openapi/v3{root}")))

    async def ready(self) -> None:
        """Waits until the extension server is available and its resources are discovered."""
        await self._discovery.ready()

    async def run(self) -> None:
        """Checks and discovers the extension server until cancelled; requests can be proxied meanwhile."""
        async with self._client.session(), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._availability.run())
            tasks.create_task(self._discovery.run())

    async def proxy(self, request: Request, info: RequestInfo, user: User) -> Response:
        """The response of the extension server to a user's request, streamed; raises Timeout."""
        if not self._availability.is_available:
            return text_response("service unavailable\n", 503)
        raw_path = request.scope["raw_path"].decode("ascii")
        client = request.client.host if request.client else ""
        headers = forwarding.request_headers(request.headers.raw, user, client, request.url.path)
        target = f"{raw_path}?{forwarding.query(request.url.query)}".rstrip("?")
        if is_upgrade(request.headers):
            return await self._upgraded(request, target, headers)
        try:
            async with asyncio.timeout(_header_timeout_s(info)):
                upstream = await self._client.request(request.method, target, headers, await request.body())
        except TimeoutError:
            raise Timeout("Timeout: request did not complete within the allotted timeout") from None
        except (aiohttp.ClientError, OSError) as error:
            return text_response(f"error trying to reach service: {await self._client.error_text(error)}\n", 503)
        if 300 <= upstream.status < 400 and "Location" in upstream.headers:
            upstream.close()
            return text_response("the backend attempted to redirect this request, which is not permitted\n", 502)
        return _relayed(upstream)

    async def _upgraded(self, request: Request, target: str, headers: Headers) -> Response:
        """The connection of a request that is to be upgraded, handed over to the extension server."""
        headers.extend({"Connection": "Upgrade", "Upgrade": request.headers.get("upgrade", "")})
        try:
            async with asyncio.timeout(OWN_REQUEST_TIMEOUT_S):
                reader, writer = await self._client.connection()
        except (OSError, TimeoutError) as error:
            return text_response(f"error trying to reach service: {await self._client.error_text(error)}\n", 503)
        writer.write(head(request.method, target, self.installation.service_host, headers))
        return UpgradedResponse(request, (reader, writer))

    async def openapi_paths(self) -> JsonObject:
        """The entries of the extension server in the OpenAPI v3 index; empty if it does not respond with one."""
        headers = self._client.own_headers("/openapi/v3", "application/json", _OPENAPI_USER)
        try:
            fetched = await self._client.fetch("/openapi/v3", headers)
            index: JsonObject = msgspec.json.decode(fetched.body, type=dict) if fetched.code == 200 else {}
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            # The index lacks the group while its extension server is down, as that of kube-aggregator.
            return {}
        return {path: entry for path, entry in index.get("paths", {}).items() if f"/{path}" == self.installation.root}

    async def openapi_v2(self, accept: str) -> Response | None:
        """The OpenAPI v2 document of the extension server in an accepted media type; None without one.

        kube-aggregator merges the documents of all servers. The simulated API server has none of its own, so this one
        is the whole.
        """
        headers = self._client.own_headers("/openapi/v2", accept, _OPENAPI_USER)
        try:
            fetched = await self._client.fetch("/openapi/v2", headers)
        except (aiohttp.ClientError, OSError):
            return None
        return Response(fetched.body, media_type=fetched.headers["Content-Type"]) if fetched.code == 200 else None


def _relayed(upstream: aiohttp.ClientResponse) -> Response:
    response = StreamedResponse(_chunks(upstream), upstream.status)
    response.raw_headers = forwarding.response_headers(upstream.raw_headers)
    return response


async def _chunks(upstream: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """The chunks of the body as they arrive; closing the generator closes the upstream response."""
    try:
        async for chunk in upstream.content.iter_any():
            yield chunk
    except (aiohttp.ClientError, OSError) as error:
        raise StreamAborted from error
    finally:
        upstream.close()


def _header_timeout_s(info: RequestInfo) -> float | None:
    """How long to wait for the headers of a response; None for a watch."""
    if info.verb == "watch":
        return None
    return OWN_REQUEST_TIMEOUT_S if not info.resource else _REQUEST_TIMEOUT_S
