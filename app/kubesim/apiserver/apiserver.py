"""The simulated kube-apiserver: an HTTPS server on loopback over one store, with an extension server behind it.

Clients may present a certificate in the TLS handshake; the handler chain decides what a request gets.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kubesim.access.authentication import TENANT_NAMESPACE, Authenticator
from kubesim.access.pki import Pki
from kubesim.access.rbac import RbacAuthorizer
from kubesim.access.reviews import Reviewer
from kubesim.aggregation.aggregator import Aggregator
from kubesim.aggregation.podproxy import PodProxy
from kubesim.apiserver.bootstrap import bootstrap
from kubesim.apiserver.documents import Documents
from kubesim.apiserver.handlerchain import HandlerChain, Handlers
from kubesim.apiserver.metrics import MetricsServer
from kubesim.apiserver.resourcehandlers import ResourceHandlers
from kubesim.apiserver.throttle import Throttle
from kubesim.installation import Installation
from kubesim.store.store import Store

_KEEP_ALIVE_S: Final = 180
_LONGEST_STOP_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """The options of one simulated API server.

    `port` 0 means any free port. `bytes_per_s` limits lists and initial events of watches; None is no limit. With
    `refuses_watch_lists` it behaves as on an etcd that cannot report progress. The tenant may view one namespace.
    `minor_version` is the 36 of Kubernetes 1.36.
    """

    port: int = 0
    bytes_per_s: float | None = None
    refuses_watch_lists: bool = False
    tenant_namespace: str = TENANT_NAMESPACE
    minor_version: int = 36


class ApiServer:
    """Listens once it is constructed, responds while `run` runs; `aggregator` registers the extension server."""

    def __init__(self, store: Store, pki: Pki, installation: Installation, options: ServerOptions) -> None:
        bootstrap(store, pki, installation, options.tenant_namespace)
        self._socket: Final = socket.create_server(("127.0.0.1", options.port), backlog=1024)
        # Accepted connections inherit it; Nagle's algorithm would delay small responses by 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address: Final = f"127.0.0.1:{self._socket.getsockname()[1]}"
        """host:port."""
        self._pki: Final = pki
        self.aggregator: Final = Aggregator(store, installation, self.address, pki.front_proxy_files)
        self._app: Final = self._handler_chain(store, options)

    def _handler_chain(self, store: Store, options: ServerOptions) -> HandlerChain:
        throttle = Throttle(options.bytes_per_s)
        metrics = MetricsServer(store, throttle)
        authenticator, rbac = Authenticator(self._pki.tokens), RbacAuthorizer(store)
        handlers = Handlers(
            aggregator=self.aggregator,
            documents=Documents(self.url, self.aggregator, metrics, options.minor_version),
            metrics=metrics,
            reviewer=Reviewer(authenticator, rbac),
            pod_proxy=PodProxy(store, self.aggregator),
            resources=ResourceHandlers(store, throttle, options.refuses_watch_lists),
        )
        return HandlerChain(authenticator, rbac, handlers)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"https://{self.address}"

    async def run(self) -> None:
        """Responds until cancelled, then closes all connections at once."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.aggregator.run())
            tasks.create_task(self._serve())

    async def _serve(self) -> None:
        config = uvicorn.Config(
            self._app,
            http=_ClientCertificateProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        config.load()
        config.ssl = _tls(self._pki)
        server = _Server(config)
        try:
            await server.serve(sockets=[self._socket])
        finally:
            await _stop(server)
            self._socket.close()


class _ClientCertificateProtocol(HttpToolsProtocol):
    """Sets `state.peer_certificate` of each request to the client's certificate that the handshake verified.

    `state.connection` is the protocol itself, for responses that take the connection over.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Reads the certificate, None if there is none, once for all requests of the connection."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True)
        self.app_state = {**self.app_state, "peer_certificate": certificate, "connection": self}

    def _unsupported_upgrade_warning(self) -> None:
        # The handler decides: the aggregator relays upgrades, everything else answers as if there was none.
        return


class _Server(uvicorn.Server):
    """A server that does not handle signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles none."""
        yield


async def _stop(server: uvicorn.Server) -> None:
    """Aborts all connections, and cancels the requests that do not end within _LONGEST_STOP_S."""
    if not server.started:
        return
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    if tasks := set(server.server_state.tasks):
        _, late = await asyncio.wait(tasks, timeout=_LONGEST_STOP_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _tls(pki: Pki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.server_files)
    context.load_verify_locations(cadata=pki.authority.certificate.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context
