"""Measures what kubesum costs: an initial sync against curl, memory, polls of usage, watches, gets, and identity.

The simulated cluster has 1,000 nodes and 20,000 pods. The API server runs on one core, what is measured on the
other. Machines are noisy: only the ratios mean something, each from a pair of runs one after the other; the table
shows their medians.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import POLLED_RESOURCES, watched_resources
from tests.bench.process import Cluster, cluster, curl, last_line

HERE = Path(__file__).parents[2]
SERVER_CORE, MEASURED_CORE = 1, 0


async def measured(options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one run of the benchmark."""
    with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as folder:
        async with cluster(options.nodes, options.pods, options.rate, SERVER_CORE) as served:
            downloads, syncs = [], []
            for _ in range(options.runs):
                downloads.append(await downloaded(served, Path(folder)))
                syncs.append(json.loads(await child("sync", served.kubeconfig)))
            polls = json.loads(await child("sync", served.kubeconfig, "--polls", "3"))
            watching = json.loads(await watchers(served, options.watches))
        decoding = json.loads(await child("decode", folder))
        identity = json.loads(await child("identity"))
        gets = json.loads(await child("gets"))
    return {
        "nodes": options.nodes,
        "pods": options.pods,
        "rate": options.rate,
        "download_s": downloads,
        "syncs": syncs,
        "decode": decoding,
        "identity": identity,
        "gets": gets,
        "watches": options.watches,
        "watching": watching,
        "polls": polls,
    }


async def downloaded(served: Cluster, folder: Path) -> float:
    """Seconds that curl takes for the lists of all kinds, one after the other."""
    seconds = 0.0
    for kind in (*watched_resources(Interner()), *POLLED_RESOURCES):
        seconds += await curl(served, kind.path, folder / f"{kind.resource}.json", MEASURED_CORE)
    return seconds


async def watchers(served: Cluster, number: int) -> str:
    """What the measurement of so many watches prints."""
    return await last_line(
        *(sys.executable, "-m", "tests.bench.watchers", served.kubeconfig, "--admin", served.admin),
        *("--watches", str(number), "--core", str(MEASURED_CORE), "--own-core", str(SERVER_CORE)),
    )


async def child(module: str, *arguments: str) -> str:
    """The last line that a measuring process prints."""
    return await last_line(sys.executable, "-m", f"tests.bench.{module}", *arguments, "--core", str(MEASURED_CORE))


def report(figures: dict[str, Any]) -> str:
    """The figures for a person, each with the bound that it is held to, where there is one."""
    syncs, polls, pods, watching = figures["syncs"], figures["polls"], figures["pods"], figures["watching"]
    gets = figures["gets"]
    ratios = [sync["wall_s"] / download for sync, download in zip(syncs, figures["download_s"], strict=True)]
    cpu = [sync["cpu_s"] / figures["decode"]["cpu_s"] for sync in syncs]
    rows = (
        ("download with curl, s", median(figures["download_s"]), ""),
        ("initial sync, s", median([sync["wall_s"] for sync in syncs]), ""),
        ("initial sync / download", median(ratios), "1.5"),
        ("CPU of the sync / CPU of decoding the same bytes", median(cpu), ""),
        ("longest block of the event loop, ms", 1000 * median([sync["block_s"] for sync in syncs]), "50"),
        ("memory of the idle process, MiB", median([sync["idle"] for sync in syncs]) / 2**20, ""),
        ("memory added per pod, KiB", per_pod(syncs, "synced", pods), "2"),
        (
            "memory added per pod after one JSON and one Table list of every kind, KiB",
            per_pod(syncs, "listed", pods),
            "4",
        ),
        ("peak of the sync per pod, KiB", per_pod(syncs, "peak", pods), ""),
        ("rows that a poll of usage changes", polls["poll_rows"], ""),
        ("CPU of a poll of usage, s", polls["poll_cpu_s"], ""),
        ("longest block of the event loop in polls, ms", 1000 * polls["poll_block_s"], "50"),
        (f"memory of each of {figures['watches']} watches at rest, KiB", watching["watch_bytes"] / 1024, "64"),
        (
            "from a row's publication to the last watch that has it, ms",
            1000 * median(watching["reached_all_s"]),
            "250",
        ),
        ("CPU of one get over TLS / of a bare ASGI application", gets["get_s"] / gets["bare_s"], ""),
        ("authentication and authorization of a request, cached, us", 1e6 * figures["identity"]["typical_s"], "100"),
        ("the same for a user of 300 groups, us", 1e6 * figures["identity"]["of_300_groups_s"], ""),
    )
    header = f"{figures['nodes']} nodes, {pods} pods, {figures['rate'] / 1e6:.0f} MB/s, {len(syncs)} runs"
    lines = [f"{name:<76}{value:>8.2f}{f'  (at most {bound})' if bound else ''}" for name, value, bound in rows]
    return "\n".join((header, *lines))


def per_pod(syncs: Sequence[dict[str, float]], figure: str, pods: int) -> float:
    """KiB per pod over the idle process."""
    return median([(sync[figure] - sync["idle"]) / pods / 1024 for sync in syncs])


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def main() -> None:
    """Measures, writes bench/latest.json, prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=20000)
    parser.add_argument("--rate", type=float, default=80e6, help="bytes per second that the API server sends")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--watches", type=int, default=1000)
    options = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("the benchmark needs two processors: one for the API server, one for what is measured")
    figures = asyncio.run(measured(options))
    target = HERE / "bench" / "latest.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(figures, indent=2) + "\n")
    print(report(figures))


if __name__ == "__main__":
    main()
