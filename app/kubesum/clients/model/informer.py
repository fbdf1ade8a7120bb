"""A feed: the objects of one scope as they are watched, and how fresh they are.

Holds what is shown and nothing else. A watch that breaks is resumed by the reflector; until it is, the last
objects stay, together with what is wrong and since when nothing was heard.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from kubesum.cache.syncstate import SyncState
from kubesum.clients.model.views import Scope
from kubesum.kube.client import Upstream
from kubesum.kube.deltas import ListStarted, SourceEvent, Synced, WatchError
from kubesum.kube.reflector import Timing, reflect
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key

_TIMING: Final = Timing(max_backoff_s=3.0)
"""Somebody looks on, and there is one of them: a server that is back is found sooner than a controller would."""


class Feed:
    """What is known of one scope; `changed` is set at each news."""

    def __init__(self, scope: Scope, clock: Callable[[], float], changed: asyncio.Event) -> None:
        """`clock` gives seconds since 1970."""
        self.scope: Final = scope
        self.objects: Final[dict[Key, Any]] = {}
        self.changes = 0
        """How often the objects have changed."""
        self.is_whole = False
        """Whether one list was whole."""
        self.trouble: UpstreamError | None = None
        """Why nothing comes any more; None while all is well."""
        self.heard_at: float | None = None
        """When the server was heard last, None before the first time."""
        self._clock: Final = clock
        self._changed: Final = changed
        self._informer: Final = SyncState(scope.resource.plural)

    async def follow(self, upstream: Upstream) -> None:
        """Takes in what the server tells, without end."""
        async for news in reflect(upstream, self.scope.kind, _TIMING):
            self.take(news)

    def take(self, news: SourceEvent[Any]) -> None:
        """Takes in one piece of news."""
        for key, fact in self._informer.changes(news, self.objects):
            self.changes += 1
            if fact is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = fact
        if isinstance(news, WatchError):
            self.trouble = news.error
        elif not isinstance(news, ListStarted):
            self.trouble, self.heard_at = None, self._clock()
        self.is_whole |= isinstance(news, Synced)
        self._changed.set()
