"""The archive: named entries, redacted and bounded, what is missing from it, and an index of both.

It is a tar.gz of one folder. Names, their order and the times of the files follow from what is collected and from
`created`, so that two bundles can be compared. All of it is kept in memory, 20 MiB at most, and written at the end:
the index comes first.
"""

import gzip
import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from kubesum import __version__
from kubesum.doctor.bundle.redaction import JsonValue, redacted, redacted_text

FOLDER: Final = "kubesum-bundle"
MAX_BYTES: Final = 20 << 20
"""Of all entries together, before compression."""


@dataclass(frozen=True, slots=True)
class Missing:
    """An entry that could not be made: its name, where it would have come from, and why it is not there."""

    name: str
    source: str
    reason: str


@dataclass
class Bundle:
    """The entries that are collected, in the order of the archive; `server` is the URL of the API server."""

    server: str
    created: datetime
    max_bytes: int = MAX_BYTES
    missing: list[Missing] = field(default_factory=list)
    _contents: dict[str, bytes] = field(default_factory=dict)
    _sources: dict[str, str] = field(default_factory=dict)
    _size: int = 0

    def add_text(self, name: str, source: str, text: str) -> None:
        """Adds a text without credentials."""
        self._add(name, source, redacted_text(text).encode())

    def add_object(self, name: str, source: str, value: JsonValue) -> None:
        """Adds a Kubernetes object, or a list of them, without what may be secret."""
        try:
            content = _document(redacted(value))
        except RecursionError:
            self.miss(name, source, "it is nested too deeply")
            return
        self._add(name, source, content)

    def miss(self, name: str, source: str, reason: str) -> None:
        """Names an entry that cannot be made."""
        self.missing.append(Missing(name, redacted_text(source), redacted_text(reason)))

    def missing_by_reason(self) -> Mapping[str, Sequence[str]]:
        """The names of what is missing, by the reason."""
        names: dict[str, list[str]] = {}
        for one in self.missing:
            names.setdefault(one.reason, []).append(one.name)
        return names

    @property
    def count(self) -> int:
        """How many entries there are."""
        return len(self._contents)

    def archive(self) -> bytes:
        """The archive as tar.gz."""
        packed = io.BytesIO()
        created_s = int(self.created.timestamp())
        with (
            gzip.GzipFile(fileobj=packed, mode="wb", mtime=created_s) as compressed,
            tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            for name, content in {"index.json": self._index(), **self._contents}.items():
                entry = tarfile.TarInfo(f"{FOLDER}/{name}")
                entry.size, entry.mtime = len(content), created_s
                archive.addfile(entry, io.BytesIO(content))
        return packed.getvalue()

    def _add(self, name: str, source: str, content: bytes) -> None:
        if self._size + len(content) > self.max_bytes:
            left = f"its {len(content)} bytes do not fit into the {self.max_bytes} bytes of a bundle"
            self.miss(name, source, left)
            return
        self._size += len(content)
        self._contents[name], self._sources[name] = content, redacted_text(source)

    def _index(self) -> bytes:
        entries = [
            {"name": name, "bytes": len(content), "source": self._sources[name]}
            for name, content in self._contents.items()
        ]
        missing = [{"name": one.name, "source": one.source, "reason": one.reason} for one in self.missing]
        about = {"created": self.created, "kubesum": __version__, "server": redacted_text(self.server)}
        return _document({**about, "entries": entries, "missing": missing})


def _document(value: JsonValue) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
