"""How long lists and gets take while pods change, and for how long the event loop does nothing else."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.client import API, JSON, TABLE
from tests.bench.figures import Figure, quantile
from tests.bench.options import Options
from tests.bench.stage import Stage, simulated_cluster, stage

NODES: Final = f"{API}/nodesummaries"
PODS: Final = f"{API}/podsummaries"
RATES: Final = (200, 1000)
BLOCK_GOAL_MS: Final = 25


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is repeated while pods change; goals are milliseconds by rate and quantile."""

    name: str
    path: str
    accept: str
    per_s: float
    goals: dict[tuple[int, float], float]
    encoding: str = "identity"


TABLE_OF_NODES: Final = Request(
    "list of nodes, Table",
    NODES,
    TABLE,
    10,
    {(200, 0.5): 3, (200, 0.99): 15, (1000, 0.5): 5, (1000, 0.99): 20},
)


def of_nodes(options: Options) -> Iterator[Figure]:
    """Lists of nodes, and gets of one."""
    requests = (
        TABLE_OF_NODES,
        Request("list of nodes, Table, gzip", NODES, TABLE, 10, {}, "gzip"),
        Request("list of nodes, JSON", NODES, JSON, 10, {}),
        Request("get of a node", f"{NODES}/cp-01", JSON, 50, {}),
    )
    yield from _measured(options, requests)


def of_pods(options: Options) -> Iterator[Figure]:
    """Lists of all pods."""
    yield from _measured(options, (Request("list of pods, Table", PODS, TABLE, 2, {}),))


def _measured(options: Options, requests: Sequence[Request]) -> Iterator[Figure]:
    with simulated_cluster(options.size, options.bytes_per_s) as cluster, stage(cluster) as running:
        for request in requests:
            running.client.get(request.path, request.accept, request.encoding)
            for rate in RATES:
                yield from _under_churn(running, request, rate, options.seconds)
        running.settle()


def _under_churn(running: Stage, request: Request, rate: int, seconds: float) -> Iterator[Figure]:
    running.at_rate(rate)
    time.sleep(1.5)
    running.figures("blocks")
    before = running.figures()
    times = repeated(running, request, seconds)
    after = running.figures("no-blocks")
    running.at_rate(0)
    name = f"{request.name}, at {rate} events/s"
    for share in (0.5, 0.99):
        yield Figure(
            f"{name}, p{share * 100:.0f}", 1000 * quantile(times, share), "ms", request.goals.get((rate, share))
        )
    events = after.pod_events - before.pod_events
    yield Figure(f"{name}, CPU of an event and the reader", 1e6 * (after.cpu_s - before.cpu_s) / events, "us")
    yield Figure(f"{name}, longest block", 1000 * after.block_s, "ms")
    yield Figure(f"{name}, longest block (CPU)", 1000 * after.block_cpu_s, "ms", BLOCK_GOAL_MS)


def repeated(running: Stage, request: Request, seconds: float) -> list[float]:
    """The times of the request, made so often each second; one that is late does not make the next one late."""
    times: list[float] = []
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        time.sleep(max(0.0, began + len(times) / request.per_s - now))
        times.append(running.client.get(request.path, request.accept, request.encoding).seconds)
    return times
