"""A table: the objects of an informer, filtered and sorted, with a cursor.

The cursor follows its object when rows are added, removed or reordered. Until it is moved, it stays on the first row,
whichever object that is.
"""

from collections.abc import Sequence
from typing import Any, Final

from kubesum.clients.model.cells import ABSENT, Column
from kubesum.clients.model.informer import Informer
from kubesum.clients.model.objects import key
from kubesum.vocabulary.resource import Key


class Table:
    """The rows of one informer, as the user has filtered and sorted them."""

    def __init__(self, informer: Informer) -> None:
        self.informer: Final = informer
        self.visible_columns: Sequence[Column] = [column for column in self.columns if not column.priority]
        """The columns that the view has room for, which it sets."""
        self.column = self._first_column()
        """The column that rows are sorted by."""
        self.descending = self.column.descending
        self.filter = ""
        """Only rows that contain this text are shown; case is ignored."""
        self.rows: list[Any] = []
        """The objects that match the filter, in order, as of the last `arrange`."""
        self.cursor = 0
        self.first_visible = 0
        """The index of the first row that the view shows."""
        self.longest: Final[dict[str, int]] = {}
        """The longest text of each column among the rows shown so far; no entry for a column without values."""
        self._cursor_key: Key | None = None
        self._arranged_for: tuple[object, ...] = ()

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, also those that there is no room for."""
        return self.informer.columns

    @property
    def selected(self) -> Any | None:
        """The row under the cursor, None without rows."""
        return self.rows[self.cursor] if self.rows else None

    def arrange(self) -> None:
        """Filters and sorts the rows again if the objects, the filter or the order have changed."""
        if self.column not in self.columns:
            self.column = self._same_column()
        state = (self.informer.changes, self.column, self.descending, self.filter)
        if state != self._arranged_for:
            self._arranged_for = state
            self.rows = self._sorted(self._matching())
            self._restore_cursor()

    def move(self, rows: int) -> None:
        """Moves the cursor down, or up for a negative number, as far as there are rows."""
        self.cursor = max(0, min(len(self.rows) - 1, self.cursor + rows))
        self._cursor_key = key(self.rows[self.cursor]) if self.cursor > 0 else None

    def sort_by_next(self, step: int) -> None:
        """Sorts by the visible column `step` places to the right, wrapping around."""
        place = self.visible_columns.index(self.column) + step if self.column in self.visible_columns else 0
        self.column = self.visible_columns[place % len(self.visible_columns)]
        self.descending = self.column.descending

    def reverse(self) -> None:
        """Reverses the order."""
        self.descending = not self.descending

    def visible(self, height: int) -> list[Any]:
        """The rows to show in `height` lines, scrolled as little as keeps the cursor visible."""
        lowest = max(0, len(self.rows) - height)
        self.first_visible = min(max(self.first_visible, self.cursor - height + 1), self.cursor, lowest)
        return self.rows[self.first_visible : self.first_visible + height]

    def record_lengths(self, row: Any, now: float) -> None:
        """Records the lengths of the texts of a shown row: formatting all rows would take too long."""
        for column in self.columns:
            cell = column.cell(row, now)
            if cell.text != ABSENT:
                self.longest[column.name] = max(len(cell.marked), self.longest.get(column.name, 0))

    def _first_column(self) -> Column:
        name = self.informer.scope.view.sorted_by
        return next((column for column in self.columns if column.name == name), self.columns[0])

    def _same_column(self) -> Column:
        """The column that rows are sorted by, after the columns have changed."""
        named = (column for column in self.columns if column.name == self.column.name)
        return next(named, None) or self._first_column()

    def _matching(self) -> list[Any]:
        objects = self.informer.objects.values()
        if not self.filter:
            return list(objects)
        text, filter_text = self.filter.casefold(), self.informer.scope.view.filter_text
        return [row for row in objects if text in filter_text(row).casefold()]

    def _sorted(self, rows: list[Any]) -> list[Any]:
        rows.sort(key=key)
        # Sorting is stable, also in reverse: equal rows stay in the order of their names.
        rows.sort(key=self.column.sort_key, reverse=self.descending)
        return rows

    def _restore_cursor(self) -> None:
        if self._cursor_key is None:
            self.cursor = 0
            return
        places = (place for place, row in enumerate(self.rows) if key(row) == self._cursor_key)
        self.cursor = next(places, max(0, min(self.cursor, len(self.rows) - 1)))
