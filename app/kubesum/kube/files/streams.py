"""Bytes that are read once, from their begin to their end: of a file, unpacked by gzip, of a member of an archive."""

import gzip
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Final

from kubesum.vocabulary.errors import UsageError

MIB: Final = 1 << 20
GIB: Final = 1 << 30

Read = Callable[[int], bytes]
"""Gives up to so many of the next bytes, none at the end."""

DAMAGED: Final = (OSError, EOFError, zlib.error)
"""What reading raises where the bytes cannot be had."""

_PIECE_BYTES: Final = MIB
_NO_HEADER: Final = "Not a gzipped file"
"""The reason of the standard library where two bytes do not begin a header."""


class Budget:
    """How many more bytes may be unpacked, of all that a path leads to."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path: Final = path
        self._most_bytes: Final = most_bytes
        self._left_bytes = most_bytes

    def spend(self, size: int) -> None:
        """Counts bytes that were unpacked; raises UsageError once they are too many."""
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise UsageError(
                f"{self._path} unpacks to more than {self._most_bytes // MIB} MiB: unpack it, and name the folder"
            )


class Stream:
    """A sequence of bytes whose first ones can be looked at before they are read."""

    def __init__(self, read: Read) -> None:
        self._read: Final = read
        self._head = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer than `size` at the end only; they stay."""
        while len(self._head) < size and (more := self._read(size - len(self._head))):
            self._head += more
        return self._head[:size]

    def read(self, size: int) -> bytes:
        """Up to `size` of the next bytes, none at the end."""
        if not self._head:
            return self._read(size)
        found, self._head = self._head[:size], self._head[size:]
        return found

    def exactly(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end only."""
        # Joining a list would hold all of it twice.
        found = BytesIO()
        while size and (piece := self.read(min(size, _PIECE_BYTES))):
            found.write(piece)
            size -= len(piece)
        return found.getvalue()

    def skip(self, size: int) -> int:
        """Reads `size` bytes without keeping them; returns how many were missing at the end."""
        while size and (piece := self.read(min(size, _PIECE_BYTES))):
            size -= len(piece)
        return size


class Gzip:
    """What gzip packed into a stream; reading `content` raises UsageError beyond the budget, and `DAMAGED`."""

    def __init__(self, stream: Stream, budget: Budget) -> None:
        self._file: Final = gzip.GzipFile(fileobj=stream, mode="rb")  # type: ignore[call-overload]  # it reads, and needs no more
        self._budget: Final = budget
        self._has_begun = False
        self.content: Final = Stream(self._read)
        self.has_foreign_end = False
        """Once all is read: what gzip packed is followed by something else, which is not read, as gzip does not."""

    def _read(self, size: int) -> bytes:
        if self.has_foreign_end:
            return b""
        try:
            found = bytes(self._file.read1(min(size, _PIECE_BYTES)))
        except gzip.BadGzipFile as error:
            # Not a wrong checksum: only the next header is missing.
            if not self._has_begun or not str(error).startswith(_NO_HEADER):
                raise
            self.has_foreign_end = True
            return b""
        self._has_begun = True
        self._budget.spend(len(found))
        return found
