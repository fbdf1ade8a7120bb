"""Rows as a metav1.Table, which kubectl prints.

Columns come from the declaration of the resource, so that an empty list has columns too. kubectl prints cells as they
are, so that ages are formatted here, as k8s.io/apimachinery/pkg/util/duration formats them. A Table with ages can be
cached only until one of them changes.
"""

import math
from datetime import datetime

import msgspec

from kubesum.api.representations.objects import Object, PartialObjectMetadata, object_of, partial_of
from kubesum.api.requests.options import Include
from kubesum.rollups.rows import Row, status_of
from kubesum.vocabulary.duration import UNKNOWN_AGE, human_duration, unchanged_s
from kubesum.vocabulary.resource import Ago, Cell, Column, ComputedResource, RowView, Subject


class ColumnDefinition(msgspec.Struct, frozen=True, gc=False):
    """metav1.TableColumnDefinition; columns of `priority` 1 are printed by `-o wide` only."""

    name: str
    type: str
    format: str
    description: str
    priority: int


class TableRow(msgspec.Struct, frozen=True, gc=False):
    """metav1.TableRow; `object` is null with includeObject=None."""

    cells: list[str | int]
    object: Object | PartialObjectMetadata | None


class Ages:
    """Formats ages at one time, and records for how long all of them stay the same."""

    def __init__(self, now: float) -> None:
        """`now` is in seconds since 1970."""
        self._now = now
        self.stable_s = math.inf
        """For how many seconds the ages that were formatted stay the same."""

    def text(self, ago: Ago) -> str:
        """The cell of an age, `<unknown>` for None."""
        if ago.since is None:
            return f"{ago.before}{UNKNOWN_AGE}{ago.after}"
        age_s = self._now - ago.since.timestamp()
        self.stable_s = min(self.stable_s, unchanged_s(age_s))
        return f"{ago.before}{human_duration(age_s)}{ago.after}"


def column_definitions(resource: ComputedResource) -> list[ColumnDefinition]:
    """The columns of a resource's Table."""
    return [_definition(column) for column in resource.columns]


def _definition(column: Column) -> ColumnDefinition:
    return ColumnDefinition(column.name, column.type, column.format, column.help, 1 if column.wide else 0)


def table_row(resource: ComputedResource, row: Row, ages: Ages, include: Include, api_version: str) -> TableRow:
    """One row of a Table in `api_version`, a version of meta.k8s.io."""
    subject: Subject | None = row.subject
    created: datetime | None = subject.created if subject else None
    view = RowView(row.key[1], created, status_of(resource, row))
    cells = [_cell(column.cell(view), ages) for column in resource.columns]
    if include is Include.NONE:
        return TableRow(cells, None)
    if include is Include.OBJECT:
        return TableRow(cells, object_of(resource, row))
    return TableRow(cells, partial_of(resource, row, api_version))


def _cell(cell: Cell, ages: Ages) -> str | int:
    return ages.text(cell) if isinstance(cell, Ago) else cell
