"""A ring buffer in order of version, bounded in number and in age.

Asked for the items after a version it gives all of them, or raises Expired.

Invariant: every item with a version above `floor` is kept.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from kubesum.rollups.resourceversion import Version, issued_at
from kubesum.vocabulary.errors import Expired

KEPT_S: Final = 300.0
"""How long items are kept, unless there are too many. kube-apiserver's compaction of etcd keeps as much."""

Item = TypeVar("Item")


class Ring(Generic[Item]):
    """Items with rising versions, oldest first."""

    def __init__(self, start: Version, version_of: Callable[[Item], Version], capacity: int) -> None:
        """Holds the items after `start`, of which at most `capacity` are kept."""
        self.floor: Version = start
        self.head: Version = start
        self._version_of: Final = version_of
        self._capacity: Final = capacity
        self._items: list[Item] = []
        self._first = 0  # items before this index are dropped already

    def append(self, item: Item) -> None:
        """Appends the newest item; drops those that are too old or too many."""
        self._items.append(item)
        self.head = self._version_of(item)
        oldest_s = issued_at(self.head) - KEPT_S
        while len(self._items) - self._first > self._capacity or issued_at(self._oldest()) < oldest_s:
            self.floor = self._oldest()
            self._first += 1
        # Freed in large pieces: taking the first element off a list moves all others.
        if self._first * 2 > len(self._items):
            del self._items[: self._first]
            self._first = 0

    def _oldest(self) -> Version:
        return self._version_of(self._items[self._first])

    def since(self, version: Version) -> Sequence[Item]:
        """The items after `version`, oldest first; raises Expired when some of them were dropped."""
        if version < self.floor:
            raise Expired(f"too old resource version: {version} ({self.floor})")
        if version >= self.head:
            return ()
        return self._items[bisect_right(self._items, version, self._first, key=self._version_of) :]

    def has(self, version: Version) -> bool:
        """Whether an item with exactly this version is kept."""
        at = bisect_left(self._items, version, self._first, key=self._version_of)
        return at < len(self._items) and self._version_of(self._items[at]) == version
