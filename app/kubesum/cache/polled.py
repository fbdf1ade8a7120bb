"""One polled kind: whether what it said last can still be shown, and what keeps it from saying more.

Nothing waits for it, and nothing else is held to be incomplete without it.
"""

import asyncio
from typing import Any, Final

from kubesum.kube.deltas import Poll, WatchError


class PollState:
    """The state of one polled kind."""

    def __init__(self, resource: str) -> None:
        self.resource: Final = resource
        self.synced = False
        """Whether what a poll found is shown."""
        self.trouble: str | None = None
        """Why the last attempt failed, None after one that did not."""
        self.tried: Final = asyncio.Event()
        """Set once an attempt has ended, one way or the other."""
        self._good_until = 0.0

    def hear(self, news: Poll[Any] | WatchError, now: float) -> None:
        """Takes note of how an attempt ended, `now` in seconds since 1970."""
        self.tried.set()
        if isinstance(news, WatchError):
            self.trouble = str(news.error)
            return
        self.synced, self.trouble = True, None
        self._good_until = now + news.valid_for_s

    def is_in_step(self, now: float) -> bool:
        """Whether what a poll found may be shown at `now`, in seconds since 1970."""
        return self.synced and now <= self._good_until
