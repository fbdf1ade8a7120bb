"""A fold reads what it declares to read: any other change of a member passes it by."""

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from kubesum.resources import RESOURCES
from kubesum.semantics.facts import Usage
from kubesum.vocabulary.resource import Fold, Source
from tests.computation import Computation

FOLDS = [
    pytest.param(fold, id=f"{resource.plural}-{fold.contributions.__name__}")
    for resource in RESOURCES
    for fold in resource.folds
    if fold.reads
]
CONSTANT = {"facts.key"}
"""A member with another key is another member."""


class Reading:
    """A struct that notes which of its attributes are read, and of the structs in it."""

    def __init__(self, value: msgspec.Struct, read: set[str], path: str = "") -> None:
        self.__dict__["_of"] = (value, read, path)

    def __getattr__(self, name: str) -> Any:
        value, read, path = self.__dict__["_of"]
        declared = inspect.getattr_static(type(value), name)
        if isinstance(declared, property):
            assert declared.fget is not None
            return declared.fget(self)
        found = getattr(value, name)
        inner = f"{path}.{name}".lstrip(".")
        if isinstance(found, msgspec.Struct):
            return Reading(found, read, inner)
        read.add(inner)
        return found


@pytest.fixture
async def world() -> Computation:
    """Pods in every state that a fold distinguishes, on a node, an absent one and none."""
    world = Computation()
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    world.put("nodes", {"metadata": {"name": "n0", "labels": {"topology.kubernetes.io/zone": "z"}}, "status": ready})
    world.put("namespaces", {"metadata": {"name": "blue"}})
    containers = [{"name": "c", "image": "nginx", "resources": {"requests": {"cpu": "1"}}}]
    ended = {"terminated": {"finishedAt": "2026-01-02T03:04:05Z"}}
    statuses = [{"name": "c", "restartCount": 2, "lastState": ended}]
    for node in ("", "n0", "lost"):
        for phase in ("Pending", "Running", "Failed"):
            world.put(
                "pods",
                {
                    "metadata": {"namespace": "blue", "name": f"p-{node}-{phase.lower()}", "uid": node + phase},
                    "spec": {"nodeName": node, "containers": containers},
                    "status": {"phase": phase, "containerStatuses": statuses},
                },
            )
    await world.settle()
    return world


def members(world: Computation, fold: Fold) -> Iterator[Any]:
    if isinstance(fold.over, Source):
        for member in world.cache.contents(fold.over).values():
            yield member
            if hasattr(member, "usage"):
                yield msgspec.structs.replace(member, usage=Usage(1, 1))
    else:
        for row in world.store(fold.over).snapshot().rows:
            yield row.key, row.status


def read_by(fold: Fold, world: Computation) -> set[str]:
    """The paths that the contributions of a fold read, over all members."""
    read: set[str] = set()
    for member in members(world, fold):
        if isinstance(member, tuple):
            list(fold.contributions((member[0], Reading(member[1], read))))
        else:
            list(fold.contributions(Reading(member, read)))
    return read


def is_within(path: str, declared: str) -> bool:
    return f"{path}.".startswith(f"{declared}.")


@pytest.mark.parametrize("fold", FOLDS)
async def test_a_fold_reads_what_it_declares_and_nothing_else(world: Computation, fold: Fold) -> None:
    read = read_by(fold, world)

    undeclared = {path for path in read if not any(is_within(path, declared) for declared in fold.reads)}
    assert undeclared - CONSTANT == set()
    assert [declared for declared in fold.reads if not any(is_within(path, declared) for path in read)] == []
