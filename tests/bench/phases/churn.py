"""What a pod event costs: CPU time of the process at 200 events a second, and the most events that it takes.

On a machine that does nothing else, as many events are read as a whole core sustains; on a busy one fewer.
"""

import time
from collections.abc import Iterator

from tests.bench.client import JSON, TABLE
from tests.bench.eventdecoding import decoded_us
from tests.bench.figures import Figure
from tests.bench.options import Options, Size
from tests.bench.phases.latency import PODS
from tests.bench.stage import LEAD, Stage, simulated_cluster, stage

RATE = 200.0
GOAL_RATIO = 1.3


def measure(options: Options) -> Iterator[Figure]:
    """The figures of each size, and how the largest compares to the smallest."""
    yield Figure("CPU of a bare typed decode of an event", decoded_us(), "us")
    sustained_us = []
    for size in options.sizes:
        with simulated_cluster(size, options.bytes_per_s) as cluster, stage(cluster) as running:
            running.settle()
            cost_us = cost_at_rate(running, RATE, options.seconds)
            yield Figure(name(size, "CPU of an event at 200/s, no reader"), cost_us, "us", 150)
            read_per_s, cost_us = sustained(running, options.seconds)
            yield Figure(name(size, "CPU of an event as fast as they are read"), cost_us, "us")
            per_s = 1e6 / cost_us
            yield Figure(name(size, "events sustained by a whole core"), per_s, "1/s", 10_000, more_is_better=True)
            yield Figure(
                name(size, "events read, with what the machine left"), read_per_s, "1/s", more_is_better=True
            )
            sustained_us.append(cost_us)
            yield from blocks(running, size)
    if len(sustained_us) > 1:
        ratio = sustained_us[-1] / sustained_us[0]
        sizes = f"{options.sizes[-1].pods:,} pods / {options.sizes[0].pods:,}"
        yield Figure(f"CPU of an event, {sizes}", ratio, "", GOAL_RATIO)


def name(size: Size, figure: str) -> str:
    """The name of a figure of a cluster of this size."""
    return f"{size.pods:,} pods: {figure}"


def blocks(running: Stage, size: Size) -> Iterator[Figure]:
    """The longest time that the event loop does nothing else: in the sync, and in a list of all pods at a rate."""
    yield Figure(name(size, "initial sync, longest block (CPU)"), 1000 * running.sync.block_cpu_s, "ms", 25)
    running.at_rate(RATE)
    running.figures("blocks")
    for accept in (TABLE, JSON):
        running.client.get(PODS, accept)
    running.settle()
    block_ms = 1000 * running.figures("no-blocks").block_cpu_s
    yield Figure(name(size, "lists of all pods at 200 events/s, longest block (CPU)"), block_ms, "ms", 25)


def cost_at_rate(running: Stage, events_per_s: float, seconds: float) -> float:
    """Microseconds of CPU time of one event while they come at a rate."""
    running.at_rate(events_per_s)
    time.sleep(1.5)
    before = running.figures()
    time.sleep(seconds)
    after = running.figures()
    running.at_rate(0)
    return 1e6 * (after.cpu_s - before.cpu_s) / (after.pod_events - before.pod_events)


def sustained(running: Stage, seconds: float) -> tuple[float, float]:
    """Events a second, and microseconds of CPU time of one, while there is always another one to read."""
    running.change(LEAD)
    before, began = running.figures(), time.perf_counter()
    read = 0
    sent = running.cluster.command("sent")["sent"]
    while (took_s := time.perf_counter() - began) < seconds:
        running.cluster.command(f"until {sent + read + LEAD}")
        time.sleep(0.05)
        read = running.figures().pod_events - before.pod_events
    after = running.figures()
    read = after.pod_events - before.pod_events
    return read / took_s, 1e6 * (after.cpu_s - before.cpu_s) / read
