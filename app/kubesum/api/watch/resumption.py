"""The resumption of a watch from a version that another replica issued.

Which state such a version stands for is known only roughly: its replica may have received less of the cluster at
that time than this one, or more. So the watch replays everything since LAG_S before the version, skipped states
included, and goes on to send skipped states for LAG_S, since the other replica may have published them already.
After that its client agrees with this replica: each row of which it has another state has changed here meanwhile.

The version bounds only what the client was not sent yet. What it was sent may be much newer: a replay counts up from
the version that it began with, and of the changes that it sums up a client may have been sent one and not the other.
So it is the time at which the watch begins, not its version, from which on a change is new to the client.

A client that asks for bookmarks keeps a copy, and is told to list again instead (410): what is repeated here includes
deletions of objects that it has removed already, or never had.

Until then events get versions with the shared tag, which no process takes for its own. So a client that
is cut off in between starts another resumption, whichever replica it connects to.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from kubesum.api.lists.freshness import too_large
from kubesum.api.representations.status import RETRY_SOON
from kubesum.api.watch.watchevents import Predicate, WatchEvent, all_filtered, replayed
from kubesum.rollups.resourceversion import SHARED_TAG, TAGS, Version, watermark_before
from kubesum.rollups.store import LAG_S, MAX_AHEAD_S, Store
from kubesum.vocabulary.errors import Expired, ServiceUnavailable


class Resumption:
    """How far one watch has got in its resumption."""

    def __init__(self, store: Store, asked: Version) -> None:
        """Raises Timeout, Expired or ServiceUnavailable for a version from which the watch cannot continue here."""
        clock, events = store.clock, store.events
        if clock.age_s(asked) < -MAX_AHEAD_S:
            raise too_large(asked, store.version())
        if asked < events.complete_since:
            raise Expired(f"too old resource version: {asked} ({events.complete_since})")
        since = clock.watermark(LAG_S + max(0.0, clock.age_s(asked)))
        if since < events.complete_since:
            # The replica that issued it keeps these events, and the client's next attempt may reach that one.
            raise ServiceUnavailable(
                "this replica has not been watching for long enough to continue a watch", RETRY_SOON
            )
        self.sent_until: Version = since
        """Up to here, in versions of this process, everything is sent."""
        self._store: Final = store
        self._last_sent = asked  # the version that the client has
        self._begun_at: Final = clock.watermark()

    async def next_events(self, selects: Predicate | None, slice_events: int) -> Sequence[WatchEvent]:
        """What is to be sent next, with versions with the shared tag; the last one stands for all. Raises Expired."""
        events = self._store.events
        changes = events.since_with_skipped(self.sent_until)
        self.sent_until = max(self.sent_until, events.head_with_skipped)
        first = self._last_sent // TAGS + 1
        # A change is replayed as two events at most. What is published in the pauses is issued above all of them.
        self._advance(max(first + 2 * len(changes), self.sent_until // TAGS))
        last, unknown_until = self._last_sent, watermark_before(self._begun_at, -LAG_S)
        if selects is not None:
            changes = await all_filtered(changes, selects, slice_events)
        sent = [
            msgspec.structs.replace(event, version=at * TAGS + SHARED_TAG)
            for at, event in enumerate(replayed(changes, unknown_until), start=first)
        ]
        if sent:
            sent[-1] = msgspec.structs.replace(sent[-1], version=last)
        return sent

    def _advance(self, microsecond: int) -> None:
        self._last_sent = microsecond * TAGS + SHARED_TAG
        self._store.clock.advance_past(self._last_sent)

    @property
    def has_more(self) -> bool:
        """Whether there are events to be sent now."""
        return self._store.events.head_with_skipped > self.sent_until

    def is_over(self) -> bool:
        """Whether the client agrees with this replica, once there is nothing more to be sent."""
        return self._store.clock.age_s(self._begun_at) >= LAG_S

    def end(self) -> Version:
        """The version after which the watch sends the events of this replica as they are."""
        return self._store.version_above(self._last_sent)
