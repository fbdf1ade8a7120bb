"""A ring buffer in order of version, bounded in number and in age.

The age depends on the number: many items are kept for FRESH_S, fewer for KEPT_S. So what is kept of something that
changes all the time reaches its size within FRESH_S, and what changes now and then is kept for long.

Asked for the items after a version it gives all of them, or raises Expired. Items are kept in segments, and a segment
is freed as a whole: so neither an append nor the end of a quiet hour moves or frees many items at once.

Invariant: every item with a version above `floor` is kept.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final, Generic, NamedTuple, TypeVar

from kubesum.rollups.resourceversion import Version, issued_at
from kubesum.vocabulary.errors import Expired

KEPT_S: Final = 300.0
"""How long items are kept, unless there are many. kube-apiserver's compaction of etcd keeps as much."""
FRESH_S: Final = 75.0
"""How long many items are kept. kube-apiserver's watch cache has room for as much: eventFreshDuration in
k8s.io/apiserver/pkg/storage/cacher/watch_cache.go."""
MAX_DROPPED: Final = 100
"""So many items are dropped at once at most; what is left over goes with the next append."""
_SEGMENT_ITEMS: Final = 500

Item = TypeVar("Item")


class Capacity(NamedTuple):
    """How many items are kept: `lasting` for KEPT_S, and up to `most` for FRESH_S."""

    lasting: int
    most: int


class Ring(Generic[Item]):
    """Items with rising versions, oldest first."""

    def __init__(
        self, start: Version, version_of: Callable[[Item], Version], capacity: Callable[[], Capacity]
    ) -> None:
        """Holds the items after `start`, of which at most `capacity().most` are kept."""
        self.floor: Version = start
        self.head: Version = start
        self._version_of: Final = version_of
        self._capacity: Final = capacity
        self._segments: list[list[Item]] = [[]]
        self._first = 0  # items of the first segment before this index are dropped already
        self._kept = 0

    def append(self, item: Item) -> None:
        """Appends the newest item; drops those that are too old or too many."""
        if len(self._segments[-1]) == _SEGMENT_ITEMS:
            self._segments.append([])
        self._segments[-1].append(item)
        self._kept += 1
        self.head = self._version_of(item)
        now_s, capacity = issued_at(self.head), self._capacity()
        for _ in range(MAX_DROPPED):
            kept_s = KEPT_S if self._kept <= capacity.lasting else FRESH_S
            if self._kept <= capacity.most and now_s - issued_at(self._oldest()) <= kept_s:
                return
            self._drop()

    def _oldest(self) -> Version:
        return self._version_of(self._segments[0][self._first])

    def _drop(self) -> None:
        self.floor = self._oldest()
        self._kept -= 1
        self._first += 1
        if self._first == len(self._segments[0]):
            del self._segments[0]
            self._first = 0

    def since(self, version: Version) -> Sequence[Item]:
        """The items after `version`, oldest first; raises Expired when some of them were dropped."""
        if version < self.floor:
            raise Expired(f"too old resource version: {version} ({self.floor})")
        if version >= self.head:
            return ()
        at = self._segment(version)
        segment = self._segments[at]
        first = bisect_right(segment, version, self._first if at == 0 else 0, key=self._version_of)
        return [*chain(segment[first:], *self._segments[at + 1 :])]

    def has(self, version: Version) -> bool:
        """Whether an item with exactly this version is kept."""
        if not self.floor < version <= self.head:
            return False
        at = self._segment(version)
        segment = self._segments[at]
        index = bisect_left(segment, version, self._first if at == 0 else 0, key=self._version_of)
        return index < len(segment) and self._version_of(segment[index]) == version

    def _segment(self, version: Version) -> int:
        """The index of the segment with the last item that is not after `version`; the first one if there is none."""
        return max(0, bisect_right(self._segments, version, key=lambda items: self._version_of(items[0])) - 1)
