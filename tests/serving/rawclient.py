"""A client of bare sockets, for a thread: nothing of it is an object of the server's event loop."""

import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.server.sockets import LOOPBACK

TIMEOUT_S: Final = 10.0
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class RawClient:
    """How a server is reached."""

    port: int
    tls: ssl.SSLContext

    @contextmanager
    def plain(self) -> Iterator[socket.socket]:
        """A connection without TLS."""
        with socket.create_connection((LOOPBACK, self.port), TIMEOUT_S) as connection:
            # Otherwise each request waits 40 ms for the acknowledgement of the handshake.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield connection

    @contextmanager
    def connection(self) -> Iterator[ssl.SSLSocket]:
        """A connection that is closed without close_notify."""
        with self.plain() as connection, self.tls.wrap_socket(connection, server_hostname=SERVICE_HOST) as wrapped:
            yield wrapped

    def ask(self, *lines: str, until: bytes = b"", resets: bool = False) -> int:
        """The code of the response to a request, whose body is read up to `until` or to its end.

        `resets`: the connection is ended by a reset.
        """
        with self.connection() as connection:
            code = exchange(connection, *lines, until=until)
            if resets:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return code


def exchange(connection: ssl.SSLSocket, target: str, *headers: str, until: bytes = b"") -> int:
    """The code of the response to a GET on a connection that is kept."""
    connection.sendall("\r\n".join((f"GET {target} HTTP/1.1", "Host: a", *headers, "", "")).encode())
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode().lower().split("\r\n")
    lengths = [int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")]
    while len(body) < sum(lengths) or until not in body:
        body += _some(connection)
    return int(status.split()[1])


def _some(connection: ssl.SSLSocket) -> bytes:
    if received := connection.recv(1 << 16):
        return received
    raise EOFError
