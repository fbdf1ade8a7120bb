"""What is to happen later in a simulated cluster, in steps instead of seconds.

Counting steps makes the order of happenings a function of the seed, however fast they are played.
"""

import heapq
from collections.abc import Callable
from datetime import datetime
from typing import Final

Action = Callable[[datetime], None]
"""Changes the cluster at a given moment; may find that there is nothing left to change."""


class EventQueue:
    """Happenings by the step they are due at; those of one step in the order they were added."""

    def __init__(self) -> None:
        self._heap: Final[list[tuple[int, int, Action]]] = []
        self._added = 0
        self.step = 0

    def schedule(self, steps: int, action: Action) -> None:
        """Plans a happening `steps` from now."""
        self._added += 1
        heapq.heappush(self._heap, (self.step + steps, self._added, action))

    def pop_due(self) -> Action | None:
        """Takes out the next happening that is due; None if there is none."""
        if not self._heap or self._heap[0][0] > self.step:
            return None
        return heapq.heappop(self._heap)[2]
