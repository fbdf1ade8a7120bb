"""The sources that rows are computed from: whether they can be served, and whether they are fresh.

A source is made of the kinds that are watched for it, and is as complete and as fresh as these are.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Final

from kubesum.cache.changes import OnChange
from kubesum.cache.ownergraph import OWNERS
from kubesum.cache.syncstate import PollState, SyncState
from kubesum.kube.deltas import WatchError
from kubesum.operations import metrics
from kubesum.semantics.facts import SourceFacts
from kubesum.vocabulary.resource import Key, Source, Stale, Unavailable

KINDS_OF: Final[Mapping[Source, tuple[str, ...]]] = {
    Source.PODS: ("pods",),
    Source.NODES: ("nodes",),
    Source.NAMESPACES: ("namespaces",),
    Source.WORKLOADS: OWNERS,
    Source.INFORMERS: (),
}
"""Which watched kinds a source is made of; polled ones only add to it."""


class SourceStates:
    """The sync state of every kind, and what follows from it for the sources."""

    def __init__(
        self,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        polled: Iterable[str],
        on_change: OnChange,
    ) -> None:
        """`now` gives seconds since 1970, `monotonic` those that no change of the clock affects.

        Changes of `facts` are passed to `on_change`.
        """
        self.watched: Final = {kind: SyncState(kind) for kinds in KINDS_OF.values() for kind in kinds}
        self.polled: Final = {kind: PollState(kind) for kind in polled}
        self.facts: Final[dict[Key, SourceFacts]] = {}
        """What is shown of each kind: the source INFORMERS."""
        self._now: Final = now
        self._monotonic: Final = monotonic
        self._on_change: Final = on_change
        for kind in (*self.watched, *self.polled):
            self._set(kind, is_fresh=False)
        for kind in self.watched:
            # The reflector sets it to 1. Without the 0, a kind that is never listed would be missing in an alert.
            metrics.INFORMER_SYNCED.labels(kind).set(0)

    async def wait_for_sync(self) -> None:
        """Returns once every watched kind has synced or was denied."""
        for state in self.watched.values():
            await state.synced_or_denied.wait()

    def unavailable(self, sources: Iterable[Source]) -> Unavailable | None:
        """Why some of the sources cannot be served yet; None when all can."""
        for kind in kinds_of(frozenset(sources)):
            state = self.watched[kind]
            if state.denied and not state.has_synced:
                return Unavailable(f"kubesum may not list {kind}: {state.denied}", transient=False)
            if not state.has_synced:
                return Unavailable(f"the initial list of {kind} is not complete yet", transient=True)
        return None

    def stale(self, sources: Iterable[Source]) -> Sequence[Stale]:
        """The kinds of some sources that have synced and are not fresh."""
        now = self._monotonic()
        states = [self.watched[kind] for kind in kinds_of(frozenset(sources))]
        return [
            Stale(state.resource, now - state.last_event_at)
            for state in states
            if state.has_synced and not state.is_fresh(now)
        ]

    def expired_polls(self) -> Sequence[PollState]:
        """The polled kinds whose usage is shown, but should not be any more."""
        return [state for state in self.polled.values() if state.is_expired(self._monotonic())]

    def poll_failed(self, kind: str, error: WatchError) -> None:
        """Notes that a polled kind could not be read."""
        self.polled[kind].failed(error)
        self.report(self.polled[kind])

    def check(self) -> None:
        """Notes which kinds have become stale; to be called every few seconds."""
        for state in self.watched.values():
            self.report(state)

    def report(self, state: SyncState | PollState) -> None:
        """Passes on whether a kind is fresh, if that has changed."""
        is_fresh = state.is_fresh(self._monotonic())
        if is_fresh != self.facts["", state.resource].synced:
            self._set(state.resource, is_fresh)

    def _set(self, kind: str, is_fresh: bool) -> None:
        key = ("", kind)
        old = self.facts.get(key)
        lost = None
        # Not when it synced: that is another time in each process, which clients of several replicas saw alternate.
        if old is not None and old.synced and not is_fresh:
            lost = datetime.fromtimestamp(self._now(), UTC).replace(microsecond=0)
        new = SourceFacts(kind, is_fresh, lost, kind in self.polled)
        self.facts[key] = new
        metrics.INFORMER_IN_STEP.labels(kind).set(is_fresh)
        self._on_change(Source.INFORMERS, old, new)


def source_of(kind: str) -> Source:
    """The source that a watched kind is part of."""
    return next(source for source, kinds in KINDS_OF.items() if kind in kinds)


@cache
def kinds_of(sources: frozenset[Source]) -> tuple[str, ...]:
    """The watched kinds that some sources are made of, each once, in the order of the sources."""
    return tuple(dict.fromkeys(kind for source in Source if source in sources for kind in KINDS_OF[source]))
