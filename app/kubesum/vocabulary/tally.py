"""What the members of a group add up to.

A contribution is a tuple of entries (field, key, amount); a tally sums the amounts of each key of each field.
With one representation sums, counts by reason, distinct counts and maxima are all incremental: a member that
leaves takes away exactly what it brought.

Invariant: a tally depends on the set of present members alone, never on the order in which they came.
"""

from collections.abc import Hashable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, Final

Contribution = tuple[tuple[str, Any, int], ...]
"""Entries (field, key, amount). All keys of a field have one type; an amount of zero adds nothing."""

_NOTHING: Final[dict[Any, int]] = {}
_SLACK: Final = 16
_NO_HEAPS: Final[dict[str, list[Any]]] = {}


class Tally:
    """The sums of one group; false when it has no member."""

    __slots__ = ("_heaps", "_members", "_sums")

    def __init__(self) -> None:
        self._members = 0
        # Most fields of most groups have one key, and a pair takes a quarter of a dict's memory.
        self._sums: dict[str, dict[Any, int] | tuple[Any, int]] = {}
        self._heaps: dict[str, list[Any]] = _NO_HEAPS

    def __bool__(self) -> bool:
        return self._members > 0

    def add(self, contribution: Contribution) -> None:
        """A member joins."""
        self._members += 1
        self._apply(contribution, 1)

    def subtract(self, contribution: Contribution) -> None:
        """A member leaves, with the contribution that it joined with."""
        self._members -= 1
        self._apply(contribution, -1)

    def _apply(self, contribution: Contribution, sign: int) -> None:
        sums = self._sums
        for field, key, amount in contribution:
            held = sums.get(field)
            if isinstance(held, dict):
                total = held.get(key, 0) + sign * amount
                if total and key in held:
                    held[key] = total
                else:
                    self._come_or_go(field, held, key, total)
            elif held is not None and held[0] == key and (total := held[1] + sign * amount):
                sums[field] = (key, total)
            else:
                self._start_or_end(field, held, key, sign * amount)

    def _come_or_go(self, field: str, keys: dict[Any, int], key: Any, total: int) -> None:
        """A key of a field that has several appears, or is used up."""
        if total:
            self._came(field, key)
            keys[key] = total
            return
        keys.pop(key, None)
        if not keys:
            del self._sums[field]

    def _start_or_end(self, field: str, pair: tuple[Any, int] | None, key: Any, amount: int) -> None:
        """A field gets its first key or its second, or loses its only one."""
        if not amount:
            return
        if pair is not None and pair[0] == key:
            del self._sums[field]
            return
        self._came(field, key)
        self._sums[field] = (key, amount) if pair is None else {pair[0]: pair[1], key: amount}

    def _came(self, field: str, key: Any) -> None:
        heap = self._heaps.get(field)
        if heap is None:
            return
        heappush(heap, key)
        if len(heap) > 2 * self.distinct(field) + _SLACK:
            # Mostly keys that went and came again: whoever asks next makes a heap of those that are there.
            self._heaps = {name: other for name, other in self._heaps.items() if name != field}

    def sums(self, field: str) -> Mapping[Any, int]:
        """The sum of each key of `field`; keys whose sum is zero are absent."""
        held = self._sums.get(field, _NOTHING)
        return held if isinstance(held, dict) else {held[0]: held[1]}

    def total(self, field: str, key: Hashable = "") -> int:
        """The sum of one key of `field`."""
        return self.sums(field).get(key, 0)

    def distinct(self, field: str) -> int:
        """How many keys `field` has."""
        return len(self.sums(field))

    def smallest(self, field: str) -> Any | None:
        """The smallest key of `field`, None if it has none; the largest where keys are negated numbers.

        Costs a walk over the keys once, then the logarithm of their number: a heap drops dead keys lazily.
        """
        present = self.sums(field)
        heap = self._heaps.get(field)
        if heap is None:
            heap = list(present)
            self._heaps = {**self._heaps, field: heap}
            heapify(heap)
        while heap and heap[0] not in present:
            heappop(heap)
        return heap[0] if heap else None
