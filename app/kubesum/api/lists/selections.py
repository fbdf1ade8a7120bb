"""Which rows of a block a selector selects: found once, as long as neither changes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from kubesum.api.requests.selectors import Selector
from kubesum.operations.pacer import Pacer, Turns
from kubesum.rollups.snapshots import BlockRows
from kubesum.vocabulary.resource import ComputedResource

Selected = Callable[[BlockRows], Awaitable[BlockRows]]
"""The rows that a selector selects of some rows."""

_ENTRY_BYTES: Final = 300
_SLICE_MATCHES: Final = 200
"""So many times a row is compared with a requirement before it is time to look at the clock."""


@dataclass(frozen=True, slots=True)
class _Found:
    """The positions of the selected rows in the block of this stamp; `text` is that of the selector, of the key."""

    stamp: int
    text: str
    positions: bytes

    @property
    def size_bytes(self) -> int:
        return _ENTRY_BYTES + len(self.text) + len(self.positions)


class Selections:
    """What selectors have selected lately."""

    def __init__(self, capacity_bytes: int, turns: Turns) -> None:
        self._turns = turns
        self._found: LRUCache[tuple[int, str], _Found] = LRUCache(capacity_bytes, lambda found: found.size_bytes)

    def drop(self) -> None:
        """Drops all of them."""
        self._found.clear()

    def of(self, resource: ComputedResource, selector: Selector) -> Selected:
        """A function that gives the selected rows of a resource; it pauses where that takes long."""
        is_of_one_name, text, matching = (
            selector.exact_name() is not None,
            selector.text,
            _matching(resource, selector, self._turns.pacer()),
        )

        async def selected(rows: BlockRows) -> BlockRows:
            block = rows.block
            if is_of_one_name:
                return BlockRows(block, await matching(rows))
            found = self._found.get((block.place, text))
            if found is None or found.stamp != block.stamp:
                found = _Found(block.stamp, text, await matching(BlockRows(block, range(len(block.rows)))))
                if found.size_bytes <= self._found.maxsize:
                    self._found[block.place, text] = found
            if len(rows) == len(block.rows):
                return BlockRows(block, found.positions)
            return BlockRows(block, bytes(at for at in found.positions if at in rows.positions))

        return selected


def _matching(
    resource: ComputedResource, selector: Selector, pacer: Pacer
) -> Callable[[BlockRows], Awaitable[bytes]]:
    """A function that gives the positions of the selected rows."""
    selects = selector.predicate(resource)
    step = max(1, _SLICE_MATCHES // max(1, len(selector)))

    async def matching(rows: BlockRows) -> bytes:
        found = bytearray()
        for seen, (at, row) in enumerate(zip(rows.positions, rows, strict=True), start=1):
            if selects(row):
                found.append(at)
            if seen % step == 0:
                await pacer.pause()
        await pacer.pause()
        return bytes(found)

    return matching
