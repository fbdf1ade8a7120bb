"""Figures of a run: for people as a table, for machines as JSON."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

WIDTH: Final = 82
"""Of the names, so that a figure can be printed before the next one is known."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `name` is the same in every run. Less is better, unless `more_is_better`."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    more_is_better: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed: 0.5 is the median, 0.99 the slowest of a hundred."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Iterable[float]) -> float:
    """The median."""
    return statistics.median(values)


def text(figure: Figure) -> str:
    """The figure as a line of text: name, value, unit, goal."""
    line = f"{figure.name:<{WIDTH}}  {number(figure.value):>9} {figure.unit:<5}"
    if figure.goal is not None:
        bound = "at least" if figure.more_is_better else "at most"
        line += f"{bound} {number(figure.goal)}{'' if figure.is_met else '  MISSED'}"
    return line.rstrip()


def number(value: float) -> str:
    """The number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def save(path: Path, run: Mapping[str, Any], figures: Sequence[Figure]) -> None:
    """Writes the figures with what is to be known about the run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"run": run, "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(document, indent=2) + "\n")


def load(path: Path) -> dict[str, Figure]:
    """The figures of a saved run, by name."""
    return {found["name"]: Figure(**found) for found in json.loads(path.read_text())["figures"]}
