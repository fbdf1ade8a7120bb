"""What grew during a soak test: the slope of each series after it has settled."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

MIB: Final = 1024 * 1024
LOW_MINUTES: Final = 0.5
"""Memory is compared by the lowest sample of so many minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The process of kubesum at one time."""

    minutes: float
    anonymous_mib: float
    tasks: int
    descriptors: int
    latency_ms: float
    """Of a get of one node."""


@dataclass(frozen=True, slots=True)
class Growth:
    """The slope of one series, a minute, and the largest that passes."""

    name: str
    slope: float
    allowed: float

    @property
    def is_excessive(self) -> bool:
        """Whether it grew."""
        return self.slope > self.allowed

    def __str__(self) -> str:
        verdict = "GROWS" if self.is_excessive else "ok"
        return f"{self.name:<28} {self.slope:+8.3f} a minute, at most {self.allowed:g}  {verdict}"


def growths(samples: Sequence[Sample]) -> list[Growth]:
    """The growth of each series in these samples.

    Memory is bounded as an operator would notice it: 0.2 MiB a minute are 290 MiB a day. A list, or what is read anew
    after a fault, takes megabytes for seconds, which a sample may meet or not; a leak raises the lowest ones too.
    Tasks and descriptors come and go with connections, so that their number varies; half of one a minute is a leak.
    """
    minutes = [sample.minutes for sample in samples]
    low = lowest(samples)
    return [
        Growth("anonymous memory, MiB", slope([one.minutes for one in low], [one.anonymous_mib for one in low]), 0.2),
        Growth("tasks", slope(minutes, [sample.tasks for sample in samples]), 0.5),
        Growth("descriptors", slope(minutes, [sample.descriptors for sample in samples]), 0.5),
        Growth("latency of a get, ms", slope(minutes, [sample.latency_ms for sample in samples]), 1.0),
    ]


def lowest(samples: Sequence[Sample]) -> list[Sample]:
    """The sample with the least memory of each LOW_MINUTES."""
    periods = groupby(samples, key=lambda sample: int((sample.minutes - samples[0].minutes) / LOW_MINUTES))
    return [min(period, key=lambda sample: sample.anonymous_mib) for _, period in periods]


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The slope after Theil and Sen: the median of the slopes of all pairs, on which outliers have no influence."""
    slopes = sorted(
        (ys[later] - ys[earlier]) / (xs[later] - xs[earlier])
        for earlier in range(len(xs))
        for later in range(earlier + 1, len(xs))
        if xs[later] > xs[earlier]
    )
    if not slopes:
        raise ValueError("a slope needs two different times")
    middle = len(slopes) // 2
    return slopes[middle] if len(slopes) % 2 else (slopes[middle - 1] + slopes[middle]) / 2
