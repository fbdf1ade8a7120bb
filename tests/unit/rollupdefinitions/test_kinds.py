"""Kinds that come, change and go while the engine runs, and what a change costs."""

from typing import Any

import msgspec
import pytest

from kubesum.kube.deltas import Deltas
from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions import problems
from kubesum.rollupdefinitions.definition import RollupDefinition
from kubesum.rollupdefinitions.problems import Problem
from kubesum.rollups.store import Store
from kubesum.server.definedkinds import DefinedKinds
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION, Key, Source
from tests.computation import Computation, JsonObject, fact_of, rows_of
from tests.unit.rollupdefinitions.generated import resource
from tests.unit.rollupdefinitions.samples import named

TEAM = {"name": "team", "namespaceLabel": "team", "default": "unassigned"}
POOL = {"name": "pool", "nodeLabel": "pool", "default": "none"}


def pod(name: str, namespace: str = "blue", node: str = "n0", **status: object) -> JsonObject:
    requests = {"resources": {"requests": {"cpu": "250m"}}}
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"{namespace}-{name}"},
        "spec": {"nodeName": node, "containers": [{"name": "app", "image": "nginx", **requests}]},
        "status": {"phase": "Running", **status},
    }


def labelled(name: str, **labels: str) -> JsonObject:
    return {"metadata": {"name": name, "uid": name, "labels": labels}}


def definition(found: JsonObject) -> RollupDefinition:
    parsed = problems.read(found)
    assert not isinstance(parsed, Problem)
    return parsed


def spec_of(**spec: Any) -> JsonObject:
    of: JsonObject = named("teamusages", "TeamUsage", **spec)["spec"]
    return of


def store_of(world: Computation, plural: str = "teamusages") -> Store:
    store = world.engine.catalogue.find(ROLLUP_GROUP, VERSION, plural)
    assert store is not None
    return store


async def read(world: Computation, plural: str = "teamusages") -> None:
    """Somebody reads the rows of a kind, once none is pending."""
    await world.settle()
    await store_of(world, plural).catch_up()
    await world.settle()


async def statuses(world: Computation, plural: str = "teamusages") -> dict[Key, JsonObject]:
    await read(world, plural)
    return {key: row["status"] for key, row in rows_of(store_of(world, plural)).items()}


async def test_a_changed_namespace_label_regroups_its_own_pods() -> None:
    world = Computation(*RESOURCES, resource(spec_of(groupBy=[TEAM])))
    for namespace in ("blue", "green"):
        world.put("namespaces", labelled(namespace, team="a"))
        world.put("pods", pod("p", namespace))
    assert await statuses(world) == {("", "a"): {"pods": 2}}

    world.put("namespaces", labelled("green", team="b"))

    assert await statuses(world) == {("", "a"): {"pods": 1}, ("", "b"): {"pods": 1}}


async def test_a_changed_node_label_regroups_the_pods_of_that_node() -> None:
    world = Computation(*RESOURCES, resource(spec_of(groupBy=[POOL])))
    for node in ("n0", "n1"):
        world.put("nodes", labelled(node, pool="a"))
        world.put("pods", pod(f"on-{node}", node=node))
    assert await statuses(world) == {("", "a"): {"pods": 2}}

    world.put("nodes", labelled("n1", pool="b"))
    assert await statuses(world) == {("", "a"): {"pods": 1}, ("", "b"): {"pods": 1}}

    world.delete("nodes", ("", "n1"))
    assert await statuses(world) == {("", "a"): {"pods": 1}, ("", "none"): {"pods": 1}}


async def test_expressions_are_evaluated_once_for_each_change_of_what_they_read() -> None:
    restarts = {"name": "restarts", "type": "Sum", "field": "restarts"}
    parsed = definition(named("teamusages", "TeamUsage", filter="pod.active", measures=[restarts]))
    world = Computation(*RESOURCES)
    kinds = DefinedKinds(world.engine, RESOURCES, ())
    [verdict] = kinds.update([parsed])
    assert verdict.compiled is not None
    assert verdict.compiled.expressions is not None
    world.put("pods", pod("p"))
    await world.settle()
    before = verdict.compiled.expressions.evaluations

    world.put("pods", pod("p", containerStatuses=[{"name": "app", "restartCount": 1}]))
    unread = await statuses(world)
    evaluated = [verdict.compiled.expressions.evaluations]
    world.put("pods", pod("p", phase="Failed"))
    await statuses(world)
    rows_of(store_of(world))
    evaluated.append(verdict.compiled.expressions.evaluations)

    assert unread == {("", "none"): {"restarts": 1}}
    assert evaluated == [before, before + 1]


async def test_a_failing_expression_counts_while_its_pod_is_there() -> None:
    parsed = definition(named("teamusages", "TeamUsage", filter="pod.labels['team'] == 'a'"))
    world = Computation(*RESOURCES)
    [verdict] = DefinedKinds(world.engine, RESOURCES, ()).update([parsed])
    assert verdict.compiled is not None

    world.put("pods", pod("p"))
    world.put("pods", pod("q"))
    assert await statuses(world) == {}
    assert verdict.compiled.failing == 2

    world.delete("pods", ("blue", "p"))
    await world.settle()
    assert verdict.compiled.failing == 1


async def test_a_failing_expression_over_nodes_counts_whatever_pods_are_on_them() -> None:
    """It counted for a node without pods, not for one with a pod, and again for one with two."""
    cpu = {"name": "cpu", "type": "Sum", "resource": {"from": "requests", "name": "cpu"}}
    by_name = {"groupBy": [{"name": "name", "field": "name"}], "measures": [cpu]}
    parsed = definition(named("pools", "Pool", source="Nodes", filter="node.labels['a'] == ''", **by_name))
    world = Computation(*RESOURCES)
    [verdict] = DefinedKinds(world.engine, RESOURCES, ()).update([parsed])
    assert verdict.compiled is not None
    world.put("nodes", labelled("n0"))

    failing = []
    for number in range(3):
        await world.settle()
        failing.append(verdict.compiled.failing)
        world.put("pods", pod(f"p{number}"))

    assert failing == [1, 1, 1]


async def test_groups_beyond_the_limit_are_one_row() -> None:
    measures = [
        {"name": "pods", "type": "Count"},
        {"name": "cpu", "type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
        {"name": "images", "type": "Distinct", "field": "images"},
    ]
    name = [{"name": "name", "field": "name"}]
    world = Computation(*RESOURCES, resource(spec_of(groupBy=name, measures=measures, limits={"maxGroups": 2})))

    for one in ("d", "b", "a", "c"):
        world.put("pods", pod(one))
    alone = {"pods": 1, "cpu": "250m", "images": 1}
    assert await statuses(world) == {
        ("", "a"): alone,
        ("", "b"): alone,
        ("", "other"): {"pods": 2, "cpu": "500m", "images": 1},
    }
    assert world.engine.groups("teamusages") == (4, 2)

    world.delete("pods", ("blue", "a"))
    assert await statuses(world) == {("", "b"): alone, ("", "c"): alone, ("", "other"): alone}

    world.delete("pods", ("blue", "d"))
    assert await statuses(world) == {("", "b"): alone, ("", "c"): alone}


async def test_a_kind_is_served_as_it_was_until_the_new_rows_are_computed() -> None:
    world = Computation(*RESOURCES)
    kinds = DefinedKinds(world.engine, RESOURCES, ())
    world.put("pods", pod("p"))
    kinds.update([definition(named("teamusages", "TeamUsage"))])
    await read(world)
    old = store_of(world)

    kinds.update([definition(named("teamusages", "TeamUsage", groupBy=[{"name": "node", "field": "nodeName"}]))])
    during = store_of(world)
    await read(world)

    assert during is old
    assert old.events.is_closed
    assert list(rows_of(store_of(world))) == [("", "n0")]


async def test_watches_of_a_removed_kind_end() -> None:
    world = Computation(*RESOURCES)
    kinds = DefinedKinds(world.engine, RESOURCES, ())
    kinds.update([definition(named("teamusages", "TeamUsage")), definition(named("others", "Other"))])
    await read(world)
    removed, kept = store_of(world), store_of(world, "others")

    kinds.update([definition(named("others", "Other"))])

    assert removed.events.is_closed
    assert not kept.events.is_closed
    assert world.engine.catalogue.find(ROLLUP_GROUP, VERSION, "teamusages") is None
    await removed.events.wait(removed.events.head)


async def test_the_older_of_two_definitions_with_one_name_is_served() -> None:
    world = Computation(*RESOURCES)
    kinds = DefinedKinds(world.engine, RESOURCES, ())
    first, second = (definition(named(plural, "TeamUsage")) for plural in ("teamusages", "others"))

    verdicts = {one.metadata.name: one for one in kinds.update([first, second])}

    conflict = verdicts["teamusages.rollup.kubesum.dev"].conflict
    assert conflict is not None
    assert conflict.sentence == (
        "spec.names: 'TeamUsage' is a name of others.rollup.kubesum.dev already; choose another name"
    )
    assert verdicts["others.rollup.kubesum.dev"].compiled is not None


async def test_a_name_of_a_built_in_kind_is_taken() -> None:
    [verdict] = DefinedKinds(Computation().engine, RESOURCES, ()).update([definition(named("nodesummaries", "N"))])

    assert verdict.conflict is not None
    assert "is a name of nodesummaries.summary.kubesum.dev already" in verdict.conflict.sentence


@pytest.mark.parametrize("most", [1, 2, 7])
async def test_members_that_change_while_a_fold_is_filled_are_given_once(most: int) -> None:
    world = Computation(*RESOURCES)
    for number in range(20):
        world.put("pods", pod(f"p{number}"))
    await world.settle()
    world.engine.add([resource(spec_of(groupBy=[{"name": "phase", "field": "phase"}]))])
    [join] = world.engine.joins

    number = 0
    while join.work(most):
        world.delete("pods", ("blue", f"p{number % 20}"))
        world.put("pods", pod(f"p{(number + 7) % 20}", phase="Failed"))
        number += 3

    rows = await statuses(world)
    fresh = Computation(*RESOURCES, resource(spec_of(groupBy=[{"name": "phase", "field": "phase"}])))
    for found in world.cache.contents(Source.PODS).values():
        failed = {"phase": "Failed"} if found.state.phase == "Failed" else {}
        fresh.put("pods", pod(found.facts.key[1], **failed))
    assert rows == await statuses(fresh)


async def test_a_definition_whose_expressions_take_too_long_is_refused_and_harms_no_other() -> None:
    numbers = f"[{','.join('0' * 90)}]"
    equal = " && ".join(["a + b == 0"] * 20)
    slow = f"{numbers}.all(a, {numbers}.all(b, {equal})) && pod.name != ''"
    world = Computation()
    kinds = DefinedKinds(world.engine, RESOURCES, ())
    kinds.update(
        [
            definition(named("teamusages", "TeamUsage", filter=slow)),
            definition(named("others", "Other", filter="pod.active")),
            definition(named("wrong", "Wrong", filter="pod.colour")),
        ]
    )
    assert kinds.refuse_slow() == ()

    for number in range(400):
        world.put("pods", pod(f"p{number}"))
    await world.settle()
    [refused] = kinds.refuse_slow()
    [others, _, _] = kinds.verdicts
    [again] = kinds.update([definition(named("teamusages", "TeamUsage", filter=slow))])

    assert refused.metadata.name == "teamusages.rollup.kubesum.dev"
    [problem] = refused.problems
    assert "its expressions take " in problem.sentence
    assert others.compiled is not None
    assert again.problems == (problem,)


async def test_fifty_thousand_groups_are_five_hundred_rows_and_one() -> None:
    world = Computation(*RESOURCES, resource(spec_of(groupBy=[{"name": "name", "field": "name"}])))
    facts = fact_of("pods", pod("p"))
    changes = [
        (("blue", f"p{number}"), msgspec.structs.replace(facts, key=("blue", f"p{number}"), uid=str(number)))
        for number in range(50_000)
    ]

    world.cache.apply("pods", Deltas(changes))
    rows = await statuses(world)

    assert len(rows) == 501
    assert rows["", "other"] == {"pods": 49_500}
    assert world.engine.groups("teamusages") == (50_000, 49_500)


async def test_a_finished_pod_requests_nothing_of_its_node() -> None:
    """The requests of a pool of nodes with finished pods were more than those of its nodes in nodesummaries."""
    cpu = {"from": "requests", "name": "cpu"}
    spec = spec_of(
        source="Nodes",
        groupBy=[{"name": "pool", "label": "pool", "default": "none"}],
        measures=[{"name": "cpu", "type": "Sum", "resource": cpu}],
    )
    world = Computation(*RESOURCES, resource(spec))
    world.put("nodes", labelled("n0"))
    for name, phase in (("running", "Running"), ("done", "Succeeded"), ("failed", "Failed")):
        world.put("pods", pod(name, phase=phase))
    before = await statuses(world)

    world.put("pods", pod("running", phase="Succeeded"))

    assert (before, await statuses(world)) == ({("", "none"): {"cpu": "250m"}}, {("", "none"): {"cpu": "0"}})
