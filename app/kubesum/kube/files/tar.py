"""The regular files in a tar archive, in one pass: nothing is written, links and devices are passed over.

The standard library reads the headers, its TarFile is not used: that takes a broken header for the end of the
archive, and reads names of any length into memory. Formats: POSIX.1-1988 (ustar), POSIX.1-2001 (pax), GNU.
"""

import re
import tarfile
from collections.abc import Iterator
from typing import Final

from kubesum.kube.files.streams import Stream

HEAD_BYTES: Final = tarfile.BLOCKSIZE
"""So many bytes say whether something is an archive."""

_MAGIC: Final = slice(257, 262)
_LONGEST_EXTENSION_BYTES: Final = 1 << 20
"""Of what is read to extend a header: a long name, mostly."""
_PAX_PATH: Final = re.compile(rb"^[0-9]+ path=(.*)$", re.MULTILINE)
_PAX_SIZE: Final = re.compile(rb"^[0-9]+ size=([0-9]{1,18})$", re.MULTILINE)
_WITHOUT_CONTENT: Final = frozenset(
    {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE}
)
_REGULAR: Final = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE})
_EXTENDS_NEXT: Final = frozenset({tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE})


def is_tar(head: bytes) -> bool:
    """Whether what begins with these bytes is an archive that says so: those from before 1988 do not."""
    return head[_MAGIC] == b"ustar"


def members(stream: Stream) -> Iterator[tuple[str, Stream]]:
    """Name and content of each regular file; a content can be read until the next file is asked for.

    Raises tarfile.HeaderError for what is no header, and EOFError where the archive is cut off.
    """
    extension: tuple[bytes, bytes] = (b"", b"")
    while (block := stream.exactly(tarfile.BLOCKSIZE)).strip(b"\0"):
        header = tarfile.TarInfo.frombuf(block, tarfile.ENCODING, "surrogateescape")
        name, size = _extended(header, *extension)
        content = _Content(stream, size)
        extension = (b"", b"")
        if header.type in _EXTENDS_NEXT:
            extension = (header.type, Stream(content.read).exactly(_LONGEST_EXTENSION_BYTES))
        elif header.type in _REGULAR:
            yield name, Stream(content.read)
        content.finish()


def _extended(header: tarfile.TarInfo, type_: bytes, extension: bytes) -> tuple[str, int]:
    """Name and size in a header, and in the extension before it, if any."""
    name, size = header.name, 0 if header.type in _WITHOUT_CONTENT else header.size
    if size < 0:
        raise tarfile.HeaderError("a size is negative")
    if type_ == tarfile.GNUTYPE_LONGNAME:
        return _text(extension.rstrip(b"\0")), size
    path, pax_size = _PAX_PATH.search(extension), _PAX_SIZE.search(extension)
    return _text(path[1]) if path else name, int(pax_size[1]) if pax_size else size


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


class _Content:
    """The bytes of one file, and what fills its last block."""

    def __init__(self, stream: Stream, size: int) -> None:
        self._stream: Final = stream
        self._left = size
        self._padding: Final = -size % tarfile.BLOCKSIZE

    def read(self, size: int) -> bytes:
        """Up to `size` of the next bytes; raises EOFError where they are missing."""
        if not self._left:
            return b""
        found = self._stream.read(min(size, self._left))
        if not found and size:
            raise EOFError("it ends within a file")
        self._left -= len(found)
        return found

    def finish(self) -> None:
        """Reads the rest; raises EOFError where it is missing. The last file may be without what fills its block."""
        if self._stream.skip(self._left):
            raise EOFError("it ends within a file")
        self._left = 0
        self._stream.skip(self._padding)
