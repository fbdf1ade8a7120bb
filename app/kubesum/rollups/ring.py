"""A bounded memory of what happened lately, in order of version.

Whoever asks for what came after a version is given all of it, or learns that some of it is forgotten.

Invariant: everything with a version above `floor` is here.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from kubesum.rollups.resourceversion import Version, issued_at
from kubesum.vocabulary.errors import Expired

KEPT_S: Final = 300.0
"""How long things are kept, if they are not too many: etcd keeps what kube-apiserver can resume from as long."""

Item = TypeVar("Item")


class Ring(Generic[Item]):
    """Items with rising versions, oldest first."""

    def __init__(self, start: Version, version_of: Callable[[Item], Version], capacity: int) -> None:
        """Nothing is known of what happened up to `start`; at most `capacity` items are kept."""
        self.floor: Version = start
        self.head: Version = start
        self._version_of: Final = version_of
        self._capacity: Final = capacity
        self._items: list[Item] = []
        self._first = 0  # items before it are forgotten already

    def append(self, item: Item) -> None:
        """Remembers an item, the newest; forgets those that are too old or too many."""
        self._items.append(item)
        self.head = self._version_of(item)
        oldest_s = issued_at(self.head) - KEPT_S
        while len(self._items) - self._first > self._capacity or issued_at(self._oldest()) < oldest_s:
            self.floor = self._oldest()
            self._first += 1
        # Forgotten in large pieces: taking the first element off a list moves all others.
        if self._first * 2 > len(self._items):
            del self._items[: self._first]
            self._first = 0

    def _oldest(self) -> Version:
        return self._version_of(self._items[self._first])

    def since(self, version: Version) -> Sequence[Item]:
        """What came after `version`, oldest first.

        Raises Expired when some of it is forgotten: the client must list again.
        """
        if version < self.floor:
            raise Expired(f"too old resource version: {version} ({self.floor})")
        if version >= self.head:
            return ()
        return self._items[bisect_right(self._items, version, self._first, key=self._version_of) :]

    def has(self, version: Version) -> bool:
        """Whether an item with exactly this version is remembered."""
        at = bisect_left(self._items, version, self._first, key=self._version_of)
        return at < len(self._items) and self._version_of(self._items[at]) == version
