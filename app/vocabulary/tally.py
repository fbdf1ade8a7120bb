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

_NOTHING: Final[Mapping[Any, int]] = {}


class Tally:
    """The sums of one group; false when it has no member."""

    __slots__ = ("_heaps", "_members", "_sums")

    def __init__(self) -> None:
        self._members = 0
        self._sums: dict[str, dict[Any, int]] = {}
        self._heaps: dict[str, list[Any]] = {}

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
            keys = sums.get(field)
            if keys is None:
                keys = sums[field] = {}
            if key not in keys and field in self._heaps:
                heappush(self._heaps[field], key)
            total = keys.get(key, 0) + sign * amount
            if total:
                keys[key] = total
                continue
            keys.pop(key, None)
            if not keys:
                del sums[field]

    def sums(self, field: str) -> Mapping[Any, int]:
        """The sum of each key of `field`; keys whose sum is zero are absent."""
        return self._sums.get(field, _NOTHING)

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
            heap = self._heaps[field] = list(present)
            heapify(heap)
        while heap and heap[0] not in present:
            heappop(heap)
        return heap[0] if heap else None
