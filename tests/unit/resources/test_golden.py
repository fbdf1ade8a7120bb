"""The objects and tables of all resources, computed from cluster.yaml, equal the golden documents."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kubesum.api.lists.listing import encode_object
from kubesum.api.representations.objects import ENCODER, object_of
from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Include
from kubesum.resources import RESOURCES
from kubesum.rollups.store import Store
from tests.computation import KINDS, POLLS, Computation

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 11, 12, 0, tzinfo=UTC).timestamp()
PLURALS = [resource.plural for resource in RESOURCES]
TABLE = Representation(Form.TABLE, "meta.k8s.io/v1")


@pytest.fixture
async def computation() -> Computation:
    by_kind = {kind.kind: kind.resource for kind in KINDS.values()}
    computation = Computation()
    documents = list(yaml.safe_load_all((HERE / "cluster.yaml").read_text()))
    for found in documents:
        if found["kind"] in by_kind:
            computation.put(by_kind[found["kind"]], found)
    for polled in POLLS.values():
        await computation.poll(polled.resource, [found for found in documents if found["kind"] == polled.kind])
    await computation.settle()
    return computation


def encoded(collection: Store) -> Iterator[dict[str, Any]]:
    for row in collection.snapshot().rows:
        encoded = msgspec.json.decode(ENCODER.encode(object_of(collection.resource, row)))
        del encoded["metadata"]["resourceVersion"]
        yield encoded


def table(collection: Store) -> str:
    """The table with all columns, aligned as kubectl aligns it."""
    tables = [
        msgspec.json.decode(encode_object(collection.resource, row, TABLE, Include.NONE, NOW))
        for row in collection.snapshot().rows
    ]
    lines = [[column["name"] for column in tables[0]["columnDefinitions"]]]
    lines += [[str(cell) for cell in one["rows"][0]["cells"]] for one in tables]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


@pytest.mark.parametrize("plural", PLURALS)
async def test_every_object_equals_its_golden_document(computation: Computation, plural: str) -> None:
    expected = list(yaml.safe_load_all((HERE / "golden" / f"{plural}.yaml").read_text()))

    assert list(encoded(computation.store(plural))) == expected


@pytest.mark.parametrize("plural", PLURALS)
async def test_every_table_equals_its_golden_text(computation: Computation, plural: str) -> None:
    """[T2]"""
    expected = (HERE / "golden" / f"{plural}.txt").read_text()

    assert table(computation.store(plural)) == expected
