"""uvicorn without signal handlers, and with a maximum of connections."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from kubesum.edge.http.connections import Connection, Connections
from kubesum.edge.http.protocol import StrictProtocol
from kubesum.edge.http.websocket import MAX_MESSAGE_BYTES
from kubesum.server.acceptor import Acceptor

SHUTDOWN_TIMEOUT_S: Final = 10
"""For requests in progress after the listener is closed; watches end within three seconds."""


class Server(uvicorn.Server):
    """A uvicorn server that ends when `should_exit` is set or `serve` is cancelled, not by signals."""

    def __init__(self, config: uvicorn.Config, connections: Connections) -> None:
        super().__init__(config)
        self._connections: Final = connections
        self._acceptors: list[Acceptor] = []
        self.listening: Final = asyncio.Event()
        """Set once connections are accepted."""
        # uvicorn closes those of the event loop.
        self.servers = []

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until `should_exit` is set, and closes all sockets, also when cancelled."""
        try:
            await super().serve(sockets)
        finally:
            for acceptor in self._acceptors:
                acceptor.close()
                acceptor.abort_handshakes()
            for connection in list(self.server_state.connections):
                connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Installs no signal handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to accept connections on `sockets`."""
        await self.lifespan.startup()
        self._acceptors = [
            Acceptor(listener, self.config.ssl, self._connections, self._protocol) for listener in sockets or ()
        ]
        self.started = True
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accepts no more connections, and waits for the end of those that are busy."""
        for acceptor in self._acceptors:
            acceptor.close()
        await super().shutdown(sockets)

    def _protocol(self, connection: Connection) -> StrictProtocol:
        return StrictProtocol(connection, self.config, self.server_state, self.lifespan.state)


def server_config(app: Any, tls: ssl.SSLContext) -> uvicorn.Config:
    """The configuration of uvicorn: no forwarded headers, no access log, no log configuration of its own."""
    config = uvicorn.Config(
        app,
        http=StrictProtocol,
        loop="uvloop",
        ws="none",  # Watches alone are upgraded, by the HTTP protocol.
        ws_max_size=MAX_MESSAGE_BYTES,
        # Each connection would keep 300 KiB for it.
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # Longer than the 90 s of kube-apiserver, so that it closes idle connections first and no request is lost.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    config.load()
    config.ssl = tls
    return config
