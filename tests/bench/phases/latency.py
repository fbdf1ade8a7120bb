"""How long lists and gets take while pods change, and for how long the event loop does nothing else.

The CPU time of a request is what the process used beyond what the same number of events cost without requests.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.client import API, JSON, TABLE
from tests.bench.figures import Figure, quantile
from tests.bench.options import Options
from tests.bench.stage import SETTLED_S, Stage, simulated_cluster, stage

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
            event_us = _used(running, rate, lambda: time.sleep(options.seconds)).event_us
            for request in requests:
                yield from _under_churn(running, request, rate, options.seconds, event_us)
        running.settle()


@dataclass(frozen=True, slots=True)
class Used:
    """What kubesum's process has used and done for some time."""

    cpu_us: float
    events: int
    block_s: float
    block_cpu_s: float

    @property
    def event_us(self) -> float:
        """CPU time of an event, with all that was done meanwhile."""
        return self.cpu_us / self.events


def _used(running: Stage, rate: int, meanwhile: Callable[[], None]) -> Used:
    """What is used while pods change at a rate, as long as `meanwhile` lasts."""
    running.at_rate(rate)
    time.sleep(SETTLED_S)
    before = running.figures("blocks")
    meanwhile()
    after = running.figures("no-blocks")
    running.at_rate(0)
    events = after.pod_events - before.pod_events
    return Used(1e6 * (after.cpu_s - before.cpu_s), events, after.block_s, after.block_cpu_s)


def _under_churn(running: Stage, request: Request, rate: int, seconds: float, event_us: float) -> Iterator[Figure]:
    """The figures of a request; `event_us` is what an event costs without it."""
    times: list[float] = []
    used = _used(running, rate, lambda: times.extend(repeated(running, request, seconds)))
    name = f"{request.name}, at {rate} events/s"
    for share in (0.5, 0.99):
        took_ms, goal_ms = 1000 * quantile(times, share), request.goals.get((rate, share))
        yield Figure(f"{name}, p{share * 100:.0f}", took_ms, "ms", goal_ms)
    yield Figure(f"{name}, CPU of one", (used.cpu_us - used.events * event_us) / len(times) / 1000, "ms")
    yield Figure(f"{name}, longest block", 1000 * used.block_s, "ms")
    yield Figure(f"{name}, longest block (CPU)", 1000 * used.block_cpu_s, "ms", BLOCK_GOAL_MS)


def repeated(running: Stage, request: Request, seconds: float) -> list[float]:
    """The times of the request, made so often each second; one that is late does not make the next one late."""
    times: list[float] = []
    began = time.perf_counter()
    while (now := time.perf_counter()) < began + seconds:
        time.sleep(max(0.0, began + len(times) / request.per_s - now))
        times.append(running.client.get(request.path, request.accept, request.encoding).seconds)
    return times
