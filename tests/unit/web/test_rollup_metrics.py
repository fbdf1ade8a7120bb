"""Rows as Prometheus gauges: what is served equals what is in the rows, also after changes."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kubesum.resources import RESOURCES, gauges
from kubesum.resources.shapes import PodCounts, ReasonCount
from kubesum.vocabulary.defaults import ROLLUP_METRICS
from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import Source, Unavailable
from kubesum.web.rollupmetrics import RollupMetrics
from tests.unit.web.fakeresources import BOXES, SHELVES, Thing, World

SIZED = replace(BOXES, gauge_label="box", gauges=(gauges.number("kubesum_box_size", "size", "Size of the box."),))
LOADED = replace(SHELVES, gauges=(gauges.amounts("kubesum_load", "load", "Load of the shelf."),))

Sample = tuple[str, dict[str, str], float]


def samples(text: bytes) -> list[Sample]:
    """The samples of a scrape, as the parser of the Prometheus library reads them."""
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    ]


def scraped(*things: Thing) -> list[Sample]:
    """The samples of these boxes, after each of them is changed once and some are gone."""

    async def main() -> bytes:
        world = World()
        world.engine.add((SIZED,))
        metrics = RollupMetrics(lambda: world.engine.catalogue, ("boxes",))
        await world.put(Source.PODS, Thing("gone"), *things)
        await metrics.text()
        world.now += 2
        gone = world.things[Source.PODS].pop(("", "gone"))
        world.engine.change(Source.PODS, gone, None)
        await world.put(Source.PODS, *(replace_label(thing) for thing in things))
        return await metrics.text()

    return samples(asyncio.run(main()))


def replace_label(thing: Thing) -> Thing:
    return Thing(thing.name, thing.namespace, labels={"changed": "yes"})


def test_each_row_is_a_sample() -> None:
    assert scraped(Thing("a", "attic"), Thing("bbb", "cellar")) == [
        ("kubesum_box_size", {"box": "a"}, 1),
        ("kubesum_box_size", {"box": "bbb"}, 3),
    ]


def test_a_name_may_hold_any_character() -> None:
    assert scraped(Thing('a"\\\n{}')) == [("kubesum_box_size", {"box": 'a"\\\n{}'}, 6)]


def test_more_rows_than_a_slice() -> None:
    names = [f"box-{number:04}" for number in range(350)]

    assert [labels["box"] for _, labels, _ in scraped(*map(Thing, names))] == names


def test_resources_that_nobody_asked_for_or_that_are_not_served_have_none() -> None:
    async def main() -> tuple[bytes, bytes]:
        world = World()
        world.engine.add((SIZED, LOADED))
        await world.put(Source.PODS, Thing("a"))
        await world.put(Source.NODES, Thing("b"))
        metrics = RollupMetrics(lambda: world.engine.catalogue, ("boxes", "crates"))
        asked = await metrics.text()
        world.not_synced = Unavailable("not synced", transient=True)
        return asked, await metrics.text()

    asked, while_unavailable = asyncio.run(main())

    assert [name for name, _, _ in samples(asked)] == ["kubesum_box_size"]
    assert while_unavailable == b""


def test_the_first_reader_may_be_prometheus() -> None:
    """Without a list or a watch before it, /metrics had no gauges of summaries at all."""

    async def main() -> bytes:
        world = World()
        world.engine.add((SIZED,))
        world.things[Source.PODS]["attic", "a"] = Thing("a", "attic")
        world.engine.change(Source.PODS, None, Thing("a", "attic"))
        await world.engine.publish()
        return await RollupMetrics(lambda: world.engine.catalogue, ("boxes",)).text()

    assert samples(asyncio.run(main())) == [("kubesum_box_size", {"box": "a"}, 1)]


@dataclass(frozen=True)
class Status:
    """A status with all kinds of fields."""

    amounts: ResourceList
    pods: PodCounts = field(default_factory=lambda: PodCounts(total=3, active=2))
    reasons: tuple[ReasonCount, ...] = ()


@pytest.mark.parametrize(
    ("resource", "amount", "labels", "value"),
    [
        ("cpu", 1500, ("cpu", "core"), "1.5"),
        ("cpu", 2000, ("cpu", "core"), "2"),
        ("cpu", -1, ("cpu", "core"), "-0.001"),
        ("cpu", -1500, ("cpu", "core"), "-1.5"),
        ("memory", 1 << 70, ("memory", "byte"), str(1 << 70)),
        ("hugepages-2Mi", 4096, ("hugepages_2Mi", "byte"), "4096"),
        ("nvidia.com/gpu", 8, ("nvidia_com_gpu", "integer"), "8"),
    ],
)
def test_amounts_are_in_the_units_of_kube_state_metrics(
    resource: str, amount: int, labels: tuple[str, str], value: str
) -> None:
    gauge = gauges.amounts("kubesum_amounts", "amounts", "Amounts.")

    assert list(gauge.samples(Status(ResourceList({resource: amount})))) == [(labels, value)]


def test_the_reasons_of_a_row_are_bounded() -> None:
    reasons = tuple(ReasonCount(f"R{number:03}", 1 + (number == 77)) for number in range(100))
    gauge = gauges.reasons("kubesum_reasons", "reasons", "Reasons.")

    found = dict(gauge.samples(Status(ResourceList({}), reasons=reasons)))

    assert len(found) == gauges.MAX_REASONS + 1
    assert found["R077",] == "2"
    assert sum(map(int, found.values())) == 101


def test_states_are_the_fields_of_the_counts() -> None:
    found = dict(gauges.states("kubesum_pods", "pods", "Pods.").samples(Status(ResourceList({}))))

    assert found["total",] == "3"
    assert found["active",] == "2"
    assert found["failed",] == "0"


def test_every_value_of_the_flag_stands_for_a_resource_with_gauges() -> None:
    by_plural = {resource.plural: resource for resource in RESOURCES}

    assert all(by_plural[plural].gauges for plural in ROLLUP_METRICS.values())
    assert {resource.plural for resource in RESOURCES if resource.gauges} == set(ROLLUP_METRICS.values())


def test_names_of_gauges_are_unique_and_tell_what_they_are() -> None:
    every = [(gauge.name, resource.gauge_label) for resource in RESOURCES for gauge in resource.gauges]

    assert len({name for name, _ in every}) == len(every)
    assert all(name.startswith(f"kubesum_{label or 'cluster'}_") for name, label in every)
