"""The Table columns of a definition: those that it names, or one for each key and measure."""

import re
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from msgspec import UNSET

from kubesum.rollupdefinitions.measures import CompiledMeasure
from kubesum.rollupdefinitions.spec import ColumnSpec, Spec
from kubesum.vocabulary.quantity import amount, rounded
from kubesum.vocabulary.resource import Ago, Cell, Column, RowView

NONE: Final = "<none>"
NAME: Final = Column(
    "NAME", "Name of the group, made of the values of its keys.", lambda row: row.name, format="name"
)
_FEW: Final = 8
"""So many columns fit a terminal; further ones need `-o wide` if the definition names none."""
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def declared(spec: Spec, measures: Sequence[CompiledMeasure]) -> tuple[Column, ...]:
    """The columns of the rows of a definition."""
    by_name = {one.name: (f"m{position}", one) for position, one in enumerate(measures)}
    keys = {key.name: f"k{position}" for position, key in enumerate(spec.group_by)}
    return (
        NAME,
        *(
            _key_column(column, keys[column.key]) if column.key is not UNSET else _column(column, by_name)
            for column in spec.columns or _usual(spec)
        ),
    )


def _usual(spec: Spec) -> list[ColumnSpec]:
    """The measures, and for `-o wide` those beyond the first, and the keys."""
    return [
        *(
            ColumnSpec(_header(one.name), measure=one.name, priority=int(position >= _FEW))
            for position, one in enumerate(spec.measures)
        ),
        *(ColumnSpec(_header(one.name), key=one.name, priority=1) for one in spec.group_by),
    ]


def _header(name: str) -> str:
    return _HUMP.sub("-", name).upper()


def _key_column(column: ColumnSpec, field: str) -> Column:
    read = attrgetter(field)
    return Column(
        column.name, f"Value of the key {column.key}.", lambda row: read(row.key) or NONE, wide=column.priority > 0
    )


def _column(column: ColumnSpec, measures: dict[str, tuple[str, CompiledMeasure]]) -> Column:
    field, measure = measures[str(column.measure)]
    return Column(
        column.name,
        measure.description,
        _cell(attrgetter(field), measure),
        type=_type(measure),
        wide=column.priority > 0,
    )


def _type(measure: CompiledMeasure) -> str:
    """The type of a column, as printer columns of CustomResourceDefinitions have them."""
    if measure.is_time:
        return "date"
    return "string" if measure.resource else "integer"


def _cell(read: Callable[[Any], Any], measure: CompiledMeasure) -> Callable[[RowView], Cell]:
    def cell(row: RowView) -> Cell:
        value = read(row.status)
        if value is UNSET:
            return NONE
        if measure.is_time:
            return Ago(value)
        found: Cell = rounded(measure.resource, amount(measure.resource, value)) if measure.resource else value
        return found

    return cell
