"""The texts in a file, however they are packed: by gzip, in tar archives, in both, within each other."""

import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kubesum.kube.files import tar
from kubesum.kube.files.streams import DAMAGED, GIB, MIB, Budget, Gzip, Stream

MOST_LAYERS: Final = 8
"""Each gzip and each tar is one: an archive in an archive in an archive."""
LARGEST_TEXT_BYTES: Final = 4 * GIB
LARGEST_PACKED_TEXT_BYTES: Final = 512 * MIB
"""A text that was packed may be a bomb: a million times as large as what one sees of it."""

_ADVICE: Final = ": unpack it, and name the folder"
_GZIP: Final = b"\x1f\x8b"
_UNREAD_FORMATS: Final = {b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_LONGEST_MAGIC: Final = max(map(len, _UNREAD_FORMATS))
_NAMES: Final = re.compile(r"\.(?:json|ya?ml|txt)(?:\.gz)?$|\.tar(?:\.gz)?$|\.tgz$", re.IGNORECASE)
_TAR_NAMES: Final = re.compile(r"\.tar(?:\.gz)?$|\.tgz$", re.IGNORECASE)
_PLAIN_TEXT: Final = re.compile(r"\.txt(?:\.gz)?$", re.IGNORECASE)
_ERRORS: Final = re.compile(r"-errors\.json$")
"""In a support bundle of troubleshoot.sh: what it could not list, as strings."""
_MAY_BE_OBJECTS: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{|apiVersion:|kind:)")


@dataclass(frozen=True, slots=True)
class Text:
    """The content of one file, or of one member of an archive."""

    name: str
    """`path/to/archive/path/in/it`."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Unopened:
    """A file that cannot be read, or not to its end."""

    name: str
    reason: str


def is_wanted(name: str) -> bool:
    """Whether a file of a folder or an archive is read, by its name."""
    return _NAMES.search(name) is not None and _ERRORS.search(name) is None


def texts(name: str, stream: Stream, budget: Budget, is_named: bool, layers: int = 0) -> Iterator[Text | Unopened]:
    """The texts in one file, which is read whatever its name if that was given.

    Raises UsageError where more is packed in it than the budget allows.
    """
    try:
        if layers > MOST_LAYERS:
            yield Unopened(name, f"it is packed more than {MOST_LAYERS} times")
        elif stream.peek(len(_GZIP)) == _GZIP:
            yield from _packed_texts(name, Gzip(stream, budget), budget, is_named, layers + 1)
        elif tar.is_tar(stream.peek(tar.HEAD_BYTES)) or _TAR_NAMES.search(name):
            for member, content in tar.members(stream):
                if is_wanted(member):
                    yield from texts(f"{name}/{member}", content, budget, False, layers + 1)
        elif is_named or not _PLAIN_TEXT.search(name) or _MAY_BE_OBJECTS.match(stream.peek(tar.HEAD_BYTES)):
            yield _text(name, stream, is_packed=layers > 0)
    except (*DAMAGED, tarfile.TarError) as error:
        yield Unopened(name, getattr(error, "strerror", None) or str(error))


def _packed_texts(name: str, packed: Gzip, budget: Budget, is_named: bool, layers: int) -> Iterator[Text | Unopened]:
    yield from texts(name, packed.content, budget, is_named, layers)
    if packed.has_foreign_end:
        yield Unopened(name, "its end, which is not packed by gzip")


def _text(name: str, stream: Stream, *, is_packed: bool) -> Text | Unopened:
    head = stream.peek(_LONGEST_MAGIC)
    for magic, format_ in _UNREAD_FORMATS.items():
        if head.startswith(magic):
            return Unopened(name, f"it is packed by {format_}{_ADVICE}")
    largest_bytes, advice = (LARGEST_PACKED_TEXT_BYTES, _ADVICE) if is_packed else (LARGEST_TEXT_BYTES, "")
    content = stream.exactly(largest_bytes)
    if stream.peek(1):
        return Unopened(name, f"it is larger than {largest_bytes // MIB} MiB{advice}")
    return Text(name, content)
