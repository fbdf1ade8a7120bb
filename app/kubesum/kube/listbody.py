"""Decodes the body of a list into its metadata and its items, which stay bytes.

The usage of 150,000 pods comes in one body of 50 MB and more. Joined and decoded at once, it would hold the event
loop for 40 ms; so it is decoded in the chunks in which it arrived, cut where one item ends and the next one begins.
Its items are kept many together, because garbage collections walk objects and not bytes.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from kubesum.kube.objects.meta import ListMetadata

_BETWEEN_ITEMS: Final = b'},{"metadata":'
"""What Go writes between two items of a list. It cannot be in a string, where quotation marks are escaped.

It may be in a list within an item; then the pieces are not valid, and the body is decoded as a whole.
"""
_MAX_UNCUT_BYTES: Final = 1 << 20
"""A body that cannot be cut in so many bytes is not cut any further: what was not written by Go has spaces."""

_ARRAY_ITEMS: Final = 100


class ListBody(msgspec.Struct, frozen=True, gc=False):
    """A list of any kind."""

    kind: str = ""
    metadata: ListMetadata = ListMetadata()
    items: list[msgspec.Raw] | None = None
    rows: list[msgspec.Raw] | None = None
    """The items of a Table."""


_LISTS: Final = msgspec.json.Decoder(ListBody)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def decoded_list(body: bytes) -> ListBody:
    """The list in a body; raises what msgspec raises if it is none."""
    return _LISTS.decode(body)


class ListPieces(msgspec.Struct, frozen=True):
    """A list of any kind whose items are in JSON arrays of many."""

    kind: str
    metadata: ListMetadata
    pieces: list[bytes]


async def decoded_in_pieces(chunks: Sequence[bytes]) -> ListPieces:
    """The list in the chunks of a body; other tasks run in between. Raises as `decoded_list` does."""
    first, *others = _pieces(chunks)
    if not others:
        return _in_arrays(decoded_list(first))
    *middle, last = others
    try:
        begin, end = _LISTS.decode(first + b"]}"), _LISTS.decode(b'{"items":[' + last)
        pieces = [_array(begin.items or ())]
        for piece in middle:
            await asyncio.sleep(0)
            array = b"[%b]" % piece
            _ITEMS.decode(array)  # proves that it is one
            pieces.append(array)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _in_arrays(decoded_list(b"".join(chunks)))
    metadata = begin.metadata if begin.metadata != ListMetadata() else end.metadata
    return ListPieces(begin.kind or end.kind, metadata, [*pieces, _array(end.items or ())])


def items_of(piece: bytes) -> list[msgspec.Raw]:
    """The items in a JSON array."""
    return _ITEMS.decode(piece)


def _in_arrays(listed: ListBody) -> ListPieces:
    items = listed.items or []
    starts = range(0, len(items), _ARRAY_ITEMS)
    arrays = [_array(items[start : start + _ARRAY_ITEMS]) for start in starts]
    return ListPieces(listed.kind, listed.metadata, arrays)


def _array(items: Iterable[msgspec.Raw]) -> bytes:
    return b"[%b]" % b",".join(items)


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The body in pieces that end with an item, but for the last one; without the commas between them."""
    rest, remaining = b"", iter(chunks)
    for chunk in remaining:
        rest += chunk
        at = rest.rfind(_BETWEEN_ITEMS)
        if at >= 0:
            yield rest[: at + 1]
            rest = rest[at + 2 :]
        elif len(rest) > _MAX_UNCUT_BYTES:
            break
    yield b"".join((rest, *remaining))
