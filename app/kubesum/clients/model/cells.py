"""Cells of a table, with a tone or a gauge, and the columns that compute them.

A tone is never shown by colour alone: a drawn cell begins with the mark of its tone, and its text has the same
meaning where it is printed without marks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from kubesum.kube.objects.core import Quantities
from kubesum.vocabulary.duration import UNKNOWN_AGE, human_duration
from kubesum.vocabulary.quantity import amount, rounded

ABSENT: Final = "-"
"""The text of a cell without a value."""
FULL_PERCENT: Final = 100
TIGHT_PERCENT: Final = 90
"""A share from here on gets a warning."""


class Tone(Enum):
    """How good or bad a value is; the enum's value is its mark."""

    GOOD = "●"
    IDLE = "○"
    WARNING = "▲"
    BAD = "✗"


@dataclass(frozen=True, slots=True)
class Gauge:
    """Shares of what is allocatable in percent, which may exceed 100; None if unknown."""

    requested: int | None
    limited: int | None
    used: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, the tone of it, and the gauge to draw before it; None for neither."""

    text: str
    tone: Tone | None = None
    gauge: Gauge | None = None

    @property
    def marked(self) -> str:
        """The text, after the mark of its tone if it has one."""
        return f"{self.tone.value} {self.text}" if self.tone else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    `width` is its least width in characters; it may grow to `max_width` before columns of other priorities are added
    (0: it does not grow). Columns of priority 0 are always shown, the others in the order of their priorities where
    there is room, as in a Table of Kubernetes. `sort_key` gives what rows are sorted by, and `descending` the order
    at first. An `optional` column is shown only if one of its cells has a value.
    """

    name: str
    cell: Callable[[Any, float], Cell]
    sort_key: Callable[[Any], Any]
    width: int
    max_width: int = 0
    priority: int = 0
    right: bool = False
    descending: bool = False
    gauge: bool = False
    optional: bool = False


def column(
    name: str, cell: Callable[[Any, float], Cell], sort_key: Callable[[Any], int], width: int, *, max_width: int = 0
) -> Column:
    """A column that is sorted by a number, the largest first; aligned to the left if it may grow."""
    return Column(
        name=name,
        cell=cell,
        sort_key=sort_key,
        width=width,
        max_width=max_width,
        right=not max_width,
        descending=True,
    )


def words(name: str, read: Callable[[Any], str], width: int, max_width: int, *, priority: int = 0) -> Column:
    """A column of text."""

    def cell(row: Any, _now: float) -> Cell:
        return Cell(read(row) or ABSENT)

    return Column(name=name, cell=cell, sort_key=read, width=width, max_width=max_width, priority=priority)


def toned(plain: Column, tone: Callable[[Any], Tone | None]) -> Column:
    """The same column with a tone in each cell."""

    def cell(row: Any, now: float) -> Cell:
        return replace(plain.cell(row, now), tone=tone(row))

    return replace(plain, cell=cell)


def count(name: str, read: Callable[[Any], int], *, priority: int = 0, bad: bool = False) -> Column:
    """A column of numbers; those above 0 have a bad tone if `bad`."""

    def cell(row: Any, _now: float) -> Cell:
        number = read(row)
        return Cell(str(number), Tone.BAD if bad and number else None)

    return Column(
        name=name, cell=cell, sort_key=read, width=len(name), priority=priority, right=True, descending=True
    )


def share(name: str, part: Callable[[Any], int], whole: Callable[[Any], int], *, priority: int = 0) -> Column:
    """A column of two numbers, as part/whole; sorted by the difference."""

    def cell(row: Any, _now: float) -> Cell:
        return Cell(f"{part(row)}/{whole(row)}")

    def missing(row: Any) -> tuple[int, int]:
        return whole(row) - part(row), part(row)

    return Column(
        name=name,
        cell=cell,
        sort_key=missing,
        width=max(7, len(name)),
        priority=priority,
        right=True,
        descending=True,
    )


def optional(column: Column) -> Column:
    """The same column, shown only if one of its cells has a value."""
    return replace(column, optional=True)


def quantity(name: str, resource: str, read: Callable[[Any], Quantities], *, priority: int = 0) -> Column:
    """A column of the amount of one compute resource."""

    def cell(row: Any, _now: float) -> Cell:
        amounts = read(row)
        return Cell(rounded(resource, amount_of(amounts, resource)) if resource in amounts else ABSENT)

    def sort_key(row: Any) -> int:
        return amount_of(read(row), resource)

    return Column(
        name=name, cell=cell, sort_key=sort_key, width=7, max_width=9, priority=priority, right=True, descending=True
    )


def percent(name: str, read: Callable[[Any], int | None], *, priority: int = 0) -> Column:
    """A column of percentages."""

    def cell(row: Any, _now: float) -> Cell:
        return Cell(percent_text(read(row)))

    return Column(
        name=name,
        cell=cell,
        sort_key=_known_first(read),
        width=len(name),
        priority=priority,
        right=True,
        descending=True,
    )


def bar(name: str, read: Callable[[Any], Gauge]) -> Column:
    """A column of gauges, each followed by its requested share."""

    def cell(row: Any, _now: float) -> Cell:
        gauge = read(row)
        return Cell(percent_text(gauge.requested), share_tone(gauge.requested), gauge)

    sort_key = _known_first(lambda row: read(row).requested)
    return Column(name=name, cell=cell, sort_key=sort_key, width=15, max_width=35, descending=True, gauge=True)


def age(name: str, read: Callable[[Any], datetime | None], *, priority: int = 0) -> Column:
    """A column of ages, the youngest first."""

    def cell(row: Any, now: float) -> Cell:
        return Cell(age_text(read(row), now))

    def sort_key(row: Any) -> float:
        since = read(row)
        return since.timestamp() if since else 0.0

    return Column(
        name=name, cell=cell, sort_key=sort_key, width=5, max_width=9, priority=priority, right=True, descending=True
    )


def age_text(since: datetime | None, now: float) -> str:
    """An age as kubectl prints it; `now` is in seconds since 1970."""
    return UNKNOWN_AGE if since is None else human_duration(now - since.timestamp())


def percent_text(share: int | None) -> str:
    """A percentage with its sign, `-` for None."""
    return ABSENT if share is None else f"{share}%"


def share_tone(share: int | None) -> Tone | None:
    """The tone of a requested share."""
    if share is None or share < TIGHT_PERCENT:
        return None
    return Tone.WARNING if share < FULL_PERCENT else Tone.BAD


def amount_of(amounts: Quantities, resource: str) -> int:
    """The amount of one compute resource, 0 if it is absent."""
    return amount(resource, amounts.get(resource, 0))


def devices(amounts: Mapping[str, Any]) -> int:
    """The sum of all resources named `*/gpu`."""
    return sum(amount(name, quantity) for name, quantity in amounts.items() if name.endswith("/gpu"))


def _known_first(read: Callable[[Any], int | None]) -> Callable[[Any], int]:
    def sort_key(row: Any) -> int:
        value = read(row)
        return -1 if value is None else value

    return sort_key
