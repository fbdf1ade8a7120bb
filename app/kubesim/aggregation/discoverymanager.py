"""Reads the resources of the extension server from its aggregated discovery document.

Follows k8s.io/kube-aggregator/pkg/apiserver/handler_discovery.go: at once when the extension server becomes
available, and then periodically.
"""

import asyncio
from typing import Final

import aiohttp
import msgspec

from kubesim.access.authentication import MASTERS, User
from kubesim.aggregation.extensionclient import ExtensionClient
from kubesim.installation import Installation
from kubesim.responses.discovery import DISCOVERY_GROUP, GROUP_DISCOVERY_LIST
from kubesim.store.store import JsonObject

_INTERVAL_S: Final = 60.0
_RETRY_S: Final = 0.5
_ACCEPT: Final = ",".join(
    f"application/json;g={DISCOVERY_GROUP};v={version};as={GROUP_DISCOVERY_LIST}" for version in ("v2", "v2beta1")
)
_USER: Final = User("system:kube-aggregator", (MASTERS,))


class DiscoveryManager:
    """Keeps the latest item of the extension server's group."""

    def __init__(self, client: ExtensionClient, installation: Installation) -> None:
        self._client: Final = client
        self._group: Final = installation.group
        self._version: Final = installation.version
        self._item = self._item_of([])
        self._etag = ""
        self._triggered = asyncio.Event()
        self._discovered = asyncio.Event()

    def reset(self) -> None:
        """Drops what was read, for another extension server."""
        self._item, self._etag = self._item_of([]), ""
        self._discovered.clear()

    def mark_unregistered(self) -> None:
        """The item is Stale until it was read again."""
        self._discovered.clear()

    def trigger(self) -> None:
        """Reads the document as soon as possible."""
        self._triggered.set()

    async def ready(self) -> None:
        """Waits until the document was read."""
        await self._discovered.wait()

    def item(self, is_available: bool) -> JsonObject:
        """The item of the group in aggregated discovery; Stale unless the server is available and was read."""
        freshness = {"freshness": "Current" if is_available and self._discovered.is_set() else "Stale"}
        return {**self._item, "versions": [{**version, **freshness} for version in self._item["versions"]]}

    async def run(self) -> None:
        """Reads the document after each trigger and periodically after that, until cancelled."""
        while True:
            await self._triggered.wait()
            self._triggered.clear()
            while not self._triggered.is_set():
                was_read = await self._read()
                await self._wait_for_trigger(_INTERVAL_S if was_read else _RETRY_S)

    async def _wait_for_trigger(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._triggered.wait()
        except TimeoutError:
            return

    async def _read(self) -> bool:
        """Reads the document once; False if the extension server did not respond with one."""
        headers = self._client.own_headers("/apis", _ACCEPT, _USER)
        if self._etag:
            headers["If-None-Match"] = self._etag
        try:
            fetched = await self._client.fetch("/apis", headers)
            if fetched.code == 304:
                return True
            if fetched.code != 200 or GROUP_DISCOVERY_LIST not in fetched.headers.get("Content-Type", ""):
                return False
            items = msgspec.json.decode(fetched.body, type=dict).get("items", [])
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            # The group keeps its resources; the availability check reports the error.
            return False
        self._etag = fetched.headers.get("ETag", "")
        self._item = self._item_of(items)
        self._discovered.set()
        return True

    def _item_of(self, items: list[JsonObject]) -> JsonObject:
        """The registered group version in an APIGroupDiscoveryList; without resources if it is missing."""
        for item in items:
            versions = [version for version in item["versions"] if version["version"] == self._version]
            if item["metadata"]["name"] == self._group and versions:
                return {**item, "versions": versions}
        return {"metadata": {"name": self._group}, "versions": [{"version": self._version, "resources": []}]}
