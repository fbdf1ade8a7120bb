"""A table as plain text, for pipes: all columns, without colours and marks."""

from collections.abc import Sequence
from typing import Final

from kubesum.clients.model.table import Table
from kubesum.clients.terminal.lines import printable

GAP: Final = "   "


def table_text(table: Table, now: float) -> str:
    """The header and the rows of a table, one line each; `now` is in seconds since 1970."""
    header = [column.name for column in table.columns]
    rows = [[printable(column.cell(row, now).text) for column in table.columns] for row in table.rows]
    widths = [max(map(len, texts)) for texts in zip(header, *rows, strict=True)]
    return "".join(_line(texts, widths) for texts in (header, *rows))


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip() + "\n"
