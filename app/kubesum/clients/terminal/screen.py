"""The whole screen: headline, table and hints, or the help, as exactly as many lines as the terminal has.

A pure function of the browser's state: only the rows that are visible are turned into cells.
"""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, Final

from kubesum.clients.model.browser import Browser, Question
from kubesum.clients.model.cells import Cell, Tone
from kubesum.clients.model.explanations import sentence
from kubesum.clients.model.table import Table
from kubesum.clients.terminal.gauges import bar
from kubesum.clients.terminal.headline import headline
from kubesum.clients.terminal.help import help_lines
from kubesum.clients.terminal.keys import KEYS
from kubesum.clients.terminal.layout import GAP, Placed, placed
from kubesum.clients.terminal.lines import TONES, Line, Role, Span, filled, fitted, parted

ASCENDING: Final = "▲"
DESCENDING: Final = "▼"
PERCENT_CELLS: Final = 5
"""Behind a bar: a mark or a blank, and a percentage."""


def screen(browser: Browser, width: int, height: int) -> list[Line]:
    """The lines of a terminal of this size."""
    if browser.helps:
        return _exactly(help_lines(width), height, width)
    browser.table.arrange()
    above = headline(browser, width)
    below = (*_warnings(browser, width), _foot(browser, width))
    body = max(1, height - len(above) - len(below))
    browser.page_rows = max(1, body - 1)
    return _exactly((*above, *_body(browser, width, body), *below), height, width)


def _exactly(lines: Sequence[Line], height: int, width: int) -> list[Line]:
    blank = Line(filled((), width))
    return [*lines, *(blank for _ in range(height - len(lines)))][:height]


def _body(browser: Browser, width: int, height: int) -> Sequence[Line]:
    table = browser.table
    if table.rows:
        return _exactly(list(table_lines(table, width, height, browser.clock())), height, width)
    return _exactly([Line(filled((), width)), *_wrapped(*_why_empty(browser), width)], height, width)


def table_lines(table: Table, width: int, height: int, now: float) -> Iterator[Line]:
    """The header of a table and the rows around its cursor."""
    rows = table.visible(height - 1)
    for row in rows:
        table.note_lengths(row, now)
    columns = placed(table.columns, width, table.longest)
    table.shown = [one.column for one in columns]
    yield _header(table, columns, width)
    for place, row in enumerate(rows, start=table.top):
        yield Line(filled(_cells(columns, row, now), width), selected=place == table.cursor)


def _header(table: Table, columns: Sequence[Placed], width: int) -> Line:
    names = (_name(one, table) for one in columns)
    return Line(filled(names, width))


def _name(one: Placed, table: Table) -> Span:
    """The header of a column and the gap behind it, in which the mark of the order may stand."""
    name, right, cells = one.column.name, one.column.right, one.width + GAP
    if one.column is not table.column:
        return Span(fitted(fitted(name, one.width, right), cells), Role.HEADING)
    return Span(fitted(name + (DESCENDING if table.descending else ASCENDING), cells, right), Role.CHOSEN)


def _cells(columns: Sequence[Placed], row: Any, now: float) -> Iterator[Span]:
    for place, one in enumerate(columns):
        if place:
            yield Span(" " * GAP)
        yield from _cell(one, one.column.cell(row, now))


def _cell(one: Placed, cell: Cell) -> Iterator[Span]:
    role = TONES[cell.tone]
    if cell.gauge is not None:
        yield from bar(cell.gauge, one.width - PERCENT_CELLS)
        yield Span(f"{cell.tone.value if cell.tone else ' '}{cell.text:>4}", role)
    elif cell.tone in (Tone.GOOD, Tone.IDLE):
        # Where all is well a mark in colour is enough: what stands out should be what to look at.
        mark, rest = cell.tone.value, cell.marked[1:]
        yield Span(mark, role)
        yield Span(fitted(rest, one.width - 1))
    else:
        yield Span(fitted(cell.marked, one.width, one.column.right), role)


def _why_empty(browser: Browser) -> tuple[str, Role]:
    table = browser.table
    feed = table.feed
    if feed.trouble is not None:
        said = sentence(feed.trouble, feed.scope, browser.server.host)
        return f"{Tone.BAD.value} {said}", Role.BAD
    if not feed.is_whole:
        return "loading", Role.FAINT
    if table.needle:
        return f"none of {len(feed.objects)} rows contains {table.needle!r}", Role.FAINT
    return "nothing to show", Role.FAINT


def _warnings(browser: Browser, width: int) -> Iterator[Line]:
    """What is wrong while there are rows to look at."""
    feed = browser.table.feed
    if feed.trouble is not None and browser.table.rows:
        said = sentence(feed.trouble, feed.scope, browser.server.host)
        yield from _wrapped(f"{Tone.BAD.value} {said}", Role.BAD, width)
    if browser.cluster is not None:
        for condition in browser.cluster.status.conditions:
            if condition.type == "Synced" and condition.status != "True":
                said = f"{Tone.WARNING.value} kubesum itself is behind the cluster: {condition.message}"
                yield from _wrapped(said, Role.WARNING, width)


def _wrapped(text: str, role: Role, width: int) -> list[Line]:
    return [Line(filled((Span(line, role),), width)) for line in textwrap.wrap(text, width)]


def _foot(browser: Browser, width: int) -> Line:
    """The question, if the person is asked one, else a notice, else what keys there are."""
    if browser.question is not None:
        return parted(_asking(browser.question, browser.suggestion), (), width)
    if browser.notice:
        return parted((Span(browser.notice, Role.WARNING),), (), width)
    return _hints(browser.table, width)


def _asking(question: Question, suggestion: str) -> Iterator[Span]:
    yield Span(f"{question.asked.value}: ", Role.HEADING)
    yield Span(question.answer, Role.STRONG)
    rest = suggestion.removeprefix(question.answer)
    yield Span(rest[:1] or " ", Role.CURSOR)
    yield Span(rest[1:], Role.FAINT)


def _hints(table: Table, width: int) -> Line:
    spans = (span for key in KEYS if key.hint for span in _hint(key.shown.split()[0], key.hint))
    place = f" {table.cursor + 1}/{len(table.rows)}" if table.rows else ""
    return parted(spans, (Span(place),), width)


def _hint(key: str, word: str) -> tuple[Span, Span]:
    return Span(f"{key} ", Role.STRONG), Span(f"{word}  ", Role.FAINT)
