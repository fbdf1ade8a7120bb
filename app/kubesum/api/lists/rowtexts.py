"""The rows of lists as JSON, each encoded once.

The texts of a block's rows are kept together, one entry for each format in which they were requested. A change
replaces the block by one that shares all other rows, and only the changed row is encoded again. Texts hold no
reference to their rows, which would be kept for too long: a row is found again by its version, which no other row of
its resource ever had.

Cells with ages are written anew in place once their text would be another one. When all entries together exceed a
number of bytes, those used least recently are compressed, to a tenth; and evicted when these exceed another number.

Invariant: a text equals what its row is encoded to from scratch at the same time.
"""

import math
from array import array
from collections.abc import Callable
from typing import Final

import msgspec
from cachetools import LRUCache
from isal import isal_zlib

from kubesum.api.representations.rowformat import RowFormat
from kubesum.api.representations.table import Ages, AgeSpot, aged
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import served
from kubesum.rollups.snapshots import Block, BlockRows

_TEXT_BYTES: Final = 128
"""What a text takes beside its bytes, and what the place of an age in it takes."""
_SPOT_BYTES: Final = 120
_ENTRY_BYTES: Final = 400


class _BlockTexts:
    """The texts of the rows of one block."""

    def __init__(self, block: Block, floor: Version) -> None:
        self._block_stamp = block.stamp
        self._floor = floor
        self._versions = array("q", [row.version for row in block.rows])
        self._texts = [_MISSING] * len(block.rows)
        self._packed = b""
        """The same, compressed; empty if they have changed since."""
        self.valid_from, self.valid_until = -math.inf, math.inf
        """From when until when all texts hold."""
        self.size_bytes = 0
        """What the texts take, roughly."""

    def follow(self, block: Block, floor: Version) -> None:
        """Keeps the texts of those rows that are in `block` as well and are still served with the same version."""
        if self._block_stamp == block.stamp and self._floor == floor:
            return
        same_from = 0 if floor == self._floor else max(floor, self._floor)
        texts = {
            version: text for version, text in zip(self._versions, self._texts, strict=True) if version >= same_from
        }
        self._packed = b""
        self._block_stamp, self._floor = block.stamp, floor
        self._versions = array("q", [row.version for row in block.rows])
        self._texts = [texts.get(version, _MISSING) for version in self._versions]

    def pack(self) -> None:
        """Compresses the texts; to be used again after `unpack`."""
        if not self._packed:
            self._packed = isal_zlib.compress(msgspec.msgpack.encode(self._texts), 1)
        self._texts = []

    def unpack(self) -> None:
        """Restores the texts."""
        self._texts = _DECODER.decode(isal_zlib.decompress(self._packed))

    @property
    def packed_bytes(self) -> int:
        """What the compressed texts take, roughly."""
        return _ENTRY_BYTES + len(self._packed) + self._versions.itemsize * len(self._versions)

    def renew(self, now: float) -> None:
        """Writes ages as they are at `now`."""
        if self.valid_from <= now < self.valid_until:
            return
        # After the clock was set back, all of them may be wrong.
        due_until = math.inf if now < self.valid_from else now
        self._packed = b""
        if due_until == math.inf:
            self.valid_from = -math.inf
        for at, held in enumerate(self._texts):
            if held.valid_until <= due_until and held.spots:
                ages = Ages(now)
                content, spots = aged(held.content, held.spots, ages)
                self._texts[at] = _Text(content, spots, ages.valid_until)
                self.valid_from = max(self.valid_from, ages.valid_from)
        self.valid_until = min((held.valid_until for held in self._texts), default=math.inf)

    def encoded(self, format_: RowFormat, rows: BlockRows, now: float) -> tuple[bytes, ...]:
        """The texts of `rows`, of which those that are missing are encoded."""
        texts = self._texts
        missing = [at for at in rows.positions if not texts[at].content]
        for at in missing:
            ages = Ages(now)
            content, spots = format_.encoded(served(rows.block.rows[at], self._floor), ages)
            texts[at] = _Text(content, spots, ages.valid_until)
            self.valid_from = max(self.valid_from, ages.valid_from)
            self.valid_until = min(self.valid_until, ages.valid_until)
        if missing:
            self._packed = b""
            self.size_bytes = sum(held.size_bytes for held in texts)
        return tuple([texts[at].content for at in rows.positions])


class _Text(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The JSON of one row, and where ages stand in it, which hold until `valid_until`."""

    content: bytes
    spots: tuple[AgeSpot, ...]
    valid_until: float

    @property
    def size_bytes(self) -> int:
        return len(self.content) + _TEXT_BYTES + _SPOT_BYTES * len(self.spots)


_MISSING: Final = _Text(b"", (), math.inf)
"""In place of the text of a row that no list has needed."""


_Place = tuple[int, str, str, str]
"""The place of a block and the key of a format."""

_DECODER: Final = msgspec.msgpack.Decoder(list[_Text])


class _Ready(LRUCache[_Place, _BlockTexts]):
    """The texts that are ready; those used least recently are given to `evicted`."""

    def __init__(self, capacity_bytes: int, evicted: Callable[[_Place, _BlockTexts], None]) -> None:
        super().__init__(capacity_bytes, lambda held: held.size_bytes)
        self._evicted = evicted

    def popitem(self) -> tuple[_Place, _BlockTexts]:
        """Removes the entry that was used least recently."""
        key, held = super().popitem()
        self._evicted(key, held)
        return key, held


class RowTexts:
    """The encoded rows of all resources."""

    def __init__(self, capacity_bytes: int, packed_bytes: int) -> None:
        """Bounds the memory of texts that are ready, and of those that are compressed."""
        self._capacity_bytes: Final = capacity_bytes
        self._ready = _Ready(capacity_bytes, self._pack)
        self._packed: Final[LRUCache[_Place, _BlockTexts]] = LRUCache(packed_bytes, lambda held: held.packed_bytes)

    def drop(self) -> None:
        """Drops all texts."""
        # An entry that is removed from the ready ones would be compressed.
        self._ready = _Ready(self._capacity_bytes, self._pack)
        self._packed.clear()

    def texts(self, format_: RowFormat, rows: BlockRows, floor: Version, ages: Ages) -> tuple[bytes, ...]:
        """The JSON of these rows with `ages`; none has an earlier version than `floor`."""
        key = (rows.block.place, *format_.key)
        held = self._ready.get(key)
        known_bytes = held.size_bytes if held is not None else 0
        if held is None and (held := self._packed.pop(key, None)) is not None:
            held.unpack()
        if held is None:
            held = _BlockTexts(rows.block, floor)
        held.follow(rows.block, floor)
        held.renew(ages.now)
        texts = held.encoded(format_, rows, ages.now)
        ages.restrict(held.valid_from, held.valid_until)
        if held.size_bytes != known_bytes and held.size_bytes <= self._ready.maxsize:
            self._ready[key] = held
        return texts

    def _pack(self, key: _Place, held: _BlockTexts) -> None:
        held.pack()
        if held.packed_bytes <= self._packed.maxsize:
            self._packed[key] = held
