"""Rows of a metav1.Table, for kinds whose columns only the server has declared.

A watch sends each row in a Table of its own, a list sends all in one: TableObject is decoded from either. Cells are
texts as kubectl prints them, so that an age is as of when it was sent. It is counted on from when it was received.
"""

import re
import time
from typing import Final

import msgspec

from kubesum.clients.model.cells import ABSENT, Cell, Column
from kubesum.clients.model.objects import Metadata
from kubesum.vocabulary.duration import human_duration
from kubesum.vocabulary.errors import QuantityError
from kubesum.vocabulary.quantity import nanos

CellValue = str | int | None

_NONE: Final = frozenset({"<none>", "<unknown>", ""})
_AGE: Final = re.compile(r"(?:\d+[ydhms])+")
_AGE_PART: Final = re.compile(r"(\d+)([ydhms])")
_UNIT_S: Final = {"y": 365 * 86_400, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_NUMBER_WIDTH: Final = 8
_LONGEST_TEXT: Final = 24
_LEAST: Final = -(10**40)


class ColumnDefinition(msgspec.Struct, frozen=True, gc=False):
    """metav1.TableColumnDefinition; `type` is one of the types of printer columns."""

    name: str = ""
    type: str = "string"
    format: str = ""
    priority: int = 0


class _Partial(msgspec.Struct, frozen=True, gc=False):
    metadata: Metadata = Metadata()


class _TableRow(msgspec.Struct, frozen=True, gc=False):
    cells: tuple[CellValue, ...] = ()
    object: _Partial = _Partial()


class TableObject(msgspec.Struct, frozen=True, gc=False):
    """A row of a Table, or a Table of one row."""

    cells: tuple[CellValue, ...] = ()
    object: _Partial = _Partial()
    rows: tuple[_TableRow, ...] = ()

    @property
    def row(self) -> "_TableRow | TableObject":
        """The row itself."""
        return self.rows[0] if self.rows else self

    @property
    def metadata(self) -> Metadata:
        """The metadata of the object that the row shows."""
        return self.row.object.metadata


class ReceivedRow(msgspec.Struct, frozen=True, gc=False):
    """A row, and when it was received, in seconds since 1970."""

    metadata: Metadata
    cells: tuple[CellValue, ...]
    received_at: float

    def age_s(self, position: int, now: float) -> int | None:
        """The seconds of the age in a cell; None if it holds none."""
        text = str(self.cell(position) or "")
        if not _AGE.fullmatch(text):
            return None
        sent_s = sum(int(count) * _UNIT_S[unit] for count, unit in _AGE_PART.findall(text))
        return sent_s + max(0, int(now - self.received_at))

    def cell(self, position: int) -> CellValue:
        """One cell; None beyond the last one, where a definition has lost columns."""
        return self.cells[position] if position < len(self.cells) else None


def received_row(table: TableObject) -> ReceivedRow:
    """The row of a Table that was received now."""
    return ReceivedRow(table.metadata, table.row.cells, time.time())


def row_text(row: ReceivedRow) -> str:
    """All texts of a row, which a filter searches."""
    return " ".join((row.metadata.namespace, *map(str, row.cells)))


def table_column(definition: ColumnDefinition, position: int, priority: int) -> Column:
    """The column of a definition, whose cells are at `position` of each row."""
    is_text = definition.type == "string"

    def cell(row: ReceivedRow, now: float) -> Cell:
        if definition.type == "date" and (age_s := row.age_s(position, now)) is not None:
            return Cell(human_duration(age_s))
        text = str(row.cell(position) if row.cell(position) is not None else "")
        return Cell(ABSENT if text in _NONE else text)

    def sort_key(row: ReceivedRow) -> tuple[int, str]:
        if definition.type == "date":
            age_s = row.age_s(position, row.received_at)
            # Rows were received at different times: what is compared is when they began.
            return (_LEAST if age_s is None else age_s - int(row.received_at)), ""
        return _size(row.cell(position))

    header = definition.name.upper()
    return Column(
        name=header,
        cell=cell,
        sort_key=sort_key,
        width=max(len(header), _NUMBER_WIDTH),
        max_width=_LONGEST_TEXT if is_text else 0,
        priority=priority,
        right=not is_text,
        descending=not is_text,
    )


def _size(value: CellValue) -> tuple[int, str]:
    """What a cell is sorted by: numbers and quantities by their size, others by their text, absent ones last."""
    if isinstance(value, int):
        return value * 10**9, ""
    if value is None or value in _NONE:
        return _LEAST, ""
    try:
        return nanos(value), ""
    except QuantityError:
        return 0, value
