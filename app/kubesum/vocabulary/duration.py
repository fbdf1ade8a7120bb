"""Durations as text: ages as kubectl prints them, and the durations that flags and query parameters hold.

Ages follow k8s.io/apimachinery/pkg/util/duration, parsing follows Go's time.ParseDuration.
"""

import re
from typing import Final

from kubesum.vocabulary.quoting import quoted

UNKNOWN_AGE: Final = "<unknown>"
"""The age of an object without a creationTimestamp; k8s.io/cli-runtime's and kube-apiserver's printers write it."""

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY
_SCALE: Final = (
    (10 * _MINUTE, _MINUTE, 1, "m", "s"),
    (3 * _HOUR, _MINUTE, 0, "m", ""),
    (8 * _HOUR, _HOUR, _MINUTE, "h", "m"),
    (48 * _HOUR, _HOUR, 0, "h", ""),
    (8 * _DAY, _DAY, _HOUR, "d", "h"),
    (2 * _YEAR, _DAY, 0, "d", ""),
    (8 * _YEAR, _YEAR, _DAY, "y", "d"),
)
"""(limit, unit, smaller unit, their letters) in seconds: an age below the limit is written in these units.

A smaller unit of 0 means that only the larger one is written.
"""

_DURATION: Final = re.compile(r"[+-]?(?:0|(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
_DURATION_PART: Final = re.compile(r"([0-9.]+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNIT_S: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def human_duration(age_s: float) -> str:
    """An age in at most two units; k8s.io/apimachinery/pkg/util/duration/duration.go, HumanDuration."""
    seconds = int(age_s)
    if seconds < -1:
        return "<invalid>"
    if seconds < 2 * _MINUTE:
        return f"{max(0, seconds)}s"
    for limit, unit, part, unit_name, part_name in _SCALE:
        if seconds < limit:
            rest = seconds % unit // part if part else 0
            return f"{seconds // unit}{unit_name}" + (f"{rest}{part_name}" if rest else "")
    return f"{seconds // _YEAR}y"


def unchanged_within(age_s: float) -> tuple[float, float]:
    """The ages from the first up to the second, itself excluded, have the text that `human_duration` gives for this.

    A negative age is of a clock that is behind another one: its text counts for it alone.
    """
    if age_s < 0:
        return age_s, age_s
    step = _YEAR
    for limit, unit, part, _, _ in _SCALE:
        if age_s < limit:
            step = part or unit
            break
    begin_s = age_s // step * step
    return begin_s, begin_s + step


def duration_s(text: str) -> float:
    """The seconds of a Go duration such as `1m30s`; raises ValueError with the words of time.ParseDuration."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"time: invalid duration {quoted(text)}")
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _DURATION_PART.findall(text))
    return -seconds if text.startswith("-") else seconds
