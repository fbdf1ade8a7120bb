"""resourceVersions: a hybrid logical clock.

A version is a decimal integer: microseconds since 1970 times 1000, plus the tag (0 to 999) of the process
that issued it. Versions of one process strictly increase, those of different replicas compare as their clocks do,
and a restarted process continues above what it issued before. Kubernetes requires that larger means newer (KEP-5504);
the number stays below 2^63.

The tag keeps two replicas from issuing the same number in the same microsecond. It does not identify a process, since
replicas may have drawn the same tag: whether a version was issued here, only a record of issued versions can say.
"""

from collections.abc import Callable
from typing import Final

Version = int

TAGS: Final = 1000
SHARED_TAG: Final = 0
"""The tag of no process: a watch from a version with it is a resumption on every replica."""


class VersionClock:
    """Issues strictly increasing versions."""

    def __init__(self, now_us: Callable[[], int], tag: int) -> None:
        """`now_us` gives microseconds since 1970; `tag` is 1 to 999."""
        self._now_us = now_us
        self._tag = tag
        self._last_us = now_us() - 1

    def issue(self) -> Version:
        """A version larger than all that were issued, and than all that the clock was advanced past."""
        self._last_us = max(self._last_us + 1, self._now_us())
        return self._last_us * TAGS + self._tag

    def advance_past(self, version: Version) -> None:
        """What is issued from now on is larger than this version, which another process issued."""
        self._last_us = max(self._last_us, version // TAGS)

    def age_s(self, version: Version) -> float:
        """How many seconds ago a version was issued; negative for one of the future."""
        return (self._now_us() - version // TAGS) / 1_000_000

    def watermark(self, ago_s: float = 0.0) -> Version:
        """A boundary: versions issued until `ago_s` seconds ago are smaller, later ones larger.

        It is not a valid resourceVersion.
        """
        return (self._now_us() - int(ago_s * 1_000_000)) * TAGS


def watermark_before(version: Version, by_s: float) -> Version:
    """The watermark of `by_s` seconds before `version` was issued."""
    return version - int(by_s * 1_000_000) * TAGS


def issued_at(version: Version) -> float:
    """When a version was issued, in seconds since 1970."""
    return version // TAGS / 1_000_000
