"""How short memory is, and what is refused then."""

from collections.abc import Callable
from enum import IntEnum


class MemoryPressure(IntEnum):
    """How much of the memory that the process may use is in use."""

    NONE = 0
    NEAR = 1
    """Caches are dropped."""
    OVER = 2
    """Lists and new watches are refused, and clients have little time to read."""
    CRITICAL = 3
    """Nothing large is written any more."""


CurrentPressure = Callable[[], MemoryPressure]
"""A recent measurement."""


def no_pressure() -> MemoryPressure:
    """What is current where memory has no limit."""
    return MemoryPressure.NONE
