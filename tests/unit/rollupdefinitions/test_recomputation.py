"""Whatever happens, the rows of a generated definition equal those computed from the final objects from scratch."""

import asyncio
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesum.api.representations.objects import ENCODER, object_of
from kubesum.resources import RESOURCES
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION, Key
from tests.computation import Computation, JsonObject
from tests.unit.rollupdefinitions.generated import resource, specs
from tests.unit.rollups.test_recomputation import (
    Played,
    labels,
    metadata,
    namespaces,
    nodes,
    pods,
    polls,
    publications,
    steps,
)

Steps = list[tuple[str, Any]]

namespace_objects = st.builds(
    lambda name, found: ("namespaces", {"metadata": metadata("namespaces", "", name, labels=found)}),
    namespaces,
    labels,
)
joined_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), pods(("p0", "p1"))),
        st.tuples(st.just("put"), nodes()),
        st.tuples(st.just("put"), namespace_objects),
        st.tuples(st.just("delete"), st.integers(0, 99)),
        st.tuples(st.just("poll"), polls()),
        publications,
    ),
    min_size=10,
    max_size=40,
)
"""Few pods, whose nodes and namespaces change again and again."""
histories = st.one_of(joined_steps, joined_steps, steps)


async def rows_of_generated(world: Computation) -> dict[Key, JsonObject]:
    """The rows of the generated kind, without versions."""
    await world.settle()
    await world.store("generateds").catch_up()
    await world.settle()
    store = world.engine.catalogue.find(ROLLUP_GROUP, VERSION, "generateds")
    assert store is not None
    assert store.unavailable() is None
    rows = {
        row.key: msgspec.json.decode(ENCODER.encode(object_of(store.resource, row))) for row in store.snapshot().rows
    }
    for row in rows.values():
        del row["metadata"]["resourceVersion"]
    return rows


async def recomputed(played: Played, spec: JsonObject, chance: random.Random) -> dict[Key, JsonObject]:
    """The rows of a definition over the objects that exist after all steps, which arrive in another order."""
    fresh = Computation(*RESOURCES, resource(spec), rule=played.world.rule)
    existing = list(played.existing.values())
    chance.shuffle(existing)
    for kind, found in existing:
        fresh.put(kind, found)
    for kind, measured in played.measured.items():
        await fresh.poll(kind, measured.values())
    return await rows_of_generated(fresh)


@pytest.mark.parametrize(
    "key",
    [
        {"field": "kubeletVersion"},
        {"field": "tainted"},
        {"field": "taints"},
        {"expression": "'DiskPressure' in node.problems ? 'full' : 'fine'"},
        {"expression": "string(node.createdAt)"},
        {"expression": "string(node.capacity['cpu'])"},
    ],
)
async def test_what_pods_request_moves_with_their_node_to_another_group(key: JsonObject) -> None:
    """It stayed in the group of before, when nothing changed that a definition of pods can read of their node."""
    spec = {
        "names": {"kind": "Generated", "plural": "generateds"},
        "source": "Nodes",
        "groupBy": [{"name": "key", **key}],
        "measures": [
            {"name": "nodes", "type": "Count"},
            {"name": "cpu", "type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
        ],
    }
    world = Computation(*RESOURCES, resource(spec))
    world.put("nodes", _node("2026-01-02T03:04:05Z", {}, {"conditions": _READY, "capacity": {"cpu": "4"}}))
    world.put("pods", _POD)
    before = await rows_of_generated(world)
    taints = {"taints": [{"key": "k", "effect": "NoSchedule"}]}
    status = {
        "capacity": {"cpu": "8"},
        "nodeInfo": {"kubeletVersion": "v1.36.2"},
        "conditions": [*_READY, {"type": "DiskPressure", "status": "True"}],
    }
    world.put("nodes", _node("2026-01-03T03:04:05Z", taints, status))
    after = await rows_of_generated(world)

    assert [row["status"] for row in before.values()] == [{"nodes": 1, "cpu": "2"}]
    assert [row["status"] for row in after.values()] == [{"nodes": 1, "cpu": "2"}]
    assert before.keys() != after.keys()


_POD: JsonObject = {
    "metadata": metadata("pods", "blue", "p0"),
    "spec": {"nodeName": "n0", "containers": [{"name": "app", "resources": {"requests": {"cpu": "2"}}}]},
    "status": {"phase": "Running"},
}


_READY = [{"type": "Ready", "status": "True"}]


def _node(created: str, spec: JsonObject, status: JsonObject) -> JsonObject:
    made = metadata("nodes", "", "n0") | {"creationTimestamp": created}
    return {"metadata": made, "spec": spec, "status": {"allocatable": {"cpu": "4"}, **status}}


@settings(max_examples=200, deadline=None)
@given(specs(), histories, st.randoms(use_true_random=False))
def test_a_generated_kind_equals_its_recomputation_from_scratch(
    spec: JsonObject, actions: Steps, chance: random.Random
) -> None:
    async def run() -> None:
        played = Played(Computation(*RESOURCES, resource(spec)))
        await played.play(actions)

        assert await rows_of_generated(played.world) == await recomputed(played, spec, chance)

    asyncio.run(run())


@settings(max_examples=100, deadline=None)
@given(st.tuples(specs(), specs()), st.tuples(joined_steps, steps, joined_steps), st.randoms(use_true_random=False))
def test_a_kind_that_is_added_and_replaced_while_objects_change_equals_its_recomputation(
    definitions: tuple[JsonObject, JsonObject], histories: tuple[Steps, Steps, Steps], chance: random.Random
) -> None:
    first, second = definitions
    before, between, after = histories

    async def run() -> None:
        played = Played(Computation(*RESOURCES))
        await played.play(before)
        played.world.engine.add([resource(first)])
        await played.play(between)
        played.world.engine.replace(resource(second))
        await played.play(after)

        assert await rows_of_generated(played.world) == await recomputed(played, second, chance)

    asyncio.run(run())
