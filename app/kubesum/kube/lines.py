"""Cuts a stream into lines, within bounded memory: of a line that is too long only its begin is kept."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, Final

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""etcd's objects have a few MiB at most, so a longer line is none of kube-apiserver's."""
HEAD_BYTES: Final = 8 * 1024
"""Go writes the name of an object before anything of it that can be long."""

_JSON: Final = json.JSONDecoder()
_METADATA: Final = '"metadata":{'


@dataclass(frozen=True, slots=True)
class LongLine:
    """The first bytes of a line that has more than MAX_LINE_BYTES."""

    head: bytes


async def complete_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[list[bytes | LongLine], None]:
    """The lines that each chunk completes, without their line breaks; an incomplete last line is dropped."""
    begun = _BegunLine()
    async for chunk in chunks:
        first, *lines = chunk.split(b"\n")
        begun.add(first)
        complete: list[bytes | LongLine] = []
        if lines:
            last = lines.pop()
            complete = [begun.line(), *lines]
            begun = _BegunLine()
            begun.add(last)
            del last
        # Frees their memory: the next chunk may take minutes to arrive.
        del chunk, first, lines
        yield complete
        del complete


class _BegunLine:
    """The parts of a line that is not complete; only its head once they are too many."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._is_long = False

    def add(self, part: bytes) -> None:
        if self._is_long:
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_LINE_BYTES:
            self._is_long = True
            self._parts = [begin_of(self._parts)]

    def line(self) -> bytes | LongLine:
        joined = b"".join(self._parts)
        return LongLine(joined) if self._is_long else joined


def begin_of(parts: Iterable[bytes]) -> bytes:
    """The first HEAD_BYTES of what these parts make together."""
    head = b""
    for part in parts:
        head += part[: HEAD_BYTES - len(head)]
        if len(head) == HEAD_BYTES:
            break
    return head


def metadata_in(head: bytes) -> dict[str, Any]:
    """The fields of metadata that are complete in the first bytes of an object, or of an event, as Go writes it."""
    text = head.decode("utf-8", "replace")
    found: dict[str, Any] = {}
    _, begin, rest = text.partition(_METADATA)
    at = 0 if begin else len(rest)
    try:
        while True:
            name, at = _JSON.raw_decode(rest, at)
            # Past the colon, and past the comma; what closes the metadata is no name of a field.
            found[name], at = _JSON.raw_decode(rest, at + 1)
            at += 1
    except ValueError:
        return found
