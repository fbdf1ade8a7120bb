"""What a poll of metrics.k8s.io costs, while nothing else happens."""

import time
from collections.abc import Iterator
from typing import Final

from tests.bench.figures import Figure
from tests.bench.options import Options
from tests.bench.stage import ServerFigures, Stage, simulated_cluster, stage

INTERVAL_S: Final = 16.0
"""Long enough for the simulated cluster to measure anew before each poll."""
POLLED_KINDS: Final = 2
"""Pods and nodes: each interval polls both."""
POLLS: Final = 2


def measure(options: Options) -> Iterator[Figure]:
    """CPU time, changed rows and longest block of a poll of pods and nodes."""
    with simulated_cluster(options.size, options.bytes_per_s) as cluster, stage(cluster, INTERVAL_S) as running:
        # The first poll is part of the start: its rows are new.
        first_poll(running)
        before = running.figures()
        after = after_polls(running, POLLS)
        running.figures("blocks")
        block_cpu_s = after_polls(running, 1).block_cpu_s
    yield Figure("CPU of a poll of usage", (after.cpu_s - before.cpu_s) / POLLS, "s", 0.3)
    yield Figure("rows that a poll of usage changes", (after.published_rows - before.published_rows) / POLLS, "rows")
    yield Figure("polls of usage, longest block (CPU)", 1000 * block_cpu_s, "ms", 25)


def first_poll(running: Stage) -> None:
    """Returns when usage was polled once and is published."""
    while running.figures().polls < POLLED_KINDS:
        time.sleep(0.1)
    running.settle()


def after_polls(running: Stage, number: int) -> ServerFigures:
    """The figures of the process after so many more polls are published."""
    until = running.figures().polls + number * POLLED_KINDS
    while running.figures().polls < until:
        time.sleep(0.1)
    running.settle()
    return running.figures()
