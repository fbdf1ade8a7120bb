"""How long the first list takes after one pod changed, after all did, and the one after that, which finds it made."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.bench.client import JSON, TABLE
from tests.bench.figures import Figure, median
from tests.bench.options import Options
from tests.bench.phases import floors
from tests.bench.phases.latency import NODES, PODS
from tests.bench.stage import SETTLED_S, Stage, simulated_cluster, stage

ROUNDS: Final = 5
LISTS: Final = tuple(
    (f"list of {what}, {form}{', gzip' if encoding == 'gzip' else ''}", path, accept, encoding)
    for what, path in (("nodes", NODES), ("pods", PODS))
    for form, accept in (("Table", TABLE), ("JSON", JSON))
    for encoding in ("identity", "gzip")
)
BASELINES: Final = ("list of nodes, Table", "list of nodes, Table, gzip", "list of pods, Table", "list of pods, JSON")
ONE_ROW_GOALS_MS: Final = {"list of pods, Table": 40.0}


@dataclass(frozen=True, slots=True)
class Cost:
    """How long one request took, and the CPU time of kubesum for it."""

    seconds: float
    cpu_s: float


def measure(options: Options) -> Iterator[Figure]:
    """The milliseconds of each list, in three states of the cluster, and the longest block in each."""
    with simulated_cluster(options.size, options.bytes_per_s) as cluster, stage(cluster) as running:
        _listed(running)
        running.figures("blocks")
        yield from _after(running, "one pod changed", 1, ROUNDS, ONE_ROW_GOALS_MS)
        yield from _after(running, "all pods changed", options.size.pods, 2, {})
        running.figures("no-blocks")
        bodies = {name: running.client.get(path, accept, encoding).body for name, path, accept, encoding in LISTS}
    yield from floors.bare({name: bodies[name] for name in BASELINES})
    for name in BASELINES:
        if "gzip" not in name:
            yield from floors.compressed(name, bodies[name])


def _after(running: Stage, what: str, pods: int, rounds: int, goals: dict[str, float]) -> Iterator[Figure]:
    """The first lists after so many pods changed, and the same lists once more."""
    running.figures("blocks")
    firsts: list[dict[str, Cost]] = []
    seconds: list[dict[str, Cost]] = []
    for _ in range(rounds):
        running.change(pods)
        time.sleep(SETTLED_S)
        firsts.append(_listed(running))
        seconds.append(_listed(running))
    for name in firsts[0]:
        costs = [first[name] for first in firsts]
        took_ms = 1000 * median(cost.seconds for cost in costs)
        yield Figure(f"{name}, first after {what}", took_ms, "ms", goals.get(name))
        yield Figure(f"{name}, first after {what} (CPU)", 1000 * min(cost.cpu_s for cost in costs), "ms")
    for name in seconds[0]:
        costs = [second[name] for second in seconds]
        took_ms = 1000 * median(cost.seconds for cost in costs)
        yield Figure(f"{name}, repeated after {what}", took_ms, "ms")
        yield Figure(f"{name}, repeated after {what} (CPU)", 1000 * min(cost.cpu_s for cost in costs), "ms")
    yield Figure(f"lists after {what}, longest block (CPU)", 1000 * running.figures().block_cpu_s, "ms", 25)


def _listed(running: Stage) -> dict[str, Cost]:
    """The cost of every list, by name."""
    return {name: _cost(running, path, accept, encoding) for name, path, accept, encoding in LISTS}


def _cost(running: Stage, path: str, accept: str, encoding: str) -> Cost:
    before = running.figures()
    answer = running.client.get(path, accept, encoding)
    return Cost(answer.seconds, running.figures().cpu_s - before.cpu_s)
