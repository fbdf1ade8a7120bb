"""Serves the page on a listening socket until cancelled."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    """A uvicorn server that ends when it is cancelled, not by signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Installs no signal handlers."""
        yield


async def serve(app: ASGIApp, listener: socket.socket) -> None:
    """Serves until cancelled."""
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server = _Server(config)
    try:
        await server.serve([listener])
    finally:
        for connection in list(server.server_state.connections):
            connection.transport.abort()
