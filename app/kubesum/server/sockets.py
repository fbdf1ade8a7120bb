"""Listening sockets."""

import errno
import socket
from typing import Final

from kubesum.vocabulary.errors import UsageError

LOOPBACK: Final = "127.0.0.1"
UNSENT_BYTES: Final = 128 * 1024
"""What the kernel takes of a connection whose client does not read; its buffers grow to 4 MiB otherwise."""


def listen(port: int, host: str = LOOPBACK) -> socket.socket:
    """A listening socket; port 0 is any free port, an empty `host` is all addresses.

    Raises UsageError for an address that cannot be taken.
    """
    is_dual = ":" in host or (not host and socket.has_dualstack_ipv6())
    family = socket.AF_INET6 if is_dual else socket.AF_INET
    # asyncio sets TCP_NODELAY only on sockets whose protocol is IPPROTO_TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        # Connections have it from their listener.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
    if family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        where = f"{host or 'all addresses'}, port {port}"
        other = "port" if error.errno in (errno.EADDRINUSE, errno.EACCES) else "address"
        raise UsageError(f"cannot listen on {where}: {error.strerror}; choose another {other}") from error
    listener.listen(2048)
    return listener
