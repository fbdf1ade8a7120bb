"""The cost of a connection for one request: the aggregator keeps 25 idle ones, and opens new ones under load."""

from collections.abc import Iterator
from typing import Final

from tests.bench.figures import Figure
from tests.bench.options import SMALL, Options
from tests.bench.phases.latency import NODES
from tests.bench.stage import Stage, simulated_cluster, stage

PATH: Final = f"{NODES}/cp-01"
REQUESTS: Final = 300


def measure(options: Options) -> Iterator[Figure]:
    """CPU time of a get over a connection of its own, and over a kept one."""
    with simulated_cluster(SMALL, options.bytes_per_s) as cluster, stage(cluster) as running:
        kept_us, new_us = cost_us(running, False), cost_us(running, True)
    yield Figure("CPU of a get over a kept connection", kept_us, "us", 250)
    yield Figure("CPU of a get over a connection of its own", new_us, "us")


def cost_us(running: Stage, reconnects: bool) -> float:
    """Microseconds of CPU time of one request."""
    before = running.figures()
    for _ in range(REQUESTS):
        running.client.get(PATH)
        if reconnects:
            running.client.close()
    return 1e6 * (running.figures().cpu_s - before.cpu_s) / REQUESTS
