"""uvicorn as kubesum runs it: without signal handlers, with deadlines for TLS handshakes and shutdowns."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn

from kubesum.edge.http.protocol import StrictProtocol

TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
TLS_SHUTDOWN_TIMEOUT_S: Final = 5.0
"""For the end of a TLS connection whose client does not answer."""
SHUTDOWN_TIMEOUT_S: Final = 10
"""After it has stopped to accept connections: watches end within three seconds, answers take no longer."""


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process stops as a whole, and here is who decides.

    And with deadlines for handshakes and goodbyes, which it does not set.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening: Final = asyncio.Event()
        self.servers = []

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves until it is told to end. Nothing of it is left then, also when it is cancelled."""
        try:
            await super().serve(sockets)
        finally:
            for server in self.servers:
                server.close()
            for connection in list(self.server_state.connections):
                connection.transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to the process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts to accept connections on `sockets`."""
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._protocol,
                sock=listener,
                ssl=self.config.ssl,
                backlog=self.config.backlog,
                ssl_handshake_timeout=TLS_HANDSHAKE_TIMEOUT_S,
                ssl_shutdown_timeout=TLS_SHUTDOWN_TIMEOUT_S,
            )
            for listener in sockets or ()
        ]
        self.started = True
        self.listening.set()

    def _protocol(self) -> StrictProtocol:
        return StrictProtocol(self.config, self.server_state, self.lifespan.state)


def server_config(app: Any, tls: ssl.SSLContext) -> uvicorn.Config:
    """uvicorn as kubesum needs it: nothing of a front proxy is believed, nothing is logged twice."""
    config = uvicorn.Config(
        app,
        http=StrictProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        # kube-apiserver keeps idle connections for 90 s; ours must not be the end that closes first.
        timeout_keep_alive=120,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
    )
    config.load()
    config.ssl = tls
    return config
