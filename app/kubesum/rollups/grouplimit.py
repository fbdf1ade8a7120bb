"""The limit of a resource whose groups are made of values that clients choose: so many rows, and one for the rest.

The first groups by key have a row of their own. All others are added up in the row of the rest: one in each
namespace that has such groups, one in all for a cluster-scoped resource. Which groups those are depends on the
present groups alone, so that all replicas have the same rows.

Invariant: the tally of a rest is the sum of the tallies of its groups.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from kubesum.vocabulary.resource import GroupLimit, Key
from kubesum.vocabulary.tally import Contribution, Tally


class LimitedGroups:
    """Which of the groups have a row of their own, and the tallies of the others together."""

    def __init__(self, limit: GroupLimit, tallies: Mapping[Key, Tally]) -> None:
        """`tallies` are those of all groups."""
        self._most: Final = limit.most
        self._rest_name: Final = limit.rest
        self._without: Final = limit.identity
        self._tallies: Final = tallies
        self._keys: list[Key] = []  # sorted
        self._rests: dict[Key, Tally] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def rows(self) -> Collection[Key]:
        """The keys of all rows."""
        return (*self._keys[: self._most], *self._rests)

    def has_row(self, key: Key) -> bool:
        """Whether a group has a row of its own."""
        return len(self._keys) <= self._most or key <= self._keys[self._most - 1]

    def rest_of(self, key: Key) -> Key:
        """The key of the row that a group is added up in if it has none of its own."""
        return key[0], self._rest_name

    def rest(self, key: Key) -> Tally | None:
        """The tally of a row of the rest; None if `key` is no such row, or there is none."""
        return self._rests.get(key)

    def row_of(self, key: Key) -> Key:
        """The row that shows a group: its own, or the one that it is added up in."""
        return key if self.has_row(key) else self.rest_of(key)

    def affected(self, key: Key) -> Iterable[Key]:
        """The rows that may differ after a group appeared or disappeared."""
        if len(self._keys) < self._most:
            return (key,)
        groups = (key, *self._keys[self._most - 1 : self._most + 1])
        return dict.fromkeys((*groups, *map(self.rest_of, groups)))

    def appeared(self, key: Key) -> None:
        """A group has its first member, which is not added yet."""
        insort(self._keys, key)
        if len(self._keys) > self._most and key <= self._keys[self._most - 1]:
            self._move(self._keys[self._most], 1)

    def disappeared(self, key: Key) -> None:
        """A group has lost its last member, and its tally."""
        had_row = self.has_row(key)
        del self._keys[bisect_left(self._keys, key)]
        if had_row and len(self._keys) >= self._most:
            self._move(self._keys[self._most - 1], -1)

    def joined(self, key: Key, contribution: Contribution) -> None:
        """A member joined a group."""
        if not self.has_row(key):
            self._rest(key).add(self._anonymous(contribution))

    def left(self, key: Key, contribution: Contribution) -> None:
        """A member left a group."""
        if not self.has_row(key):
            self._rest(key).subtract(self._anonymous(contribution))
            self._drop_empty(self.rest_of(key))

    def changed(self, key: Key, difference: Contribution) -> None:
        """Members of a group contribute something else."""
        if not self.has_row(key):
            self._rest(key).change(self._anonymous(difference))

    def _rest(self, key: Key) -> Tally:
        """The tally of the row that a group is added up in."""
        return self._rests.setdefault(self.rest_of(key), Tally())

    def _move(self, key: Key, sign: int) -> None:
        """Adds a group to the rest, or takes it out."""
        self._rest(key).merge(self._tallies[key], sign, self._without)
        self._drop_empty(self.rest_of(key))

    def _drop_empty(self, rest: Key) -> None:
        if not self._rests[rest]:
            del self._rests[rest]

    def _anonymous(self, contribution: Contribution) -> Contribution:
        return tuple([entry for entry in contribution if entry[0] != self._without])
