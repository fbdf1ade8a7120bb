"""Rows of a Table that the server makes: cells, ages that go on, and what rows are sorted by."""

import json
from typing import Any

import msgspec
import pytest

from kubesum.clients.model.objects import Metadata
from kubesum.clients.model.tablerows import (
    ColumnDefinition,
    ReceivedRow,
    TableObject,
    received_row,
    row_text,
    table_column,
)
from kubesum.kube.decoding import Decoder
from kubesum.kube.deltas import WatchedResource

ROW = {"cells": ["a", 3], "object": {"metadata": {"name": "a", "namespace": "b", "resourceVersion": "8"}}}
WATCHED = WatchedResource("things", "example.org", "v1", "Thing", TableObject, received_row, is_table=True)


def row(*cells: str | int, received_at: float = 1_000.0) -> ReceivedRow:
    return ReceivedRow(Metadata(name="a"), cells, received_at)


def in_order(type_: str, *rows: ReceivedRow) -> list[Any]:
    """The first cells, sorted by their column."""
    return [one.cells[0] for one in sorted(rows, key=table_column(ColumnDefinition("x", type_), 0, 0).sort_key)]


def test_a_list_and_a_watch_give_the_same_rows() -> None:
    decoder = Decoder(WATCHED)
    table = {"kind": "Table", "metadata": {"resourceVersion": "9"}, "rows": [ROW]}
    page = decoder.page(json.dumps(table).encode())
    line = json.dumps({"type": "ADDED", "object": table}).encode()

    [(listed_key, listed)] = decoder.objects(page.items)
    [(watched_key, watched)] = decoder.events([line], "").changes

    assert listed_key == watched_key == ("b", "a")
    assert listed is not None
    assert watched is not None
    assert listed.cells == watched.cells == ("a", 3)


def test_the_bookmark_that_ends_the_initial_events_is_in_the_row_of_a_table() -> None:
    metadata = {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}}
    table = {"kind": "Table", "rows": [{"cells": [""], "object": {"metadata": metadata}}]}
    events = Decoder(WATCHED).events([json.dumps({"type": "BOOKMARK", "object": table}).encode()], "")

    assert (events.initial_events_end, events.version, events.changes) == (True, "9", [])


@pytest.mark.parametrize(
    ("sent", "later_s", "expected"),
    [("5s", 0, "5s"), ("5s", 100, "105s"), ("4d2h", 3_600, "4d3h"), ("26d", 86_400, "27d"), ("<none>", 9, "-")],
)
def test_an_age_goes_on(sent: str, later_s: int, expected: str) -> None:
    column = table_column(ColumnDefinition("Oldest", "date"), 0, 0)

    assert column.cell(row(sent), 1_000.0 + later_s).text == expected


def test_a_text_that_looks_like_an_age_stays() -> None:
    column = table_column(ColumnDefinition("Team", "string"), 0, 0)

    assert column.cell(row("5s"), 9_000.0).text == "5s"


def test_rows_are_sorted_by_what_cells_mean() -> None:
    assert in_order("integer", row(10), row(9), row(100)) == [9, 10, 100]
    assert in_order("string", row("1Gi"), row("900Mi"), row("<none>"), row("50400m")) == [
        "<none>",
        "50400m",
        "900Mi",
        "1Gi",
    ]
    assert in_order("date", row("2d"), row("3h"), row("50m", received_at=500_000.0)) == ["50m", "3h", "2d"]


def test_a_column_that_a_row_does_not_have_is_empty() -> None:
    assert table_column(ColumnDefinition("Pods", "integer"), 5, 0).cell(row(1), 0.0).text == "-"


def test_a_filter_searches_all_cells() -> None:
    assert row_text(received_row(msgspec.convert(ROW, TableObject))) == "b a 3"
