"""The cells of pods in Tables of kube-apiserver, in the output of kubectl, and in Tables of kubesum."""

import re
from collections.abc import Iterable, Mapping

from kubesum.api.representations.table import Ages, column_definitions, table_row
from kubesum.api.requests.options import Include
from kubesum.resources.podsummaries import RESOURCE
from kubesum.vocabulary.resource import GROUP, VERSION, Key
from tests.computation import Computation, JsonObject, key_of

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
"""The media type that kubectl asks for to print a list."""
COLUMNS = ("READY", "STATUS", "RESTARTS")
"""The columns that mean the same in both."""

_COLUMN = re.compile(r"\S+\s*")
_AGE = re.compile(r"\([^)]* ago\)")

Cells = dict[str, str]
"""Cells by the name of their column."""


def of_table(table: JsonObject) -> dict[Key, Cells]:
    """The cells of a Table of pods, by namespace and name."""
    names = [column["name"].upper() for column in table["columnDefinitions"]]
    return {key_of(row["object"]): _compared(dict(zip(names, row["cells"], strict=True))) for row in table["rows"]}


def of_text(text: str) -> dict[Key, Cells]:
    """The cells that kubectl has printed for `get ... --all-namespaces`; a cell begins below its column's name."""
    head, *lines = text.splitlines()
    columns = {found[0].rstrip(): slice(found.start(), found.end()) for found in _COLUMN.finditer(head)}
    rows = ({name: line[at].rstrip() for name, at in columns.items()} for line in lines)
    return {(row["NAMESPACE"], row["NAME"]): _compared(row) for row in rows}


async def by_kubesum(pods: Iterable[JsonObject], now: float) -> dict[Key, Cells]:
    """The cells of PodSummaries at `now`, in seconds since 1970, by namespace and name."""
    computation = Computation(RESOURCE)
    computation.relist("pods", pods)
    await computation.settle()
    collection = computation.engine.catalogue.find(GROUP, VERSION, RESOURCE.plural)
    assert collection is not None
    names = [column.name for column in column_definitions(RESOURCE)]
    return {
        row.key: _compared(
            dict(zip(names, table_row(RESOURCE, row, Ages(now), Include.NONE, "v1").cells, strict=True))
        )
        for row in collection.snapshot().rows
    }


def _compared(cells: Mapping[str, object]) -> Cells:
    return {name: str(cells[name]) for name in COLUMNS}


def without_ages(cells: Mapping[str, str]) -> Cells:
    """The cells that are compared, with "3 (5m ago)" as "3 (ago)"."""
    return {name: _AGE.sub("(ago)", cells[name]) for name in COLUMNS}
