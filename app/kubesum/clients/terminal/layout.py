"""Which columns a terminal has room for, and how wide each is.

Columns of rank 0 are always there. Others come, rank by rank, where the columns that may grow can still show their
longest text, or as much of it as they may claim. What is left goes to texts that are cut and to bars after that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kubesum.clients.model.cells import Column

GAP: Final = 1
"""Blank cells between two columns."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A column and its width in cells."""

    column: Column
    width: int


def placed(all_columns: Sequence[Column], width: int, longest: Mapping[str, int]) -> tuple[Placed, ...]:
    """The columns that fit into `width` cells; `longest` is the length of each one's longest text, if it has any."""
    columns = [column for column in all_columns if column.name in longest or not column.optional]
    wanted = {column.name: _wanted(column, longest) for column in columns}
    chosen = [column for column in columns if column.rank == 0]
    for rank in sorted({column.rank for column in columns} - {0}):
        more = [column for column in columns if column.rank == rank or column in chosen]
        if _total(wanted[column.name] for column in more) <= width:
            chosen = more
    widths = {column.name: column.width for column in chosen}
    room = width - _total(widths.values())
    whole = {column.name: longest.get(column.name, 0) for column in chosen if column.most and not column.gauge}
    for limits in (wanted, whole, {column.name: column.most for column in chosen if column.gauge}):
        room = _grown(widths, limits, room)
    return tuple(Placed(column, widths[column.name]) for column in chosen)


def _wanted(column: Column, longest: Mapping[str, int]) -> int:
    if column.gauge:
        return column.width
    return max(column.width, min(column.most, longest.get(column.name, 0)))


def _total(widths: Iterable[int]) -> int:
    return sum(width + GAP for width in widths) - GAP


def _grown(widths: dict[str, int], limits: Mapping[str, int], room: int) -> int:
    """Widens each column towards its limit, by one cell in turn; gives what room is left."""
    growing = [name for name in widths if widths[name] < limits.get(name, 0)]
    while room > 0 and growing:
        for name in growing[:room]:
            widths[name] += 1
            room -= 1
        growing = [name for name in growing if widths[name] < limits[name]]
    return room
