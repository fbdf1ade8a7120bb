"""Compares two saved runs: `python -m tests.bench.compare OLD [NEW]`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.bench.__main__ import LATEST
from tests.bench.figures import Figure, load, number


def compared(old: Mapping[str, Figure], new: Mapping[str, Figure]) -> str:
    """A line for each figure that both runs have: before, after, their ratio; below 1 is less than before."""
    both = [name for name in new if name in old]
    width = max(map(len, both), default=0)
    return "\n".join(_line(old[name], new[name], width) for name in both)


def _line(old: Figure, new: Figure, width: int) -> str:
    ratio = f"{new.value / old.value:.2f}" if old.value else "-"
    line = f"{new.name:<{width}}  {number(old.value):>9}  {number(new.value):>9} {new.unit:<5}  x {ratio}"
    if new.goal is None:
        return line
    return f"{line}  (goal {number(new.goal)}: {'met' if new.is_met else 'missed'})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the comparison; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compare", description=__doc__)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path, nargs="?", default=LATEST, help="default: the latest run")
    options = parser.parse_args(arguments)
    print(compared(load(options.old), load(options.new)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
