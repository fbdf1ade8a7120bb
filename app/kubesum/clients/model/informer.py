"""An informer: lists and watches the objects of one scope, and keeps them.

The reflector resumes a broken watch. Until it has, the objects of before stay, with the error and the time of the
last event.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from kubesum.cache.syncstate import SyncState
from kubesum.clients.model.views import Scope
from kubesum.kube.client import Upstream
from kubesum.kube.deltas import ListStarted, SourceEvent, Synced, WatchError
from kubesum.kube.reflector import Timing, reflect
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key

_TIMING: Final = Timing(max_backoff_s=3.0)
"""A user waits, and there are few of them: retries come sooner than those of a controller."""


class Informer:
    """The objects of one scope by key; `changed` is set at each event."""

    def __init__(self, scope: Scope, clock: Callable[[], float], changed: asyncio.Event) -> None:
        """`clock` gives seconds since 1970."""
        self.scope: Final = scope
        self.columns = scope.columns
        """The columns of the view, which a changed definition changes."""
        self.objects: Final[dict[Key, Any]] = {}
        self.changes = 0
        """The number of changes to the objects, which shows whether anything is new."""
        self.has_synced = False
        """Whether the initial list completed."""
        self.error: UpstreamError | None = None
        """Why the list or watch failed; None while it works."""
        self.last_event_at: float | None = None
        """When the server sent the last event, in seconds since 1970; None before the first."""
        self._clock: Final = clock
        self._changed: Final = changed
        self._sync_state: Final = SyncState(scope.resource.plural)

    async def run(self, upstream: Upstream) -> None:
        """Lists and watches until cancelled."""
        async for event in reflect(upstream, self.scope.watched, _TIMING):
            # Again after the list, whose rows may be those of a definition that changed meanwhile.
            if isinstance(event, ListStarted | Synced):
                await self._read_columns(upstream)
            self.apply(event)

    async def _read_columns(self, upstream: Upstream) -> None:
        """Reads the columns anew: all watches of a kind end when its definition changes, and are listed again."""
        # The list that follows fails as well; the next one, whose error is shown, reads the columns again.
        with suppress(UpstreamError):
            self.columns = await self.scope.columns_now(upstream)

    def apply(self, event: SourceEvent[Any]) -> None:
        """Applies one event to the objects."""
        for key, fact in self._sync_state.changes(event, self.objects):
            self.changes += 1
            if fact is None:
                self.objects.pop(key, None)
            else:
                self.objects[key] = fact
        if isinstance(event, WatchError):
            self.error = event.error
        elif not isinstance(event, ListStarted):
            self.error, self.last_event_at = None, self._clock()
        self.has_synced |= isinstance(event, Synced)
        self._changed.set()
