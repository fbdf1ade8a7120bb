"""A proxy between kubesum and the API server that records reviews and can override their responses."""

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
Override = Callable[[str, Spec], Awaitable[web.StreamResponse | None]]
"""Given the kind and spec of a review, the response in place of the API server's; None for that one."""

_OF_CONNECTIONS = ("Host", "Connection", "Transfer-Encoding", "Content-Length")


async def no_override(_kind: str, _spec: Spec) -> web.StreamResponse | None:
    """Overrides nothing."""
    return None


@dataclass
class Relay:
    """Forwards all requests but those that are `refused` and the reviews that `override` answers."""

    override: Override = no_override
    refused: dict[str, int] = field(default_factory=dict)
    """By how a path begins, the code that requests for it are answered with."""
    reviews: list[tuple[str, Spec]] = field(default_factory=list)
    url: str = ""
    _open: set[asyncio.BaseTransport] = field(default_factory=set)

    async def start(self, pki: Pki, target: str) -> None:
        """Starts to forward to `target`, with a serving certificate of the cluster's authority."""
        self._target = target
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=ssl.create_default_context(cadata=pki.authority.certificate.decode()), limit=0
            ),
            auto_decompress=False,
        )
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=_tls(pki))
        await site.start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    def cut(self) -> None:
        """Ends the connections of all requests that are being forwarded, watches as well."""
        for transport in tuple(self._open):
            transport.close()

    async def stop(self) -> None:
        """Closes all connections."""
        await self._session.close()
        await self._runner.cleanup()

    def specs(self, kind: str) -> list[Spec]:
        """The specs of the recorded reviews of one kind, in order."""
        return [spec for other, spec in self.reviews if other == kind]

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        transport = request.transport
        assert transport is not None
        self._open.add(transport)
        try:
            return await self._answer(request)
        finally:
            self._open.discard(transport)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        for path, code in self.refused.items():
            if request.path.startswith(path):
                status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
                return web.json_response(status, status=code)
        body = await request.read()
        if request.method == "POST":
            review = json.loads(body)
            self.reviews.append((review["kind"], review["spec"]))
            if (other := await self.override(review["kind"], review["spec"])) is not None:
                return other
        headers = CIMultiDict((name, value) for name, value in request.headers.items() if name not in _OF_CONNECTIONS)
        url = URL(self._target + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, headers=headers, data=body or None) as answer:
            forwarded = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await forwarded.prepare(request)
            async for chunk in answer.content.iter_any():
                await forwarded.write(chunk)
            return forwarded


def _tls(pki: Pki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = Path(pki.front_proxy_files[0]).parent
    context.load_cert_chain(*certificates.serving(pki.authority, ("127.0.0.1",)).write(folder, "relay"))
    return context


def review(kind: str, status: Any, code: int = 201) -> web.Response:
    """A response with this status of a review."""
    return web.json_response(
        {"kind": kind, "apiVersion": "v1", "metadata": {}, "spec": {}, "status": status}, status=code
    )


async def unanswered(_kind: str, _spec: Spec) -> web.StreamResponse | None:
    """Never answers."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")
