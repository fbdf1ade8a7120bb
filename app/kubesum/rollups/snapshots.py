"""Snapshots: all rows of a resource at one version, in order, as immutable blocks.

A change replaces the block that holds its row and shares all others with the snapshot before. So a snapshot of a
large resource costs what has changed since the last one, and what is made of a block, such as its encoding, can be
kept until that block changes.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, count, pairwise
from operator import attrgetter
from typing import Final, overload

import msgspec

from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row
from kubesum.vocabulary.resource import Key

MAX_BLOCK_ROWS: Final = 128
"""A larger block is divided. What is made of a block is made again when one of its rows changes."""
MIN_BLOCK_ROWS: Final = 32
"""A block that becomes smaller is joined with the one before it, if both fit into one."""

_NEW_BLOCK_ROWS: Final = 96
_BY_KEY: Final = attrgetter("key")
_BY_LAST_KEY: Final = attrgetter("last_key")
_NUMBERS: Final = count(1)


class Block(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Some neighbouring rows, at least one.

    No two blocks have the same `stamp`. One that replaces another has its `place`: they have most rows in common.
    """

    stamp: int
    place: int
    rows: tuple[Row, ...]

    @property
    def last_key(self) -> Key:
        """The largest key."""
        return self.rows[-1].key


@dataclass(frozen=True, slots=True)
class BlockRows:
    """Some rows of one block, by their positions, which rise."""

    block: Block
    positions: Sequence[int]

    def __iter__(self) -> Iterator[Row]:
        rows = self.block.rows
        return (rows[at] for at in self.positions)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def last_key(self) -> Key:
        """The key of the last of them."""
        return self.block.rows[self.positions[-1]].key


class Rows(Sequence[Row]):
    """Rows sorted by key, that is, by namespace and name."""

    __slots__ = ("_ends", "blocks")

    def __init__(self, blocks: Sequence[Block] = ()) -> None:
        """`blocks` in order."""
        self.blocks: Final = tuple(blocks)
        self._ends: Final = [*accumulate(len(block.rows) for block in blocks)]

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Rows":
        """These rows, in any order."""
        return cls().changed({row.key: row for row in rows})

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Row]:
        return chain.from_iterable(block.rows for block in self.blocks)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            return [*chain.from_iterable(self.spans(start, stop))][::step]
        at = range(len(self))[index]
        return next(chain.from_iterable(self.spans(at, at + 1)))

    def spans(self, start: int, stop: int) -> Iterator[BlockRows]:
        """The rows from index `start` up to `stop`, block by block."""
        at = bisect_right(self._ends, start)
        while start < stop:
            block, end = self.blocks[at], self._ends[at]
            first = end - len(block.rows)
            yield BlockRows(block, range(start - first, min(stop, end) - first))
            start, at = end, at + 1

    def position(self, key: Key) -> int:
        """How many rows have a smaller key."""
        at = bisect_left(self.blocks, key, key=_BY_LAST_KEY)
        if at == len(self.blocks):
            return len(self)
        rows = self.blocks[at].rows
        return self._ends[at] - len(rows) + bisect_left(rows, key, key=_BY_KEY)

    def having(self, key: Key) -> range:
        """The index of the row of `key`; where it would be, an empty range, if there is none."""
        at = self.position(key)
        return range(at, at + (at < len(self) and self[at].key == key))

    def changed(self, changes: Mapping[Key, Row | None], *, in_place: bool = True) -> "Rows":
        """The rows after these changes; None removes a row.

        Unless `in_place`, the changed blocks get new places, for rows that are to exist beside these.
        """
        if not changes:
            return self
        keys = sorted(changes)
        blocks: list[Block] = []
        last = len(self.blocks) - 1
        copied = begin = 0
        while begin < len(keys):
            # A key after the last row belongs to the last block; so does every one that follows it.
            at = min(bisect_left(self.blocks, keys[begin], copied, key=_BY_LAST_KEY), max(last, 0))
            before = self.blocks[at] if self.blocks else Block(0, next(_NUMBERS), ())
            end = len(keys) if at >= last else bisect_right(keys, before.last_key, begin)
            blocks += self.blocks[copied:at]
            place = before.place if in_place else next(_NUMBERS)
            _append(blocks, place, _merged(before.rows, keys[begin:end], changes))
            copied, begin = at + 1, end
        blocks += self.blocks[copied:]
        return Rows(blocks)


def _merged(rows: Iterable[Row], keys: Iterable[Key], changes: Mapping[Key, Row | None]) -> list[Row]:
    merged = list(rows)
    for key in keys:
        at = bisect_left(merged, key, key=_BY_KEY)
        is_there = at < len(merged) and merged[at].key == key
        row = changes[key]
        merged[at : at + is_there] = () if row is None else (row,)
    return merged


def _append(blocks: list[Block], place: int, rows: list[Row]) -> None:
    """Appends these rows as one block or several, or joins them with the last one."""
    if blocks and len(rows) < MIN_BLOCK_ROWS and len(blocks[-1].rows) + len(rows) <= MAX_BLOCK_ROWS:
        blocks[-1] = Block(next(_NUMBERS), blocks[-1].place, (*blocks[-1].rows, *rows))
        return
    parts = -(-len(rows) // _NEW_BLOCK_ROWS) if len(rows) > MAX_BLOCK_ROWS else 1
    bounds = [len(rows) * part // parts for part in range(parts + 1)]
    for start, stop in pairwise(bounds):
        if start < stop:
            of_part = place if start == 0 else next(_NUMBERS)
            blocks.append(Block(next(_NUMBERS), of_part, tuple(rows[start:stop])))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All rows of a resource at one version."""

    version: Version
    rows: Rows
    floor: Version = 0
    """Rows of an earlier version are served with this one, see `Store.floor`."""

    def within(self, namespace: str) -> range:
        """The indexes of the rows of one namespace, or of all rows if it is empty."""
        if not namespace:
            return range(len(self.rows))
        return range(self.rows.position((namespace, "")), self.rows.position((namespace + "\0", "")))
