"""What a run of the benchmark measures: sizes of clusters, and how long each figure is taken."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a simulated cluster."""

    nodes: int
    pods: int


SMALL: Final = Size(50, 1_000)
MEDIUM: Final = Size(1_000, 20_000)
LARGE: Final = Size(5_000, 150_000)


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one run."""

    sizes: tuple[Size, ...]
    """Of the clusters whose pods change, smallest first."""
    size: Size
    """Of the cluster of all other phases."""
    seconds: float
    """How long each figure of a changing cluster is taken."""
    bytes_per_s: float
    """How fast the simulated API server sends lists."""
    runs: int
    """How often the initial sync is repeated."""
    watches: int
    churn_s: float
    """How long pods change before the memory is measured for the last time."""
