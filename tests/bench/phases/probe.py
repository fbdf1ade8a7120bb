"""How long probes take while a crowd of clients is served: those of the aggregator, and those of the kubelet.

The aggregator gets the group's discovery document over a connection that it keeps, and marks the APIService
unavailable after 5 s; the kubelet opens a connection for each probe. Both are measured as often as they can be.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from tests.bench.child import OTHER_CORE, Child, child
from tests.bench.client import API, Client
from tests.bench.figures import Figure, quantile
from tests.bench.options import Options
from tests.bench.stage import Stage, simulated_cluster, stage

RATE: Final = 1_000
"""Events a second of the first load."""
GOAL_MS: Final = 500
PAUSE_S: Final = 0.02
USAGE_INTERVAL_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Load:
    """A load: its name in the figures, and its crowd."""

    name: str
    kind: str
    number: int
    per_s: float = 0
    is_over: Callable[[dict[str, Any]], bool] = lambda _: True
    """Whether the crowd has done what the probes are to be measured during."""


def loads(options: Options) -> tuple[Load, ...]:
    """Each load, with as many clients as the goal is for, or fewer in a smaller cluster."""

    def scaled(number: int) -> int:
        return max(1, min(number, number * options.size.pods // 20_000))

    return (
        # First, since the memory of an earlier crowd would be given back to the system meanwhile, in one block.
        Load("1,000 events/s arrive", "watching", 20, RATE),
        Load("50 clients list everything", "listing", scaled(50)),
        Load("3,000 idle connections stand", "idle", scaled(3_000)),
        Load("1,000 slow readers have the largest list", "slow-reading", scaled(1_000)),
        Load("5,000 watches are opened and dropped", "dropped-watches", scaled(5_000), is_over=_has_dropped_twice),
    )


def _has_dropped_twice(answer: dict[str, Any]) -> bool:
    return int(answer["rounds"]) >= 2


def measure(options: Options) -> Iterator[Figure]:
    """The slowest probe of each kind under each load."""
    with (
        simulated_cluster(options.size, options.bytes_per_s) as cluster,
        stage(cluster, USAGE_INTERVAL_S) as running,
    ):
        yield from _figures(running, Load("nobody else asks", "", 0), options.seconds)
        for load in loads(options):
            yield from _figures(running, load, options.seconds)


def _figures(running: Stage, load: Load, seconds: float) -> Iterator[Figure]:
    with crowd(running, load) as clients:
        running.at_rate(load.per_s)
        running.figures("blocks")
        times = probed(running, seconds, lambda: clients is None or load.is_over(clients.command("")))
        used = running.figures("no-blocks")
        running.at_rate(0)
        codes = clients.command("")["codes"] if clients is not None else {}
    for probe, found in times.items():
        yield Figure(f"{probe} while {load.name}, p99", 1000 * quantile(found, 0.99), "ms")
        yield Figure(f"{probe} while {load.name}, slowest of all", 1000 * max(found), "ms", GOAL_MS)
    yield Figure(f"longest block (CPU) while {load.name}", 1000 * used.block_cpu_s, "ms")
    for code, number in codes.items():
        yield Figure(f"responses with code {code} while {load.name}", number, "")


@contextmanager
def crowd(running: Stage, load: Load) -> Iterator[Child | None]:
    """The clients of a load, which stands; None for a load without clients."""
    if not load.number:
        yield None
        return
    certificate, key = running.cluster.started["front_proxy"]
    where = ("--port", str(running.port), "--authority", str(running.authority_file), "--pair", certificate, key)
    with child("crowd", OTHER_CORE, (load.kind, str(load.number), *where)) as clients:
        yield clients


def probed(running: Stage, seconds: float, is_over: Callable[[], bool]) -> dict[str, list[float]]:
    """The seconds of each probe, by its name, for so long at least, and until the load is over."""
    kept, kubelet = Client(running.port, running.tls), Client(running.port, running.tls)
    times: dict[str, list[float]] = {"group discovery": [], "/readyz": [], "/livez": []}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or not is_over():
        times["group discovery"].append(kept.get(API).seconds)
        for path in ("/readyz", "/livez"):
            began = time.perf_counter()
            kubelet.get(path)
            times[path].append(time.perf_counter() - began)
            kubelet.close()
        time.sleep(PAUSE_S)
    kept.close()
    return times
