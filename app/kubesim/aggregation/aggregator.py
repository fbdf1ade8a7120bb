"""The aggregation layer: an extension server behind the API server, with one APIService for each of its groups."""

import asyncio
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kubesim.access.authentication import User
from kubesim.aggregation.aggregatedgroup import AggregatedGroup
from kubesim.apierrors import no_such_path
from kubesim.installation import Installation
from kubesim.requests.requestinfo import RequestInfo
from kubesim.store.store import JsonObject, Store


class Aggregator:
    """Serves the groups of one extension server, once it is registered.

    `own_host` is the host:port of the API server, `front_proxy_files` the aggregator's certificate and key.
    """

    def __init__(
        self, store: Store, installation: Installation, own_host: str, front_proxy_files: tuple[Path, Path]
    ) -> None:
        self.installation: Final = installation
        self._groups: Final = [
            AggregatedGroup(store, one, own_host, front_proxy_files) for one in installation.by_api_service()
        ]

    def register(self, address: str, ca_bundle: bytes) -> None:
        """Registers the extension server that listens on host:port; `ca_bundle` in PEM verifies it."""
        for group in self._groups:
            group.register(address, ca_bundle)

    @property
    def backend(self) -> str:
        """The host:port where the extension server listens; empty before it is registered."""
        return self._groups[0].backend

    @property
    def group_versions(self) -> tuple[tuple[str, str], ...]:
        """The (group, version) of each APIService that exists."""
        return tuple(one for group in self._groups for one in group.group_versions)

    @property
    def group_items(self) -> tuple[JsonObject, ...]:
        """The items of the groups in aggregated discovery."""
        return tuple(one for group in self._groups for one in group.group_items)

    def serves(self, path: str) -> bool:
        """Whether requests for a path are proxied to the extension server."""
        return any(group.serves(path) for group in self._groups)

    async def ready(self) -> None:
        """Waits until the extension server is available and the resources of all groups are discovered."""
        for group in self._groups:
            await group.ready()

    async def run(self) -> None:
        """Checks and discovers the groups until cancelled; requests can be proxied meanwhile."""
        async with asyncio.TaskGroup() as tasks:
            for group in self._groups:
                tasks.create_task(group.run())

    async def proxy(self, request: Request, info: RequestInfo, user: User) -> Response:
        """The response of the extension server to a user's request, streamed; raises Timeout."""
        for group in self._groups:
            if group.serves(info.path):
                return await group.proxy(request, info, user)
        raise no_such_path()

    async def openapi_paths(self) -> JsonObject:
        """The entries of the extension server in the OpenAPI v3 index; empty if it does not respond with one."""
        found: JsonObject = {}
        for group in self._groups:
            found |= await group.openapi_paths()
        return found

    async def openapi_v2(self, accept: str) -> Response | None:
        """The OpenAPI v2 document of the extension server, which has all groups; None without one."""
        return await self._groups[0].openapi_v2(accept)
