"""Rows as a metav1.Table, which kubectl prints.

Columns come from the declaration of the resource, so that an empty list has columns too. kubectl prints cells as they
are, so that ages are formatted here, as k8s.io/apimachinery/pkg/util/duration formats them. An encoded row is right
until one of its ages changes, which is then written in its place.
"""

import math
from collections.abc import Iterable
from typing import Final

import msgspec

from kubesum.api.representations.objects import ENCODER, Object, PartialObjectMetadata, object_of, partial_of
from kubesum.api.requests.options import Include
from kubesum.rollups.rows import Row, status_of
from kubesum.vocabulary.duration import UNKNOWN_AGE, human_duration, unchanged_within
from kubesum.vocabulary.resource import Ago, Cell, Column, ComputedResource, RowView, Subject

_BEFORE_CELLS: Final = b'{"cells":'


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


class AgeSpot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where in the JSON of a row an age stands, in bytes, and the time since when it is counted, in seconds."""

    start: int
    size: int
    since_s: float


class Ages:
    """Formats ages at one time, and records in which times all of them have the same texts."""

    def __init__(self, now: float) -> None:
        """`now` is in seconds since 1970."""
        self.now = now
        self.valid_from = -math.inf
        self.valid_until = math.inf
        """From `valid_from` until just before this time all ages that were formatted have the same texts."""

    def text(self, ago: Ago) -> str:
        """The cell of an age, `<unknown>` for None."""
        if ago.since is None:
            return f"{ago.before}{UNKNOWN_AGE}{ago.after}"
        return f"{ago.before}{self.duration(ago.since.timestamp())}{ago.after}"

    def duration(self, since_s: float) -> str:
        """The time that has passed since then."""
        age_s = self.now - since_s
        begin_s, end_s = unchanged_within(age_s)
        self.restrict(since_s + begin_s, since_s + end_s)
        return human_duration(age_s)

    def restrict(self, valid_from: float, valid_until: float) -> None:
        """Some ages have their texts from `valid_from` until just before `valid_until`."""
        self.valid_from = max(self.valid_from, valid_from)
        self.valid_until = min(self.valid_until, valid_until)


def column_definitions(resource: ComputedResource) -> list[ColumnDefinition]:
    """The columns of a resource's Table."""
    return [_definition(column) for column in resource.columns]


def _definition(column: Column) -> ColumnDefinition:
    return ColumnDefinition(column.name, column.type, column.format, column.help, 1 if column.wide else 0)


def table_row(resource: ComputedResource, row: Row, ages: Ages, include: Include, api_version: str) -> TableRow:
    """One row of a Table in `api_version`, a version of meta.k8s.io."""
    return _table_row(resource, row, _texts(_cells(resource, row), ages), include, api_version)


def spotted_row(
    resource: ComputedResource, row: Row, ages: Ages, include: Include, api_version: str
) -> tuple[bytes, tuple[AgeSpot, ...]]:
    """The JSON of `table_row`, and where ages stand in it."""
    cells = _cells(resource, row)
    texts = _texts(cells, ages)
    content = ENCODER.encode(_table_row(resource, row, texts, include, api_version))
    spots = [_spot(texts, at, cell) for at, cell in enumerate(cells) if isinstance(cell, Ago)]
    return content, tuple(spot for spot in spots if spot is not None)


def aged(content: bytes, spots: tuple[AgeSpot, ...], ages: Ages) -> tuple[bytes, tuple[AgeSpot, ...]]:
    """The JSON of a row with its ages written anew, and where they stand now."""
    moved, renewed = 0, []
    for spot in spots:
        text = ages.duration(spot.since_s).encode()
        start = spot.start + moved
        end = start + spot.size
        if content[start:end] != text:
            content = b"%b%b%b" % (content[:start], text, content[end:])
            moved += len(text) - spot.size
        renewed.append(AgeSpot(start, len(text), spot.since_s) if moved or len(text) != spot.size else spot)
    return content, tuple(renewed)


def _cells(resource: ComputedResource, row: Row) -> list[Cell]:
    subject: Subject | None = row.subject
    key = resource.row_key.of(subject) if resource.row_key is not None else None
    view = RowView(row.key[1], subject.created if subject else None, status_of(resource, row), key)
    return [column.cell(view) for column in resource.columns]


def _texts(cells: Iterable[Cell], ages: Ages) -> list[str | int]:
    return [ages.text(cell) if isinstance(cell, Ago) else cell for cell in cells]


def _table_row(
    resource: ComputedResource, row: Row, texts: list[str | int], include: Include, api_version: str
) -> TableRow:
    match include:
        case Include.NONE:
            return TableRow(texts, None)
        case Include.OBJECT:
            return TableRow(texts, object_of(resource, row))
        case Include.METADATA:
            return TableRow(texts, partial_of(resource, row, api_version))


def _spot(texts: list[str | int], at: int, ago: Ago) -> AgeSpot | None:
    """Where the age of a cell stands: behind what the cells before it and the text before it are encoded to."""
    if ago.since is None:
        return None
    before = ENCODER.encode([*texts[:at], ago.before])
    size = len(str(texts[at])) - len(ago.before) - len(ago.after)
    return AgeSpot(len(_BEFORE_CELLS) + len(before) - len(b'"]'), size, ago.since.timestamp())
