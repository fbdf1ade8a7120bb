"""The whole screen as lines: headline, table and key hints, or the help.

It depends on the browser's state alone, and formats only the visible rows.
"""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from kubesum.clients.model.browser import Browser, Prompt
from kubesum.clients.model.cells import Cell, Tone
from kubesum.clients.model.explanations import empty_reason, warnings
from kubesum.clients.model.table import Table
from kubesum.clients.terminal.gauges import bar
from kubesum.clients.terminal.headline import headline
from kubesum.clients.terminal.help import help_lines
from kubesum.clients.terminal.keys import KEYS
from kubesum.clients.terminal.layout import GAP, SizedColumn, fitting_columns
from kubesum.clients.terminal.lines import TONES, Line, Role, Span, fit, justified, padded

ASCENDING: Final = "▲"
DESCENDING: Final = "▼"
PERCENT_CELLS: Final = 5
"""After a bar: a mark or a blank, and a percentage."""


def screen(browser: Browser, width: int, height: int) -> list[Line]:
    """Exactly `height` lines of `width` characters; sets the length of a page in the browser."""
    if browser.help_shown:
        return _exactly(help_lines(width), height, width)
    browser.table.arrange()
    above = headline(browser, width)
    below = (*_warnings(browser, width), _foot(browser, width))
    body = max(1, height - len(above) - len(below))
    browser.page_rows = max(1, body - 1)
    return _exactly((*above, *_body(browser, width, body), *below), height, width)


def _exactly(lines: Sequence[Line], height: int, width: int) -> list[Line]:
    blank = Line(padded((), width))
    return [*lines, *(blank for _ in range(height - len(lines)))][:height]


def _body(browser: Browser, width: int, height: int) -> Sequence[Line]:
    table = browser.table
    if table.rows:
        return _exactly(list(table_lines(table, width, height, browser.clock())), height, width)
    return _exactly([Line(padded((), width)), *_wrapped(*_empty_text(browser), width)], height, width)


def table_lines(table: Table, width: int, height: int, now: float) -> Iterator[Line]:
    """The header of a table and the rows around its cursor."""
    rows = table.visible(height - 1)
    for row in rows:
        table.record_lengths(row, now)
    columns = fitting_columns(table.columns, width, table.longest)
    table.visible_columns = [one.column for one in columns]
    yield _header(table, columns, width)
    for place, row in enumerate(rows, start=table.first_visible):
        yield Line(padded(_cells(columns, row, now), width), selected=place == table.cursor)


def _header(table: Table, columns: Sequence[SizedColumn], width: int) -> Line:
    names = (_name(one, table) for one in columns)
    return Line(padded(names, width))


def _name(one: SizedColumn, table: Table) -> Span:
    """The header of a column and the gap after it, which may hold the arrow of the sort order."""
    name, right, cells = one.column.name, one.column.right, one.width + GAP
    if one.column is not table.column:
        return Span(fit(fit(name, one.width, right), cells), Role.HEADING)
    return Span(fit(name + (DESCENDING if table.descending else ASCENDING), cells, right), Role.CHOSEN)


def _cells(columns: Sequence[SizedColumn], row: Any, now: float) -> Iterator[Span]:
    for place, one in enumerate(columns):
        if place:
            yield Span(" " * GAP)
        yield from _cell(one, one.column.cell(row, now))


def _cell(one: SizedColumn, cell: Cell) -> Iterator[Span]:
    role = TONES[cell.tone]
    if cell.gauge is not None:
        yield from bar(cell.gauge, one.width - PERCENT_CELLS)
        yield Span(f"{cell.tone.value if cell.tone else ' '}{cell.text:>4}", role)
    elif cell.tone in (Tone.GOOD, Tone.IDLE):
        # Only the mark is coloured, so that warnings stand out.
        mark, rest = cell.tone.value, cell.marked[1:]
        yield Span(mark, role)
        yield Span(fit(rest, one.width - 1))
    else:
        yield Span(fit(cell.marked, one.width, one.column.right), role)


def _empty_text(browser: Browser) -> tuple[str, Role]:
    text, tone = empty_reason(browser.table, browser.connection.host)
    return (text, Role.FAINT) if tone is None else (f"{tone.value} {text}", TONES[tone])


def _warnings(browser: Browser, width: int) -> Iterator[Line]:
    for tone, text in warnings(browser.table, browser.cluster, browser.connection.host):
        yield from _wrapped(f"{tone.value} {text}", TONES[tone], width)


def _wrapped(text: str, role: Role, width: int) -> list[Line]:
    return [Line(padded((Span(line, role),), width)) for line in textwrap.wrap(text, width)]


def _foot(browser: Browser, width: int) -> Line:
    """The open prompt, else the notice, else the key hints."""
    if browser.prompt is not None:
        return justified(_prompt(browser.prompt, browser.suggestion), (), width)
    if browser.notice:
        return justified((Span(browser.notice, Role.WARNING),), (), width)
    return _hints(browser.table, width)


def _prompt(prompt: Prompt, suggestion: str) -> Iterator[Span]:
    yield Span(f"{prompt.kind.value}: ", Role.HEADING)
    yield Span(prompt.text, Role.STRONG)
    rest = suggestion.removeprefix(prompt.text)
    yield Span(rest[:1] or " ", Role.CURSOR)
    yield Span(rest[1:], Role.FAINT)


def _hints(table: Table, width: int) -> Line:
    spans = (span for key in KEYS if key.hint for span in _hint(key.label.split()[0], key.hint))
    place = f" {table.cursor + 1}/{len(table.rows)}" if table.rows else ""
    return justified(spans, (Span(place),), width)


def _hint(key: str, word: str) -> tuple[Span, Span]:
    return Span(f"{key} ", Role.STRONG), Span(f"{word}  ", Role.FAINT)
