"""Whether clients read the rows of a resource.

The sums of a resource are always kept, but its rows are computed for clients that read them: most clusters have no
reader of images, and many none at all at night. A client that has not read for as long as events are kept could not
continue a watch anyway.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from kubesum.rollups.ring import KEPT_S

READ_S: Final = KEPT_S
"""How long rows are kept current after they were read last."""


class Readers:
    """The readers of one resource."""

    def __init__(self, now: Callable[[], float], publish: Callable[[], Awaitable[object]]) -> None:
        """`now` gives monotonic seconds; `publish` publishes the rows of all resources that have readers."""
        self.publish: Final = publish
        self._now: Final = now
        self._watches = 0
        self._read_until = 0.0

    def __bool__(self) -> bool:
        """Whether a client watches the rows, or has read them lately."""
        return self._watches > 0 or self._now() < self._read_until

    def note(self) -> None:
        """A client reads the rows now."""
        self._read_until = self._now() + READ_S

    @contextmanager
    def watching(self) -> Iterator[None]:
        """A client reads the rows for as long as the context lasts."""
        self._watches += 1
        try:
            yield
        finally:
            self._watches -= 1
            self.note()
