"""What a table is made of before it is drawn: cells with a tone, gauges, and columns that make them.

A tone never stands alone: a cell that has one begins with its mark where it is drawn, and is a word that says
the same where it is printed. Everything here is text and numbers; nothing knows a terminal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from kubesum.kube.objects import Quantities
from kubesum.vocabulary.duration import UNKNOWN_AGE, human_duration
from kubesum.vocabulary.quantity import amount, rounded

ABSENT: Final = "-"
"""Stands where there is nothing to show."""
FULL_PERCENT: Final = 100
TIGHT_PERCENT: Final = 90
"""From here on a share is close to the whole."""


class Tone(Enum):
    """How something is; the value is the mark that says so without colour."""

    GOOD = "●"
    IDLE = "○"
    WARNING = "▲"
    BAD = "✗"


@dataclass(frozen=True, slots=True)
class Gauge:
    """Shares of a whole in percent, each None where it is not known; they may exceed 100."""

    requested: int | None
    limited: int | None
    used: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, how that is, and the bar to draw before it, if any."""

    text: str
    tone: Tone | None = None
    gauge: Gauge | None = None

    @property
    def marked(self) -> str:
        """The text behind the mark of its tone."""
        return f"{self.tone.value} {self.text}" if self.tone else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    `width` is what it needs at least, `most` what it may grow to before others come (0: its width). Columns of
    rank 0 are always there; the others come in the order of their ranks where there is room. `order`
    gives what rows are sorted by; `descending` says which end comes first when one begins to sort by it. An
    `optional` column is left out of a screen on which it would have nothing to say.
    """

    name: str
    cell: Callable[[Any, float], Cell]
    order: Callable[[Any], Any]
    width: int
    most: int = 0
    rank: int = 0
    right: bool = False
    descending: bool = False
    gauge: bool = False
    optional: bool = False


def column(
    name: str, cell: Callable[[Any, float], Cell], order: Callable[[Any], int], width: int, *, most: int = 0
) -> Column:
    """A column of anything that is sorted by a number, the largest first; one that may grow begins at the left."""
    return Column(name=name, cell=cell, order=order, width=width, most=most, right=not most, descending=True)


def words(name: str, read: Callable[[Any], str], width: int, most: int, *, rank: int = 0) -> Column:
    """A column of words."""

    def cell(row: Any, _now: float) -> Cell:
        return Cell(read(row) or ABSENT)

    return Column(name=name, cell=cell, order=read, width=width, most=most, rank=rank)


def toned(plain: Column, tone: Callable[[Any], Tone | None]) -> Column:
    """The same column with a tone in each cell."""

    def cell(row: Any, now: float) -> Cell:
        return replace(plain.cell(row, now), tone=tone(row))

    return replace(plain, cell=cell)


def count(name: str, read: Callable[[Any], int], *, rank: int = 0, bad: bool = False) -> Column:
    """A column of numbers; one that counts what is `bad` warns from 1 on."""

    def cell(row: Any, _now: float) -> Cell:
        number = read(row)
        return Cell(str(number), Tone.BAD if bad and number else None)

    return Column(name=name, cell=cell, order=read, width=len(name), rank=rank, right=True, descending=True)


def share(name: str, part: Callable[[Any], int], whole: Callable[[Any], int], *, rank: int = 0) -> Column:
    """A column of two numbers, as part/whole; sorted by what is missing."""

    def cell(row: Any, _now: float) -> Cell:
        return Cell(f"{part(row)}/{whole(row)}")

    def missing(row: Any) -> tuple[int, int]:
        return whole(row) - part(row), part(row)

    return Column(
        name=name, cell=cell, order=missing, width=max(7, len(name)), rank=rank, right=True, descending=True
    )


def optional(column: Column) -> Column:
    """The same column, left out where it has nothing to say."""
    return replace(column, optional=True)


def quantity(name: str, resource: str, read: Callable[[Any], Quantities], *, rank: int = 0) -> Column:
    """A column of the amount of one resource."""

    def cell(row: Any, _now: float) -> Cell:
        amounts = read(row)
        return Cell(rounded(resource, amount_of(amounts, resource)) if resource in amounts else ABSENT)

    def order(row: Any) -> int:
        return amount_of(read(row), resource)

    return Column(name=name, cell=cell, order=order, width=7, most=9, rank=rank, right=True, descending=True)


def percent(name: str, read: Callable[[Any], int | None], *, rank: int = 0) -> Column:
    """A column of percentages."""

    def cell(row: Any, _now: float) -> Cell:
        return Cell(percent_text(read(row)))

    return Column(
        name=name, cell=cell, order=_known_first(read), width=len(name), rank=rank, right=True, descending=True
    )


def bar(name: str, read: Callable[[Any], Gauge]) -> Column:
    """A column of gauges, each with its requested share as a number behind it."""

    def cell(row: Any, _now: float) -> Cell:
        gauge = read(row)
        return Cell(percent_text(gauge.requested), share_tone(gauge.requested), gauge)

    order = _known_first(lambda row: read(row).requested)
    return Column(name=name, cell=cell, order=order, width=15, most=35, descending=True, gauge=True)


def age(name: str, read: Callable[[Any], datetime | None], *, rank: int = 0) -> Column:
    """A column of ages; the youngest come first."""

    def cell(row: Any, now: float) -> Cell:
        return Cell(age_text(read(row), now))

    def order(row: Any) -> float:
        since = read(row)
        return since.timestamp() if since else 0.0

    return Column(name=name, cell=cell, order=order, width=5, most=9, rank=rank, right=True, descending=True)


def age_text(since: datetime | None, now: float) -> str:
    """How long ago something was, as kubectl writes it."""
    return UNKNOWN_AGE if since is None else human_duration(now - since.timestamp())


def percent_text(share: int | None) -> str:
    """A percentage with its sign."""
    return ABSENT if share is None else f"{share}%"


def share_tone(share: int | None) -> Tone | None:
    """What to think of a requested share."""
    if share is None or share < TIGHT_PERCENT:
        return None
    return Tone.WARNING if share < FULL_PERCENT else Tone.BAD


def amount_of(amounts: Quantities, resource: str) -> int:
    """The amount of one resource, 0 where it is absent."""
    return amount(resource, amounts.get(resource, 0))


def devices(amounts: Mapping[str, Any]) -> int:
    """The sum of all resources named `*/gpu`."""
    return sum(amount(name, quantity) for name, quantity in amounts.items() if name.endswith("/gpu"))


def _known_first(read: Callable[[Any], int | None]) -> Callable[[Any], int]:
    def order(row: Any) -> int:
        value = read(row)
        return -1 if value is None else value

    return order
