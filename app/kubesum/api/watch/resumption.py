"""The resumption of a watch that began on another replica.

What a version of another process stands for is known roughly: its replica may have seen less of the cluster at that
time than this one, or more. So everything since LAG_S before it is told again, and for LAG_S from now on also what
passes unpublished here, since the other may have published it already. Then the client is in step: each row that
it knows otherwise than it is shown here has been touched meanwhile.

Until then no version is given that any process takes for its own: a client that is cut off comes back to another
resumption, wherever that is.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from kubesum.api.lists.freshness import too_large
from kubesum.api.representations.status import RETRY_SOON
from kubesum.api.watch.watchevents import Event, Selects, repeated, selected
from kubesum.rollups.resourceversion import SHARED_TAG, TAGS, Version
from kubesum.rollups.store import LAG_S, Store
from kubesum.vocabulary.errors import Expired, ServiceUnavailable

AHEAD_S: Final = 3.0
"""How far another replica's clock may be ahead: well below LAG_S, which has to make up for it."""


class Resumption:
    """What one watch has to be told until it is in step with this replica."""

    def __init__(self, collection: Store, asked: Version) -> None:
        """Raises Timeout, Expired or ServiceUnavailable for a version from which nobody can go on here."""
        clock, journal = collection.clock, collection.events
        if clock.age_s(asked) < -AHEAD_S:
            raise too_large(asked, collection.version())
        if asked < journal.complete_since:
            raise Expired(f"too old resource version: {asked} ({journal.complete_since})")
        since = clock.watermark(LAG_S + max(0.0, clock.age_s(asked)))
        if since < journal.complete_since:
            # The replica that issued it can tell, and the client's next attempt may find it.
            raise ServiceUnavailable(
                "this replica has not been watching for long enough to continue a watch", RETRY_SOON
            )
        self.told: Version = since
        """Up to here everything that happened is told."""
        self._collection: Final = collection
        self._given = asked
        self._begun: Final = clock.watermark()

    async def news(self, selects: Selects | None, step: int) -> Sequence[Event]:
        """What is to be told next, with versions of nobody; the last one stands for all of it. Raises Expired."""
        journal, asked = self._collection.events, self._given
        changes = journal.since_with_skipped(self.told)
        self.told = max(self.told, journal.head_with_skipped)
        first = asked // TAGS + 1
        # A change is repeated as two events at the most. What comes in the pauses is later than all of them.
        self._give(max(first + 2 * len(changes), self.told // TAGS))
        last = self._given
        if selects is not None:
            changes = await selected(changes, selects, step)
        events = [
            msgspec.structs.replace(event, version=at * TAGS + SHARED_TAG)
            for at, event in enumerate(repeated(changes, asked), start=first)
        ]
        if events:
            events[-1] = msgspec.structs.replace(events[-1], version=last)
        return events

    def _give(self, microsecond: int) -> None:
        self._given = microsecond * TAGS + SHARED_TAG
        self._collection.clock.advance_past(self._given)

    @property
    def is_behind(self) -> bool:
        """Whether there is more to be told already."""
        return self._collection.events.head_with_skipped > self.told

    def is_over(self) -> bool:
        """Whether the client is in step once it is told what there is to be told."""
        return self._collection.clock.age_s(self._begun) >= LAG_S

    def version(self) -> Version:
        """A version of now that stands for all that is told, while nothing more is to be told."""
        self._give(max(self._given // TAGS, self._collection.version() // TAGS))
        return self._given

    def end(self) -> Version:
        """The version after which events are told as to everybody else, while nothing more is to be told."""
        return self._collection.version_above(self._given)
