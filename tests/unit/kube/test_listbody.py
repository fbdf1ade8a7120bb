"""Bodies of lists, decoded as a whole and in the chunks in which they arrived."""

import json
from typing import Any

import msgspec
import pytest

from kubesum.kube.listbody import ListPieces, decoded_in_pieces, decoded_list, items_of


def compact(document: object) -> bytes:
    """JSON as Go writes it."""
    return json.dumps(document, separators=(",", ":")).encode()


def named(name: str, **more: Any) -> dict[str, Any]:
    """An item of a list."""
    return {"metadata": {"name": name}, **more}


def chunked(body: bytes, size: int) -> list[bytes]:
    """The body in chunks of so many bytes."""
    return [body[start : start + size] for start in range(0, len(body), size)]


def items(listed: ListPieces) -> list[bytes]:
    """The items of all pieces."""
    return [bytes(item) for piece in listed.pieces for item in items_of(piece)]


BODIES = {
    "items last": compact({"kind": "L", "metadata": {"continue": "c"}, "items": [*map(named, "abcdef")]}),
    "items first": compact({"items": [*map(named, "abcdef")], "metadata": {"resourceVersion": "7"}, "kind": "L"}),
    "a line break at the end": compact({"kind": "L", "metadata": {}, "items": [*map(named, "abc")]}) + b"\n",
    "the cut in a string": compact({"kind": "L", "items": [named("a", text='},{"metadata":'), named("b")]}),
    "the cut within an item": compact({"kind": "L", "items": [named("a", of=[named("b"), named("c")]), named("d")]}),
    "with spaces": json.dumps({"kind": "L", "items": [*map(named, "abc")]}).encode(),
    "one item": compact({"kind": "L", "items": [named("a")]}),
    "no item": compact({"kind": "L", "items": []}),
    "null": compact({"kind": "L", "items": None}),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_a_list_in_chunks_is_the_same_as_in_one(body: bytes) -> None:
    whole = decoded_list(body)
    for size in range(1, len(body) + 1):
        pieces = await decoded_in_pieces(chunked(body, size))

        assert (pieces.kind, pieces.metadata) == (whole.kind, whole.metadata)
        assert items(pieces) == [*map(bytes, whole.items or ())]


@pytest.mark.parametrize("body", [b"", b"{", BODIES["items last"][:-1], BODIES["items first"] + b"}"])
async def test_what_is_no_list_is_an_error_in_chunks_too(body: bytes) -> None:
    for size in (1, 7, 40, 1_000):
        with pytest.raises(msgspec.DecodeError):
            await decoded_in_pieces(chunked(body, size))


async def test_a_large_list_that_cannot_be_cut_is_decoded_as_a_whole() -> None:
    body = json.dumps({"kind": "L", "items": [named(str(n), text="x" * 100) for n in range(30_000)]}).encode()

    assert len(items(await decoded_in_pieces(chunked(body, 65_536)))) == 30_000
