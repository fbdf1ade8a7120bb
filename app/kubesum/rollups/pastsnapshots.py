"""Snapshots of past versions: what the later pages of a list are made of.

A list in pages is the rows at the version of its first page, however long its client takes. The rows of a past
version are those of now, with the events since then undone; the last few are kept for the pages that follow.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from kubesum.rollups.events import RowEvent
from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row
from kubesum.rollups.snapshots import Snapshot
from kubesum.vocabulary.resource import Key

KEPT_SNAPSHOTS: Final = 8
KEPT_ROWS: Final = 200_000
"""So many rows the kept snapshots of a resource may have together: 8 bytes each."""


def as_of(version: Version, floor: Version, now: Snapshot, events: Iterable[RowEvent]) -> Snapshot:
    """The rows at `version` with the floor of then, from the present ones and all later events, oldest first."""
    before: dict[Key, Row | None] = {}
    for event in events:
        before.setdefault(event.key, event.before)
    return Snapshot(version, now.rows.changed(before, in_place=False), floor)


class PastSnapshots:
    """The snapshots that pages were made of last, bounded in their number and in their rows."""

    def __init__(self) -> None:
        self._by_version: Final[OrderedDict[Version, Snapshot]] = OrderedDict()
        self._rows = 0

    def get(self, version: Version) -> Snapshot | None:
        """The snapshot of a version, None if it is not kept."""
        snapshot = self._by_version.get(version)
        if snapshot is not None:
            self._by_version.move_to_end(version)
        return snapshot

    def keep(self, snapshot: Snapshot) -> None:
        """Keeps a snapshot, and drops those that were used least recently; one is kept whatever its size."""
        self._by_version[snapshot.version] = snapshot
        self._rows += len(snapshot.rows)
        while len(self._by_version) > KEPT_SNAPSHOTS or (len(self._by_version) > 1 and self._rows > KEPT_ROWS):
            self._rows -= len(self._by_version.popitem(last=False)[1].rows)
