"""Prints a saved run as the table of docs/performance.md: `python -m tests.bench.report [RUN]`."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.bench.__main__ import LATEST
from tests.bench.figures import Figure, load, number


def report(figures: Iterable[Figure]) -> Iterator[str]:
    """The lines of a table in Markdown: figure, value with its unit, goal."""
    yield "| figure | measured | goal |"
    yield "|---|---|---|"
    for figure in figures:
        yield f"| {figure.name} | {number(figure.value)} {figure.unit}".rstrip() + f" | {_goal(figure)} |"


def _goal(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    return f"{number(figure.goal)}{'' if figure.is_met else ', missed'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.report", description=__doc__)
    parser.add_argument("run", type=Path, nargs="?", default=LATEST, help="default: the latest run")
    print("\n".join(report(load(parser.parse_args(arguments).run).values())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
