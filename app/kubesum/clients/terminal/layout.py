"""Which columns fit on a terminal, and how wide each is.

Columns of priority 0 are always shown. The others are added, priority by priority, while every column still has room
for its longest text, up to its greatest width. The rest of the room goes to texts that are still cut, then to bars.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kubesum.clients.model.cells import Column

GAP: Final = 1
"""Blank cells between two columns."""


@dataclass(frozen=True, slots=True)
class SizedColumn:
    """A column and its width in characters."""

    column: Column
    width: int


def fitting_columns(all_columns: Sequence[Column], width: int, longest: Mapping[str, int]) -> tuple[SizedColumn, ...]:
    """The columns that fit into `width` characters; `longest` has the length of a column's longest text, if any."""
    columns = [column for column in all_columns if column.name in longest or not column.optional]
    wanted = {column.name: _desired_width(column, longest) for column in columns}
    chosen = [column for column in columns if column.priority == 0]
    for priority in sorted({column.priority for column in columns} - {0}):
        more = [column for column in columns if column.priority == priority or column in chosen]
        if _total(wanted[column.name] for column in more) <= width:
            chosen = more
    widths = {column.name: column.width for column in chosen}
    room = width - _total(widths.values())
    whole = {column.name: longest.get(column.name, 0) for column in chosen if column.max_width and not column.gauge}
    for limits in (wanted, whole, {column.name: column.max_width for column in chosen if column.gauge}):
        room = _grow(widths, limits, room)
    return tuple(SizedColumn(column, widths[column.name]) for column in chosen)


def _desired_width(column: Column, longest: Mapping[str, int]) -> int:
    if column.gauge:
        return column.width
    return max(column.width, min(column.max_width, longest.get(column.name, 0)))


def _total(widths: Iterable[int]) -> int:
    return sum(width + GAP for width in widths) - GAP


def _grow(widths: dict[str, int], limits: Mapping[str, int], room: int) -> int:
    """Widens the columns in turn, by one character, up to their limits; returns the room that is left."""
    growing = [name for name in widths if widths[name] < limits.get(name, 0)]
    while room > 0 and growing:
        for name in growing[:room]:
            widths[name] += 1
            room -= 1
        growing = [name for name in growing if widths[name] < limits[name]]
    return room
