"""What a response that is read for minutes, such as a watch, needs of its connection beside aiohttp."""

import asyncio
import socket
from typing import Final

import aiohttp

# Detects a lost peer within 60 s; the stall timeout of a watch is longer.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}


def keep_alive(response: aiohttp.ClientResponse) -> None:
    """Turns TCP keepalive on, where the system has it: a watch may be silent for a minute."""
    transport = response.connection.transport if response.connection else None
    connected = transport.get_extra_info("socket") if transport else None
    if connected is None:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def end_with_connection(response: aiohttp.ClientResponse) -> None:
    """Makes reading the body fail as soon as its connection is closed before its end.

    aiohttp closes a connection on which a malformed chunk arrives, and leaves the reader waiting.
    """
    protocol = response.connection.protocol if response.connection else None
    # A protocol without unread responses is false.
    closed = protocol.closed if protocol is not None else None
    if closed is None:
        return
    body = response.content

    def end(of: asyncio.Future[None]) -> None:
        lost = None if of.cancelled() else of.exception()
        if not body.is_eof() and body.exception() is None:
            body.set_exception(
                lost or aiohttp.ClientPayloadError("the connection was closed before the end of the body")
            )

    closed.add_done_callback(end)


async def pause(response: aiohttp.ClientResponse, pause_s: float) -> None:
    """Reads nothing for `pause_s` seconds: what arrives meanwhile is left in the buffers of the kernel."""
    transport = response.connection.transport if response.connection else None
    if not pause_s or transport is None or transport.is_closing():
        return
    transport.pause_reading()
    try:
        await asyncio.sleep(pause_s)
    finally:
        if not transport.is_closing():
            transport.resume_reading()
