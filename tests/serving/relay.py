"""What stands between a server and its cluster, hears which reviews it asks for, and can spoil their answers."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from kubesim.access import certificates
from kubesim.access.pki import Pki

Spec = dict[str, Any]
Spoiler = Callable[[str, Spec], Awaitable[web.StreamResponse | None]]
"""Given the kind of a review and its spec, another answer to it; None for that of the cluster."""

_OF_CONNECTIONS = ("Host", "Connection", "Transfer-Encoding", "Content-Length")


async def honest(_kind: str, _spec: Spec) -> web.StreamResponse | None:
    """Leaves all answers as they are."""
    return None


@dataclass
class Relay:
    """Passes everything on; reviews only if `spoiler` gives no other answer."""

    spoiler: Spoiler = honest
    reviews: list[tuple[str, Spec]] = field(default_factory=list)
    url: str = ""

    async def start(self, pki: Pki, target: str) -> None:
        """Begins to pass on to `target`, as somebody whom clients of the cluster trust."""
        self._target = target
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=ssl.create_default_context(cadata=pki.authority.certificate.decode()), limit=0
            ),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._passed_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=_tls(pki))
        await site.start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Ends all connections."""
        await self._session.close()
        await self._runner.cleanup()

    def asked(self, kind: str) -> list[Spec]:
        """The specs of the reviews of one kind that were asked for, in order."""
        return [spec for other, spec in self.reviews if other == kind]

    async def _passed_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.method == "POST":
            review = json.loads(body)
            self.reviews.append((review["kind"], review["spec"]))
            if (other := await self.spoiler(review["kind"], review["spec"])) is not None:
                return other
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name not in _OF_CONNECTIONS)
        url = URL(self._target + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, headers=headers, data=body or None) as answer:
            passed = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await passed.prepare(request)
            async for chunk in answer.content.iter_any():
                await passed.write(chunk)
            return passed


def _tls(pki: Pki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = Path(pki.front_proxy_files[0]).parent
    context.load_cert_chain(*certificates.serving(pki.authority, ("127.0.0.1",)).write(folder, "relay"))
    return context


def says(kind: str, status: Any, code: int = 201) -> web.Response:
    """A review with this status."""
    return web.json_response(
        {"kind": kind, "apiVersion": "v1", "metadata": {}, "spec": {}, "status": status}, status=code
    )


async def never(_kind: str, _spec: Spec) -> web.StreamResponse | None:
    """Says nothing."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")
