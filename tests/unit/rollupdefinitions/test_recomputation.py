"""Whatever happens, the rows of a generated definition equal those computed from the final objects from scratch."""

import asyncio
import random
from typing import Any

import msgspec
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
