"""The phases of the benchmark by name, in the order in which they run."""

from collections.abc import Callable, Iterator
from typing import Final

from tests.bench.figures import Figure
from tests.bench.options import Options
from tests.bench.phases import (
    churn,
    connections,
    latency,
    lists,
    memory,
    page,
    pagedemo,
    polls,
    probe,
    requests,
    rollups,
    start,
    sync,
    watches,
)

Phase = Callable[[Options], Iterator[Figure]]

PHASES: Final[dict[str, Phase]] = {
    "churn": churn.measure,
    "latency-nodes": latency.of_nodes,
    "latency-pods": latency.of_pods,
    "lists": lists.measure,
    "memory": memory.measure,
    "polls": polls.measure,
    "sync": sync.measure,
    "requests": requests.measure,
    "connections": connections.measure,
    "watches": watches.measure,
    "probe": probe.measure,
    "rollups": rollups.measure,
    "start": start.measure,
    "page": page.measure,
    "page-demo": pagedemo.measure,
}
