"""Indented JSON.

A list may be long. It is split into items without decoding them, which is fast, and the items are indented in slices,
between which other tasks of the event loop run.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

Pause = Callable[[], Awaitable[None]]
"""Lets other tasks run, if it is time to."""

_SLICE_ITEMS: Final = 200


@dataclass(frozen=True, slots=True)
class Parts:
    """A list or a Table in JSON, split: its last member holds the items, `head` the other members."""

    head: dict[str, msgspec.Raw]
    name: str
    items: list[msgspec.Raw]


async def taken_apart(content: bytes, pause: Pause) -> Parts:
    """Splits a list or a Table in JSON, whose last member holds the items or rows."""
    await pause()
    head = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    await pause()
    name, items = head.popitem()
    return Parts(head, name, msgspec.json.decode(items, type=list[msgspec.Raw]))


def pretty_document(content: bytes) -> bytes:
    """A small document, indented."""
    return msgspec.json.format(content)


async def pretty_list(content: bytes, pause: Pause) -> bytes:
    """A list or a Table, indented in slices."""
    parts = await taken_apart(content, pause)
    empty = pretty_document(msgspec.json.encode({**parts.head, parts.name: ()}))
    if not parts.items:
        return empty
    # One buffer that grows: many small ones would leave the heap fragmented.
    written = bytearray(empty.removesuffix(b"]\n}"))
    for start in range(0, len(parts.items), _SLICE_ITEMS):
        await pause()
        slice_ = pretty_document(b"[%b]" % b",".join(parts.items[start : start + _SLICE_ITEMS]))
        # JSON strings contain no line break, so that each one begins a line, which is one level deeper here.
        written += slice_.removeprefix(b"[").removesuffix(b"\n]").replace(b"\n", b"\n  ") + b","
    written[-1:] = b"\n  ]\n}"
    return bytes(written)
