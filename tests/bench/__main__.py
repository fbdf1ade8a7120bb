"""Measures what kubesum costs, phase by phase, and prints each figure beside its goal.

kubesum runs on one processor, the simulated API server and the clients on another. Figures need an idle machine: on
a busy one those in CPU time grow by a tenth to the double, the others without bound.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.bench.child import OTHER_CORE
from tests.bench.figures import Figure, save, text
from tests.bench.options import LARGE, MEDIUM, SMALL, Options, Size
from tests.bench.registry import PHASES

LATEST: Final = Path(__file__).parents[2] / "bench" / "latest.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the phases, prints their tables one by one, writes all figures as JSON; returns the exit code."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if unknown := set(parsed.phases) - PHASES.keys():
        parser.error(f"there is no phase {', '.join(sorted(unknown))}; there are {', '.join(PHASES)}")
    processors = os.sched_getaffinity(0)
    if len(processors) <= OTHER_CORE:
        sys.exit("the benchmark needs two processors: one for kubesum, one for the API server and the clients")
    # Children choose their own.
    os.sched_setaffinity(0, {OTHER_CORE})
    try:
        figures = measured(parsed.phases or list(PHASES), options(parsed))
    finally:
        os.sched_setaffinity(0, processors)
    save(parsed.json, about(options(parsed)), figures)
    print(f"written to {parsed.json}; goals missed: {sum(figure.is_met is False for figure in figures)}")
    return 0


def measured(phases: Sequence[str], chosen: Options) -> list[Figure]:
    """The figures of these phases, which are printed as they come."""
    figures: list[Figure] = []
    for phase in phases:
        began = time.monotonic()
        print(phase, flush=True)
        for figure in PHASES[phase](chosen):
            print(f"  {text(figure)}", flush=True)
            figures.append(figure)
        print(f"  ({time.monotonic() - began:.0f} s)", flush=True)
    return figures


def options(parsed: argparse.Namespace) -> Options:
    """The options of a run from its flags."""
    size = Size(parsed.nodes, parsed.pods)
    sizes = [SMALL] * (SMALL.pods < size.pods) + [size] + [LARGE] * parsed.large
    return Options(
        sizes=tuple(sizes),
        size=size,
        seconds=parsed.seconds,
        bytes_per_s=parsed.rate,
        runs=parsed.runs,
        watches=parsed.watches,
        churn_s=60 * parsed.minutes,
    )


def about(chosen: Options) -> dict[str, Any]:
    """What is to be known about a run beside its figures."""
    commit = subprocess.run(
        ("git", "describe", "--always", "--dirty"), stdout=subprocess.PIPE, text=True, check=False
    )
    return {
        "commit": commit.stdout.strip(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "load_average": os.getloadavg()[0],
        "nodes": chosen.size.nodes,
        "pods": chosen.size.pods,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("phases", nargs="*", metavar="PHASE", help=f"{', '.join(PHASES)} (default: all)")
    parser.add_argument("--nodes", type=int, default=MEDIUM.nodes, help="default: %(default)s")
    parser.add_argument("--pods", type=int, default=MEDIUM.pods, help="default: %(default)s")
    parser.add_argument(
        "--large",
        action="store_true",
        default=os.environ.get("BENCH_LARGE", "") not in ("", "0"),
        help=f"also has pods change in a cluster of {LARGE.nodes:,} nodes and {LARGE.pods:,} pods; BENCH_LARGE=1",
    )
    parser.add_argument("--seconds", type=float, default=10, help="of each figure of a changing cluster")
    parser.add_argument("--minutes", type=float, default=1, help="that pods change before the last figure of memory")
    parser.add_argument("--rate", type=float, default=80e6, help="bytes per second at which lists are sent")
    parser.add_argument("--runs", type=int, default=3, help="of the initial sync")
    parser.add_argument("--watches", type=int, default=1000)
    parser.add_argument("--json", type=Path, default=LATEST, metavar="PATH", help="default: bench/latest.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
