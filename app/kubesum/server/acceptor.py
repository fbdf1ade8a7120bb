"""Accepts connections, in place of the event loop.

Event loops report a connection once its TLS handshake has ended: until then it could be neither counted nor closed.
While no descriptor is left, uvloop closes every new connection, also that of a probe; here one that is idle is
closed, and the new one waits in the queue of the kernel for a moment.

A handshake takes a millisecond of CPU time, most of it in one piece. Of the clients that have sent the beginning of
theirs, a few are answered in each iteration of the event loop, so that thousands that connect at once hold it for
some milliseconds rather than seconds.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final

from kubesum.edge.http.connections import Connection, Connections
from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import ACCEPT_ERRORS
from kubesum.operations.pacer import Turns

log = logging.getLogger(__name__)

TLS_HANDSHAKE_TIMEOUT_S: Final = 10.0
TLS_SHUTDOWN_TIMEOUT_S: Final = 5.0
"""Of a TLS connection whose client does not answer close_notify."""
ACCEPTED_AT_ONCE: Final = 16
"""Then other connections get their turn."""
HANDSHAKES_AT_ONCE: Final = 4
"""So many are answered in one iteration of the event loop."""
PAUSE_S: Final = 0.1
"""After an error of accept(2), which most likely occurs again at once."""


class Acceptor:
    """Accepts the connections of one listening socket."""

    def __init__(
        self,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        connections: Connections,
        protocol: Callable[[Connection], asyncio.Protocol],
    ) -> None:
        """Begins to accept; `protocol` makes the protocol of a connection whose handshake begins."""
        self._listener: Final = listener
        self._tls: Final = tls
        self._connections: Final = connections
        self._protocol: Final = protocol
        self._loop: Final = asyncio.get_running_loop()
        self._handshakes: Final[set[asyncio.Task[None]]] = set()
        self._turns: Final = Turns(HANDSHAKES_AT_ONCE)
        self._log_reduction: Final = LogReduction()
        self._pause: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Accepts no more connections."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._listener.fileno() >= 0:
            self._loop.remove_reader(self._listener)

    def abort_handshakes(self) -> None:
        """Ends the connections whose handshake has not ended."""
        for task in self._handshakes:
            task.cancel()

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                client, _address = self._listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                # The client has gone.
                continue
            except OSError as error:
                self._failed(error)
                return
            self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        connection = self._connections.admit()
        if connection is None:
            client.close()
            return
        handshake = self._loop.create_task(self._handshake(client, connection), name="TLS handshake")
        connection.abort = handshake.cancel
        self._handshakes.add(handshake)
        handshake.add_done_callback(self._handshakes.discard)

    async def _handshake(self, client: socket.socket, connection: Connection) -> None:
        """Hands the connection over to its protocol once the handshake has succeeded."""
        transport: asyncio.Transport | None = None
        protocol = self._protocol(connection)
        try:
            if self._tls is not None:
                async with asyncio.timeout(TLS_HANDSHAKE_TIMEOUT_S):
                    await self._readable(client)
                await self._turns.wait()
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol,
                client,
                ssl=self._tls,
                ssl_handshake_timeout=TLS_HANDSHAKE_TIMEOUT_S,
                ssl_shutdown_timeout=TLS_SHUTDOWN_TIMEOUT_S,
            )
        except OSError:
            # Counted by the TLS connection, where it is one of TLS.
            log.debug("connection ended in its handshake", exc_info=True)
        finally:
            if transport is None:
                client.close()
                # Event loops call no method of a protocol whose connection was never made.
                protocol.connection_lost(ConnectionAbortedError())

    async def _readable(self, client: socket.socket) -> None:
        """Returns when the client has sent something, or has gone."""
        arrived = asyncio.Event()
        self._loop.add_reader(client, arrived.set)
        try:
            await arrived.wait()
        finally:
            self._loop.remove_reader(client)

    def _failed(self, error: OSError) -> None:
        """Pauses after an error that is likely to occur again, and makes room if descriptors are used up."""
        ACCEPT_ERRORS.inc()
        has_made_room = self._connections.evict()
        if self._log_reduction.should_log(str(error)):
            log.error(
                "connections cannot be accepted", extra={"reason": error.strerror, "has_made_room": has_made_room}
            )
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(PAUSE_S, self._resume)
