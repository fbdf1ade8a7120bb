"""Events: one published change of one row each, and what several of them come to."""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec

from kubesum.rollups.resourceversion import Version
from kubesum.rollups.rows import Row
from kubesum.vocabulary.resource import Key

BY_VERSION: Final = attrgetter("version")
"""Sorts and merges events."""


class RowEvent(msgspec.Struct, frozen=True, gc=False):
    """A row was created (`before` is None), changed, or was deleted (`after` is None).

    Rows of one key with different uids are different objects: one is deleted at a version, the other is created at
    the next. For a skipped state, `before` is that state, and `after` what was published at the time.
    """

    version: Version
    before: Row | None
    after: Row | None

    @property
    def key(self) -> Key:
        """The key of the row."""
        row = self.after or self.before
        assert row is not None, "an event is about a row"  # noqa: S101  # one of both is there, always
        return row.key

    @property
    def is_skipped(self) -> bool:
        """Whether this is a skipped state: it has no version, and `after` has an earlier one."""
        if self.before is not None:
            return self.before.version == 0
        return self.after is not None and self.after.version != self.version


def coalesced(events: Iterable[RowEvent]) -> Sequence[RowEvent]:
    """One event per object: from the row before its first event to the row after its last, in order of version.

    An object that was created and deleted among the events is left out. Of a key whose object was deleted and
    another one created, both events are kept.
    """
    gone: dict[Key, RowEvent] = {}
    merged: dict[Key, RowEvent] = {}
    for event in events:
        earlier = merged.pop(event.key, None)
        if earlier is None:
            merged[event.key] = event
        elif earlier.after is None:
            gone.setdefault(event.key, earlier)
            merged[event.key] = event
        elif earlier.before is not None or event.after is not None:
            merged[event.key] = RowEvent(event.version, earlier.before, event.after)
    return sorted((*gone.values(), *merged.values()), key=BY_VERSION)
