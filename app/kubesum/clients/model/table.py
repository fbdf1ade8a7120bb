"""A table: the objects of a feed in the order of a column, those that match a filter, and where the cursor is.

The cursor stays with its object while others come, go and change places. Before it is moved for the first time
it stays at the top, so that the first row is always the first by the order chosen.
"""

from collections.abc import Sequence
from typing import Any, Final

from kubesum.clients.model.cells import ABSENT, Column
from kubesum.clients.model.informer import Feed
from kubesum.clients.model.objects import key
from kubesum.vocabulary.resource import Key


class Table:
    """One feed as a person has arranged it."""

    def __init__(self, feed: Feed) -> None:
        self.feed: Final = feed
        self.columns: Final = feed.scope.columns
        self.shown: Sequence[Column] = [column for column in self.columns if not column.rank]
        """The columns that the screen has room for."""
        self.column = self._first_column()
        """The column that rows are sorted by."""
        self.descending = self.column.descending
        self.needle = ""
        """Only rows that contain this text are shown, whatever its case."""
        self.rows: list[Any] = []
        """What is shown, in order, as of the last `arrange`."""
        self.cursor = 0
        self.top = 0
        """The first row on the screen."""
        self.longest: Final[dict[str, int]] = {}
        """The length of the longest text of each column, of those shown so far; none where nothing was told."""
        self._chosen: Key | None = None
        self._arranged: tuple[object, ...] = ()

    @property
    def selected(self) -> Any | None:
        """The row under the cursor, None without rows."""
        return self.rows[self.cursor] if self.rows else None

    def arrange(self) -> None:
        """Brings the rows up to date with the feed, if anything has changed."""
        wanted = (self.feed.changes, self.column.name, self.descending, self.needle)
        if wanted != self._arranged:
            self._arranged = wanted
            self.rows = self._sorted(self._matching())
            self._follow_chosen()

    def move(self, rows: int) -> None:
        """Moves the cursor down, or up for a negative number, as far as there are rows."""
        self.cursor = max(0, min(len(self.rows) - 1, self.cursor + rows))
        self._chosen = key(self.rows[self.cursor]) if self.cursor > 0 else None

    def sort_by_next(self, step: int) -> None:
        """Sorts by the column on the screen that is `step` places to the right, round at the ends."""
        place = self.shown.index(self.column) + step if self.column in self.shown else 0
        self.column = self.shown[place % len(self.shown)]
        self.descending = self.column.descending

    def reverse(self) -> None:
        """Turns the order round."""
        self.descending = not self.descending

    def visible(self, height: int) -> list[Any]:
        """The rows on a screen of `height` rows, moved as little as shows the cursor."""
        lowest = max(0, len(self.rows) - height)
        self.top = min(max(self.top, self.cursor - height + 1), self.cursor, lowest)
        return self.rows[self.top : self.top + height]

    def note_lengths(self, row: Any, now: float) -> None:
        """Remembers the longest texts, of rows that were shown: asking all for theirs would cost too much."""
        for column in self.columns:
            cell = column.cell(row, now)
            if cell.text != ABSENT:
                self.longest[column.name] = max(len(cell.marked), self.longest.get(column.name, 0))

    def _first_column(self) -> Column:
        wanted = self.feed.scope.view.sorted_by
        return next((column for column in self.columns if column.name == wanted), self.columns[0])

    def _matching(self) -> list[Any]:
        objects = self.feed.objects.values()
        if not self.needle:
            return list(objects)
        needle, searched = self.needle.casefold(), self.feed.scope.view.searched
        return [row for row in objects if needle in searched(row).casefold()]

    def _sorted(self, rows: list[Any]) -> list[Any]:
        rows.sort(key=key)
        # Sorting keeps the order of equals, also in reverse: they stay in the order of their names.
        rows.sort(key=self.column.order, reverse=self.descending)
        return rows

    def _follow_chosen(self) -> None:
        if self._chosen is None:
            self.cursor = 0
            return
        places = (place for place, row in enumerate(self.rows) if key(row) == self._chosen)
        self.cursor = next(places, max(0, min(self.cursor, len(self.rows) - 1)))
