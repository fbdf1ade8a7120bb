"""The groups of one resource: their subjects, what their members add up to, and the row of each.

A resource without folds has no groups: it is a projection, whose rows each show one subject. Nothing is kept for it
here, since its rows refer to their subjects; so a subject is passed in along with the question.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any, Final

from kubesum.rollups.grouplimit import LimitedGroups
from kubesum.rollups.rows import Row
from kubesum.vocabulary.resource import ComputedResource, Fold, Key
from kubesum.vocabulary.tally import Contribution, Differences, Tally

Change = tuple[Key, Contribution | None, Contribution | None]
"""(group, contribution that a member no longer makes, contribution that it makes now); None where there is none."""

_EMPTY: Final = Tally()


class Groups:
    """The groups of one resource, by the keys of their rows."""

    def __init__(self, resource: ComputedResource, differences: Differences) -> None:
        self._resource: Final = resource
        self._is_projection: Final = not resource.folds
        self._differences: Final = differences
        self._subjects: dict[Key, Any] = {}
        self._tallies: dict[Key, Tally] = {}
        self._limited: Final = LimitedGroups(resource.limit, self._tallies) if resource.limit else None

    def counted(self) -> tuple[int, int]:
        """The number of groups with members, and how many of them have no row of their own."""
        hidden = 0 if self._resource.limit is None else max(0, len(self._tallies) - self._resource.limit.most)
        return len(self._tallies), hidden

    def affected(self, changes: Collection[Change]) -> Iterable[Key]:
        """The rows that may differ after these changes, which are not applied yet."""
        limited = self._limited
        if limited is None:
            return dict.fromkeys([key for key, _, _ in changes])
        if all([left is not None and joined is not None for _, left, joined in changes]):
            # No group appears or disappears, so each stays in the row that it is in.
            return dict.fromkeys([limited.row_of(key) for key, _, _ in changes])
        return dict.fromkeys([row for key, _, _ in changes for row in limited.affected(key)])

    def keys(self) -> Collection[Key]:
        """The rows of the groups that have members."""
        return self._tallies.keys() if self._limited is None else self._limited.rows()

    def set_subject(self, key: Key, subject: Any) -> None:
        """The group of `key` is about this subject."""
        if not self._is_projection:
            self._subjects[key] = subject

    def remove_subject(self, key: Key) -> None:
        """The group of `key` has no subject any more."""
        self._subjects.pop(key, None)

    def apply(self, changes: Iterable[Change]) -> None:
        """Members joined or left groups, or contribute something else to them."""
        if self._limited is not None:
            for change in changes:
                self._change_limited(self._limited, change)
            return
        tallies = self._tallies
        for key, left, joined in changes:
            tally = tallies.get(key)
            if tally is None:
                tally = tallies[key] = Tally()
            if left is None:
                tally.add(joined or ())
            elif joined is not None:
                tally.change(self._differences.between(left, joined))
            else:
                tally.subtract(left)
                if not tally:
                    del tallies[key]

    def _change_limited(self, limited: LimitedGroups, change: Change) -> None:
        key, left, joined = change
        tally = self._tallies.get(key)
        if tally is None:
            limited.appeared(key)
            tally = self._tallies[key] = Tally()
        if left is None:
            tally.add(joined or ())
            limited.joined(key, joined or ())
        elif joined is not None:
            difference = self._differences.between(left, joined)
            tally.change(difference)
            limited.changed(key, difference)
        else:
            tally.subtract(left)
            limited.left(key, left)
            if not tally:
                del self._tallies[key]
                limited.disappeared(key)

    def _tally(self, key: Key) -> Tally | None:
        """What the members of a row add up to; None for no row."""
        if self._limited is None:
            return self._tallies.get(key)
        if (rest := self._limited.rest(key)) is not None:
            return rest
        return self._tallies.get(key) if self._limited.has_row(key) else None

    def row(self, key: Key, subject: Any | None) -> Row | None:
        """The row of `key` as of now, None if it has none; `subject` counts for projections only."""
        row = self.row_without_status(key, subject)
        if row is None or self._is_projection:
            return row
        return Row(key, 0, row.subject, self.status(row))

    def row_without_status(self, key: Key, subject: Any | None) -> Row | None:
        """The same without its status, which is most of the work."""
        if self._is_projection:
            return None if subject is None else Row(key, 0, subject, None)
        subject = self._subjects.get(key)
        if subject is None:
            tally = self._tally(key)
            if tally is None or self._resource.fallback_subject is None:
                return None
            subject = self._resource.fallback_subject(key, tally)
        return Row(key, 0, subject, None)

    def status(self, row: Row) -> Any:
        """The status of a group's row as of now."""
        return self._resource.status(row.key, row.subject, self._tally(row.key) or _EMPTY)


def changes_of(fold: Fold, old: Any | None, new: Any | None) -> list[Change]:
    """What turns the contributions of a member into those of its new state; those that stay are left out."""
    if old is None:
        return [(key, None, joined) for key, joined in fold.contributions(new)]
    if new is None:
        return [(key, left, None) for key, left in fold.contributions(old)]
    before, after = tuple(fold.contributions(old)), tuple(fold.contributions(new))
    changes: list[Change] = []
    for (key, left), (other, joined) in zip(before, after, strict=False):
        if key != other:
            return _moves(before, after)
        if left is not joined and left != joined:
            changes.append((key, left, joined))
    return changes if len(before) == len(after) else _moves(before, after)


def _moves(before: Iterable[tuple[Key, Contribution]], after: Iterable[tuple[Key, Contribution]]) -> list[Change]:
    # A member may belong to a thousand groups and change in one of them.
    counts, new_counts = Counter(before), Counter(after)
    return [
        *((key, left, None) for key, left in (counts - new_counts).elements()),
        *((key, None, joined) for key, joined in (new_counts - counts).elements()),
    ]
