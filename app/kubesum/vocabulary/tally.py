"""Tallies: the sums of what the members of a group contribute.

A contribution is a tuple of entries (field, key, amount); a Tally sums the amounts of each key of each field. Sums,
counts by reason, numbers of distinct keys and minima all have this form, so each is updated by adding or subtracting
the contribution of one member; nothing is recomputed over the group.

Invariant: a Tally depends on the present members alone, not on the order in which they were added.
"""

from collections.abc import Hashable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, Final

Contribution = tuple[tuple[str, Any, int], ...]
"""Entries (field, key, amount). All keys of a field have one type; an amount of zero has no effect."""

_EMPTY: Final[dict[Any, int]] = {}
_NOTHING: Final[Contribution] = ()
_UNUSED_HEAP_KEYS: Final = 16
_NO_HEAPS: Final[dict[str, list[Any]]] = {}


class Tally:
    """The sums of one group; false if it has no member."""

    __slots__ = ("_heaps", "_members", "_sums")

    def __init__(self) -> None:
        self._members = 0
        # A field with one key, which is the usual case, is a pair: that takes a quarter of a dict's memory.
        self._sums: dict[str, dict[Any, int] | tuple[Any, int]] = {}
        self._heaps: dict[str, list[Any]] = _NO_HEAPS

    def __bool__(self) -> bool:
        return self._members > 0

    def add(self, contribution: Contribution) -> None:
        """Adds a member."""
        self._members += 1
        self._apply(contribution, 1)

    def subtract(self, contribution: Contribution) -> None:
        """Removes a member; the contribution must equal the one that it was added with."""
        self._members -= 1
        self._apply(contribution, -1)

    def change(self, difference: Contribution) -> None:
        """Replaces contributions of members by others, given the `difference` between them."""
        self._apply(difference, 1)

    def merge(self, other: "Tally", sign: int, without: str) -> None:
        """Adds all members of another tally (`sign` 1) or takes them out (-1), without their entries of one field."""
        self._members += sign * other._members
        for field in other._sums:
            if field != without:
                self._apply(tuple([(field, key, amount) for key, amount in other.sums(field).items()]), sign)

    def _apply(self, contribution: Contribution, sign: int) -> None:
        sums = self._sums
        for field, key, amount in contribution:
            held = sums.get(field)
            if isinstance(held, dict):
                total = held.get(key, 0) + sign * amount
                if total and key in held:
                    held[key] = total
                else:
                    self._set_key(field, held, key, total)
            elif held is not None and held[0] == key and (total := held[1] + sign * amount):
                sums[field] = (key, total)
            else:
                self._set_single_key(field, held, key, sign * amount)

    def _set_key(self, field: str, keys: dict[Any, int], key: Any, total: int) -> None:
        """Sets the sum of one key of a field with several, or removes the key if the sum is 0."""
        if total:
            self._key_added(field, key)
            keys[key] = total
            return
        keys.pop(key, None)
        if not keys:
            del self._sums[field]

    def _set_single_key(self, field: str, pair: tuple[Any, int] | None, key: Any, amount: int) -> None:
        """Adds the first or second key to a field, or removes its only one."""
        if not amount:
            return
        if pair is not None and pair[0] == key:
            del self._sums[field]
            return
        self._key_added(field, key)
        self._sums[field] = (key, amount) if pair is None else {pair[0]: pair[1], key: amount}

    def _key_added(self, field: str, key: Any) -> None:
        heap = self._heaps.get(field)
        if heap is None:
            return
        heappush(heap, key)
        if len(heap) > 2 * self.distinct(field) + _UNUSED_HEAP_KEYS:
            # Most of the heap are removed keys and duplicates; `smallest` builds a new one when it is called again.
            self._heaps = {name: other for name, other in self._heaps.items() if name != field}

    def sums(self, field: str) -> Mapping[Any, int]:
        """The sum of each key of `field`; keys whose sum is zero are absent."""
        held = self._sums.get(field, _EMPTY)
        return held if isinstance(held, dict) else {held[0]: held[1]}

    def total(self, field: str, key: Hashable = "") -> int:
        """The sum of one key of `field`."""
        return self.sums(field).get(key, 0)

    def distinct(self, field: str) -> int:
        """How many keys `field` has."""
        return len(self.sums(field))

    def smallest(self, field: str) -> Any | None:
        """The smallest key of `field`, None if it has none; for a maximum, keys are negated numbers.

        The first call builds a heap of all keys, later ones take logarithmic time: removed keys stay in the heap
        until they reach its top.
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


class Differences:
    """The differences between contributions.

    A changed pod replaces the same contribution by the same other one in its node, namespace and workload: the last
    difference is kept for the next question.
    """

    __slots__ = ("_after", "_before", "_difference")

    def __init__(self) -> None:
        self._before = self._after = self._difference = _NOTHING

    def between(self, before: Contribution, after: Contribution) -> Contribution:
        """The contribution which, added to `before`, gives `after`; most changes alter two or three entries."""
        if before is not self._before or after is not self._after:
            self._difference = _difference(before, after)
            self._before, self._after = before, after
        return self._difference


def _difference(before: Contribution, after: Contribution) -> Contribution:
    sums: dict[tuple[str, Any], int] = {}
    first = _equal_entries(before, after)
    for field, key, amount in after[first:]:
        sums[field, key] = sums.get((field, key), 0) + amount
    for field, key, amount in before[first:]:
        sums[field, key] = sums.get((field, key), 0) - amount
    return tuple([(field, key, amount) for (field, key), amount in sums.items() if amount])


def _equal_entries(before: Contribution, after: Contribution) -> int:
    """How many entries are equal at the beginning of both."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if one is not other and one != other:
            break
        count += 1
    return count
