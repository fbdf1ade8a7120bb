"""What many watches take at rest, and how long a change takes to reach them all."""

import json
import sys
from collections.abc import Iterator

from tests.bench.child import OTHER_CORE, SERVER_CORE
from tests.bench.figures import Figure, median
from tests.bench.options import SMALL, Options
from tests.bench.phases.sync import output
from tests.bench.stage import simulated_cluster


def measure(options: Options) -> Iterator[Figure]:
    """Memory of each watch, and the time from a row's publication to the last one."""
    with simulated_cluster(SMALL, options.bytes_per_s) as cluster:
        line = output(
            *(sys.executable, "-m", "tests.bench.watchers", cluster.started["kubeconfig"]),
            *("--admin", cluster.started["admin"], "--watches", str(options.watches)),
            *("--core", str(SERVER_CORE), "--own-core", str(OTHER_CORE)),
        )
    figures = json.loads(line)
    yield Figure(f"memory of each of {options.watches:,} watches at rest", figures["watch_bytes"] / 1024, "KiB", 64)
    reached_ms = 1000 * median(figures["reached_all_s"])
    yield Figure(f"from a row's publication to the last of {options.watches:,} watches", reached_ms, "ms", 250)
