"""Memory of the process, usage included: at rest, synced, with every kind listed, and after minutes of changes."""

import time
from collections.abc import Iterator
from typing import Final

from kubesum.resources import RESOURCES
from tests.bench.client import JSON, TABLE
from tests.bench.figures import Figure
from tests.bench.options import Options
from tests.bench.phases.polls import first_poll
from tests.bench.stage import ServerFigures, Stage, simulated_cluster, stage

USAGE_INTERVAL_S: Final = 30.0
"""The default: what the memory holds of a poll is part of the figures."""
RATE: Final = 200.0
MIB: Final = 2**20


def measure(options: Options) -> Iterator[Figure]:
    """MiB of the process, and KiB for each pod over the idle process."""
    pods = options.size.pods
    with simulated_cluster(options.size, options.bytes_per_s) as cluster, stage(cluster, USAGE_INTERVAL_S) as running:
        idle = running.idle.resident_bytes
        first_poll(running)

        def figures(when: str, found: ServerFigures, goal: float | None = None) -> Iterator[Figure]:
            yield Figure(f"memory {when}", found.resident_bytes / MIB, "MiB")
            yield Figure(f"memory {when}, per pod", (found.resident_bytes - idle) / pods / 1024, "KiB", goal)

        yield Figure("memory of the idle process, after imports", idle / MIB, "MiB", 70)
        synced = running.figures()
        yield Figure("memory at the peak of the sync", synced.peak_bytes / MIB, "MiB")
        yield from figures("after the sync", synced, 1.5)
        list_everything(running)
        yield from figures("after one JSON and one Table list of every kind", running.figures(), 3)
        running.at_rate(RATE)
        time.sleep(options.churn_s)
        running.settle()
        yield from figures(f"after {options.churn_s / 60:g} minutes at {RATE:.0f} events/s", running.figures())
        list_everything(running)
        yield from figures("after that, and every kind listed again", running.figures())


def list_everything(running: Stage) -> None:
    """One JSON and one Table list of every kind."""
    for computed in RESOURCES:
        for accept in (JSON, TABLE):
            running.client.get(f"/apis/{computed.api_version}/{computed.plural}", accept)
