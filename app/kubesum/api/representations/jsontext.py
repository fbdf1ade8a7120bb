"""JSON for people: the same document, indented.

A list may be long, so it is taken apart without a look into its items, which is fast, and they are written in
slices: others on the event loop have their turn in between.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

import msgspec

_SLICE_ITEMS: Final = 200


@dataclass(frozen=True, slots=True)
class Parts:
    """A list or a Table in JSON, taken apart: its members but the last, and that one, which holds its items."""

    head: dict[str, msgspec.Raw]
    name: str
    items: list[msgspec.Raw]


async def taken_apart(content: bytes) -> Parts:
    """The parts of a list or a Table in JSON, whose last member are its items or rows."""
    head = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
    await asyncio.sleep(0)
    name, items = head.popitem()
    return Parts(head, name, msgspec.json.decode(items, type=list[msgspec.Raw]))


def pretty_document(content: bytes) -> bytes:
    """A small document, indented."""
    return msgspec.json.format(content)


async def pretty_list(content: bytes) -> bytes:
    """A list or a Table, indented in slices."""
    parts = await taken_apart(content)
    empty = pretty_document(msgspec.json.encode({**parts.head, parts.name: ()}))
    if not parts.items:
        return empty
    # One piece of memory that grows, and goes back as one: many small ones would be left behind as holes.
    written = bytearray(empty.removesuffix(b"]\n}"))
    for start in range(0, len(parts.items), _SLICE_ITEMS):
        slice_ = pretty_document(b"[%b]" % b",".join(parts.items[start : start + _SLICE_ITEMS]))
        # A line break in JSON is never part of a text, so each begins a line that is one level deeper here.
        written += slice_.removeprefix(b"[").removesuffix(b"\n]").replace(b"\n", b"\n  ") + b","
        await asyncio.sleep(0)
    written[-1:] = b"\n  ]\n}"
    return bytes(written)
