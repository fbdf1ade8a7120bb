"""The queue of a discrete-event simulation, in which time is counted in steps.

The order of events therefore depends only on the seed, not on how fast the steps follow each other.
"""

import heapq
from collections.abc import Callable
from datetime import datetime
from typing import Final

Action = Callable[[datetime], None]
"""Changes the cluster at the given time; may find nothing left to change."""


class EventQueue:
    """Actions in order of their step; those of one step in the order in which they were scheduled."""

    def __init__(self) -> None:
        self._heap: Final[list[tuple[int, int, Action]]] = []
        self._added = 0
        self.step = 0

    def schedule(self, steps: int, action: Action) -> None:
        """Schedules an action `steps` from now."""
        self._added += 1
        heapq.heappush(self._heap, (self.step + steps, self._added, action))

    def pop_due(self) -> Action | None:
        """Removes and returns the next action that is due, None without one."""
        if not self._heap or self._heap[0][0] > self.step:
            return None
        return heapq.heappop(self._heap)[2]
