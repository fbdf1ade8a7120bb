"""The network between kubesum and the simulated API server, which can fail."""

import asyncio
from contextlib import suppress
from typing import Final

LOOPBACK: Final = "127.0.0.1"
CHUNK_BYTES: Final = 64 * 1024


class Link:
    """A relay on loopback; `cut` ends all its connections, `down` refuses new ones too until `up`."""

    def __init__(self, target_port: int) -> None:
        """`target_port` is that of the server, on loopback."""
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def up(self) -> None:
        """Accepts connections, on the same port each time."""
        self._server = await asyncio.start_server(self._connected, LOOPBACK, self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    def down(self) -> None:
        """Refuses connections and ends those there are."""
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> None:
        """Ends all connections without a word, in the middle of whatever is sent."""
        for writer in self._writers:
            writer.transport.abort()

    async def ended(self) -> None:
        """Returns when all connections that were ended have ended."""
        if self._passing:
            await asyncio.wait(self._passing)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            beyond_reader, beyond_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
            ends = {writer, beyond_writer}
            self._writers |= ends
            ways = {
                asyncio.create_task(_pass_on(reader, beyond_writer)),
                asyncio.create_task(_pass_on(beyond_reader, writer)),
            }
            self._passing |= ways
            await asyncio.wait(ways)
            self._writers -= ends
            self._passing -= ways
        writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
