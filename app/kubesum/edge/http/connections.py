"""The open connections of the server, of which there is a maximum.

A connection is idle until it has sent the whole head of a request, and again from the end of the response to the last
one. While as many are open as may be, a new one takes the place of the one that has been idle for the longest time,
so that neither silent clients nor thousands of kept connections keep the probes of kubelets and the discovery of
kube-apiserver out. If none is idle, the new one is refused.
"""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import (
    CONNECTIONS,
    CONNECTIONS_EVICTED,
    CONNECTIONS_REFUSED,
    MAX_CONNECTIONS,
)

log = logging.getLogger(__name__)

KEPT_IDLE: Final = 100
"""Idle connections that stay open while memory is short: a kube-apiserver keeps 25."""
ENDINGS_S: Final = 0.002
"""For how long the ends of connections are worked on in one iteration of the event loop."""
LONG_IDLE_S: Final = 5.0
"""How long a connection is idle before it is closed for its memory: longer than a handshake takes under load."""


class Connection:
    """The place of one open connection, which is idle at first."""

    __slots__ = ("_connections", "abort")

    def __init__(self, connections: "Connections") -> None:
        self._connections = connections
        self.abort: Callable[[], object] = lambda: None
        """Ends it at once; set by the acceptor, and then by the protocol of the connection."""

    def busy(self) -> None:
        """The head of a request has arrived: the connection is not idle until its response has ended."""
        self._connections.set_idle(self, is_idle=False)

    def idle(self) -> None:
        """All responses have ended."""
        self._connections.set_idle(self, is_idle=True)

    def closed(self, then: Callable[[], None]) -> None:
        """The connection has ended: its place is free. `then` is called when it is its turn."""
        self._connections.remove(self)
        self._connections.endings.add(then)


class Endings:
    """What is to be done for connections that have ended: thousands may end at once, with their aggregator."""

    def __init__(self) -> None:
        self._due: Final[deque[Callable[[], None]]] = deque()

    def add(self, ending: Callable[[], None]) -> None:
        """Calls `ending` in a later iteration of the event loop, after those before it."""
        self._due.append(ending)
        if len(self._due) == 1:
            asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        until = time.perf_counter() + ENDINGS_S
        while True:
            self._due[0]()
            self._due.popleft()
            if not self._due:
                return
            if time.perf_counter() > until:
                break
        asyncio.get_running_loop().call_soon(self._go_on)


class Connections:
    """All open connections."""

    def __init__(self, maximum: int) -> None:
        self.maximum: Final = maximum
        self.endings: Final = Endings()
        self._idle: Final[OrderedDict[Connection, float]] = OrderedDict()
        """Since when each is idle, which is the order."""
        self._open: Final[set[Connection]] = set()
        self._is_short = False
        self._log_reduction: Final = LogReduction()
        MAX_CONNECTIONS.set(maximum)

    def admit(self) -> Connection | None:
        """The place of a new connection; None if it must be closed."""
        is_full = len(self._open) >= self.maximum
        if is_full:
            self._log("all connections are taken")
        has_made_room = (is_full or self._has_idle_to_spare()) and self.evict()
        if is_full and not has_made_room:
            CONNECTIONS_REFUSED.labels("limit").inc()
            return None
        connection = Connection(self)
        self._open.add(connection)
        self._idle[connection] = time.monotonic()
        CONNECTIONS.set(len(self._open))
        return connection

    def evict(self) -> bool:
        """Ends the connection that has been idle for the longest time; false if none is idle."""
        if not self._idle:
            return False
        connection, _ = self._idle.popitem(last=False)
        # Its descriptor is closed before the next connection is accepted.
        self.remove(connection)
        CONNECTIONS_EVICTED.inc()
        connection.abort()
        return True

    def relieve(self, *, is_short: bool) -> None:
        """Ends those that have been idle for long, while memory `is_short`, and another one for each new one."""
        self._is_short = is_short
        while self._has_idle_to_spare() and next(iter(self._idle.values())) + LONG_IDLE_S <= time.monotonic():
            self.evict()

    def _has_idle_to_spare(self) -> bool:
        return self._is_short and len(self._idle) > KEPT_IDLE

    def set_idle(self, connection: Connection, *, is_idle: bool) -> None:
        """Marks an open connection as idle from now on, or as busy."""
        self._idle.pop(connection, None)
        if is_idle and connection in self._open:
            self._idle[connection] = time.monotonic()

    def remove(self, connection: Connection) -> None:
        """Frees the place of a connection; does nothing if it is free already."""
        self._idle.pop(connection, None)
        self._open.discard(connection)
        CONNECTIONS.set(len(self._open))

    def _log(self, message: str) -> None:
        if self._log_reduction.should_log(message):
            log.warning(message, extra={"open": len(self._open), "idle": len(self._idle)})
