"""A client as simple as the protocol allows: it lists in pages, follows from there, and keeps a copy.

What client-go's reflector does where WatchList is not to be had, with nothing of kubesum's own in it
(k8s.io/client-go/tools/cache/reflector.go). With `sendInitialEvents` it does without the list.
"""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.hanging import HANGS_AFTER_S

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Copy:
    """One collection as a client knows it: (namespace, name) to the whole object, and the version that this is."""

    def __init__(self, session: aiohttp.ClientSession, path: str, page: int = 500) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.version = ""
        self.bookmarks: list[dict[str, str]] = []
        """The annotations of each bookmark seen."""
        self._session, self._path, self._page = session, path, page

    async def list(self) -> None:
        """Takes what there is in pages."""
        self.objects, params = {}, {"limit": str(self._page)}
        while True:
            async with self._session.get(self._path, params=params) as answer:
                assert answer.status == 200, await answer.text()
                page = await answer.json()
            self.objects |= {_key(item): item for item in page["items"]}
            self.version = page["metadata"]["resourceVersion"]
            if not (token := page["metadata"].get("continue")):
                return
            params["continue"] = token

    @asynccontextmanager
    async def watch(self, **params: str) -> AsyncIterator[AsyncIterator[str]]:
        """The type of each event of a watch from the version known, after the copy has taken it over."""
        params = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "30", **params}
        if self.version:
            params["resourceVersion"] = self.version
        async with self._session.get(self._path, params=params) as answer:
            assert answer.status == 200, await answer.text()
            yield self._events(answer)

    async def until(self, events: AsyncIterator[str], key: tuple[str, str], *, there: bool) -> None:
        """Follows the events until an object has come or gone."""
        async with asyncio.timeout(HANGS_AFTER_S):
            while (key in self.objects) is not there:
                await anext(events)

    async def _events(self, answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
        async for line in answer.content:
            event = json.loads(line)
            self._take(event["type"], event["object"])
            yield event["type"]

    def _take(self, type_: str, item: dict[str, Any]) -> None:
        assert type_ in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK"), item
        version = item["metadata"]["resourceVersion"]
        if type_ == "BOOKMARK":
            self.bookmarks.append(item["metadata"].get("annotations", {}))
        elif type_ == "DELETED":
            del self.objects[_key(item)]
        else:
            assert (_key(item) in self.objects) is (type_ == "MODIFIED")
            self.objects[_key(item)] = item
        self.version = version


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the server and the certificate of a kubeconfig's first cluster and user."""
    server, tls = _server(kubeconfig)
    limits = aiohttp.ClientTimeout(total=60)
    connector = aiohttp.TCPConnector(ssl=tls)
    async with aiohttp.ClientSession(server, connector=connector, timeout=limits) as session:
        yield session


def _server(kubeconfig: Path) -> tuple[str, ssl.SSLContext]:
    document = yaml.safe_load(kubeconfig.read_text())
    cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    # A context takes its own certificate from files alone.
    pair = kubeconfig.with_suffix(".pem")
    pair.write_bytes(b"".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
    tls.load_cert_chain(pair)
    return cluster["server"], tls


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]
