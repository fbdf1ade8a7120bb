"""What is declared to be shown as it is: whoever differs in it has another status."""

from functools import reduce
from typing import Any

import msgspec
import pytest

from kubesum.resources import podsummaries
from kubesum.rollups.rows import Row, same_content, status_of
from kubesum.semantics.facts import Usage
from tests.computation import Computation

OTHERS = {
    "usage": Usage(250, 1 << 30),
    "facts.node": "n1",
    "facts.state.reason": "CrashLoopBackOff",
    "facts.state.ready_containers": 1,
    "facts.state.restarts": 7,
}
POD = {
    "metadata": {"namespace": "blue", "name": "a", "uid": "a"},
    "spec": {"nodeName": "n0", "containers": [{"name": "c"}]},
    "status": {"phase": "Running", "containerStatuses": [{"name": "c"}]},
}


def replaced(subject: Any, path: str, value: Any) -> Any:
    """The subject with another value at `path`."""
    *parents, last = path.split(".")
    objects = [reduce(getattr, parents[:depth], subject) for depth in range(len(parents) + 1)]
    new = value
    for found, name in zip(reversed(objects), reversed([*parents, last]), strict=True):
        new = msgspec.structs.replace(found, **{name: new})
    return new


@pytest.fixture
async def row() -> Row:
    """The row of a pod."""
    world = Computation()
    world.put("pods", POD)
    await world.settle()
    found = world.store("podsummaries").get(("blue", "a"))
    assert found is not None
    return found


@pytest.mark.parametrize("path", podsummaries.SHOWN)
def test_pods_that_differ_in_what_is_shown_have_different_statuses(row: Row, path: str) -> None:
    resource = podsummaries.RESOURCE
    other = Row(row.key, 0, replaced(row.subject, path, OTHERS[path]), None)

    assert status_of(resource, other) != status_of(resource, row)
    assert not same_content(resource, row, other)


def test_pods_that_differ_in_nothing_that_is_served_have_the_same_content(row: Row) -> None:
    same = Row(row.key, 0, replaced(row.subject, "facts.state.bad", value=True), None)

    assert same_content(podsummaries.RESOURCE, row, same)
