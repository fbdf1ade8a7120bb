"""docs/metrics.md is generated from the definitions, and names what is served."""

import asyncio
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from kubesum.operations.eventlooplag import INTERVAL_S, measure_event_loop_lag
from kubesum.operations.metrics import EVENT_LOOP_LAG
from kubesum.render.metrics import metrics_page
from kubesum.resources import RESOURCES
from tests.leaping import leaping

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
_TABLES = PAGE.read_text().split("## Gauges of summaries")
OF_THE_LIBRARY = ("process_", "python_")
OURS = ("kubesum_", "apiserver_", "authentication_", "authorization_", "rest_client_")


def test_the_page_is_what_is_defined() -> None:
    assert PAGE.read_text() == metrics_page(RESOURCES)


def test_every_metric_that_is_served_is_on_the_page() -> None:
    served = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name
        for metric in REGISTRY.collect()
        if metric.name.startswith(OURS)
    }

    assert served == _names(_TABLES[0])


def test_every_gauge_of_summaries_is_on_the_page() -> None:
    assert {"kubesum_cluster_free", "kubesum_namespace_requests", "kubesum_node_requests"} < _names(_TABLES[1])
    assert _names(_TABLES[1]) == {gauge.name for resource in RESOURCES for gauge in resource.gauges}


def test_nothing_is_served_beside_these_and_what_the_library_adds() -> None:
    known = (*OURS, *OF_THE_LIBRARY)

    assert [metric.name for metric in REGISTRY.collect() if not metric.name.startswith(known)] == []


def test_the_lag_of_the_event_loop_is_sampled() -> None:
    async def main() -> None:
        measuring = asyncio.create_task(measure_event_loop_lag())
        await asyncio.sleep(10.5 * INTERVAL_S)
        measuring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await measuring

    before = _samples()
    leaping(main())

    assert _samples() == before + 10


def _names(table: str) -> set[str]:
    return {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}


def _samples() -> float:
    return next(
        sample.value
        for metric in EVENT_LOOP_LAG.collect()
        for sample in metric.samples
        if sample.name.endswith("_count")
    )
