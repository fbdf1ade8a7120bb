"""Lines that a benchmark's process reads from its standard input, while its event loop does other work."""

import asyncio
from collections.abc import AsyncIterator
from typing import TextIO


async def commands(source: TextIO) -> AsyncIterator[str]:
    """The lines of a pipe, until it ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    while line := await reader.readline():
        yield line.decode().strip()
