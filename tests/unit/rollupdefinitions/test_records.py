"""A definition is computed again only when an attribute changes that one of its values names."""

from typing import Any

import msgspec
import pytest

from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions.expressions import variables
from kubesum.rollupdefinitions.records import RECORDS
from kubesum.rollups.rows import status_of
from kubesum.semantics.facts import JoinedMember, RowMember
from kubesum.vocabulary.resource import Source
from tests.computation import Computation, JsonObject

POD: JsonObject = {
    "metadata": {"name": "p", "namespace": "blue", "uid": "p"},
    "spec": {"nodeName": "n", "containers": [{"name": "app", "image": "nginx"}]},
    "status": {"phase": "Running"},
}


class Traced:
    """A struct that notes the paths of the attributes that are read of it."""

    def __init__(self, of: msgspec.Struct, noted: set[str], path: str = "") -> None:
        self._of = of
        self._noted = noted
        self._path = path

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}{name}"
        self._noted.add(path)
        value = getattr(self._of, name)
        return Traced(value, self._noted, f"{path}.") if isinstance(value, msgspec.Struct) else value


async def members() -> dict[str, JoinedMember]:
    """A member of each source."""
    world = Computation(*RESOURCES)
    world.put("namespaces", {"metadata": {"name": "blue", "uid": "blue"}})
    world.put("nodes", {"metadata": {"name": "n", "uid": "n"}})
    world.put("pods", POD)
    await world.settle()
    contents = world.cache.contents
    namespace, node = contents(Source.NAMESPACES)["", "blue"], contents(Source.NODES)["", "n"]
    workloads = world.store("workloadsummaries")
    [row] = workloads.snapshot().rows
    of_row = RowMember(row.subject, status_of(workloads.resource, row))
    return {
        "Pods": JoinedMember(("blue", "p"), contents(Source.PODS)["blue", "p"], namespace, node.facts),
        "Nodes": JoinedMember(("", "n"), node, None, node.facts),
        "Workloads": JoinedMember(row.key, of_row, namespace, None),
    }


@pytest.mark.parametrize("source", RECORDS)
async def test_a_value_reads_no_attribute_that_it_does_not_name(source: str) -> None:
    member = (await members())[source]

    unnamed: dict[str, list[str]] = {}
    for name, (_, value) in variables(RECORDS[source]).items():
        noted: set[str] = set()
        value.of(Traced(member, noted))
        unnamed[name] = [path for path in noted if not any(related(path, named) for named in value.paths)]

    assert {name: paths for name, paths in unnamed.items() if paths} == {}


def related(path: str, named: str) -> bool:
    """Whether an attribute is part of another one, or the other way round."""
    return f"{path}.".startswith(f"{named}.") or f"{named}.".startswith(f"{path}.")
