"""The keys of all rows in order.

Rows appear and disappear far more often than anybody lists all of them. So a change is only noted here, and the
notes are merged when the order is asked for.
"""

from collections.abc import Sequence

from kubesum.vocabulary.resource import Key


class KeyIndex:
    """A set of keys that can be read in order."""

    def __init__(self) -> None:
        self._sorted: list[Key] = []
        self._added: list[Key] = []
        self._removed: set[Key] = set()
        """Keys that are still in one of the two lists."""

    def add(self, key: Key) -> None:
        """Adds a key that is not there."""
        if key in self._removed:
            self._removed.remove(key)
        else:
            self._added.append(key)

    def remove(self, key: Key) -> None:
        """Removes a key that is there."""
        self._removed.add(key)

    def in_order(self) -> Sequence[Key]:
        """All keys, sorted."""
        if self._removed:
            self._sorted = [key for key in self._sorted if key not in self._removed]
            self._added = [key for key in self._added if key not in self._removed]
            self._removed.clear()
        if self._added:
            # A sorted run with another behind it: Python's sort merges them in linear time.
            self._sorted.extend(sorted(self._added))
            self._sorted.sort()
            self._added = []
        return self._sorted
