"""The contract between computing and serving: everything that a list, a watch or a handler may ask of a resource.

The engine computes rows and publishes them; `api` and `web` read what is published, through these two Protocols
alone. Each has one implementation, `PublishedRows` and `Journal`: the Protocols exist so that one page tells what a
reader can rely on, and so that serving never depends on how rows are computed.

Version        The resourceVersion of a state: the time at which this process issued it. Larger is newer: exactly
               within a process, between replicas as far as their clocks agree (resourceversion.py).
Snapshot       All rows at one version, sorted by key. It is immutable: a reader may pause while newer rows appear.
Event          One published change of one row. Every event has a version of its own.
Expired        Raised for events that are no longer kept: after five minutes, or 75 s where there are more than 12
               for each row. The client gets 410 and lists again, as it does from kube-apiserver when etcd has
               compacted its version.
Skipped state  A state of a row between two publications. Changes gather for GATHER_S and a row is published once per
               QUIET_S at most, so this process published no such state. Another replica, whose changes gather at
               other times, may have: a watch that continues from a version of another replica reads skipped states
               beside the events.

Each request awaits `catch_up()` first, since rows that no client reads are not computed. A list takes `snapshot()`. A
watch begins at a version, then repeats `events.wait(version)`, `events.since(version)`, all within `watching()`. It
keeps nothing but that version: a client that reads slowly costs no memory and gets the sum of the changes.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from kubesum.rollups.events import RowEvent
from kubesum.rollups.resourceversion import Version, VersionClock
from kubesum.rollups.rows import Row
from kubesum.rollups.snapshots import Snapshot
from kubesum.vocabulary.resource import ComputedResource, Key, Stale, Unavailable

GATHER_S: Final = 0.1
"""How long changes gather before they are published, so that one burst is one event per row."""
QUIET_S: Final = 1.0
"""How long a published row rests before it is published again, so that watches of busy groups stay calm."""
LAG_S: Final = 10.0
"""By how much replicas may differ in what they have published of the cluster, and in what their clocks say."""

MAX_AHEAD_S: Final = 3.0
"""How far another replica's clock may be ahead: well below LAG_S, which makes up for it."""


class Events(Protocol):
    """The events of one resource, as far back as they are kept."""

    @property
    def head(self) -> Version:
        """The version of the newest event."""

    @property
    def head_with_skipped(self) -> Version:
        """The version of the newest event or skipped state."""

    @property
    def complete_since(self) -> Version:
        """The version after which every event and every skipped state is kept."""

    @property
    def is_closed(self) -> bool:
        """Whether no event will follow: the resource is no longer served, or the server stops."""

    def since(self, version: Version) -> Sequence[RowEvent]:
        """The events after `version`, oldest first; raises Expired."""

    def coalesced_since(self, version: Version) -> Sequence[RowEvent]:
        """The same as one event per object, for all watches that are equally far; raises Expired."""

    def since_with_skipped(self, version: Version) -> Sequence[RowEvent]:
        """The events and the skipped states after `version`, oldest first; raises Expired."""

    async def wait(self, version: Version) -> None:
        """Returns once there are events after `version`, or none will follow."""

    async def wait_with_skipped(self, version: Version) -> None:
        """Returns once there are events or skipped states after `version`, or none will follow."""


class Store(Protocol):
    """The published rows of one resource."""

    @property
    def resource(self) -> ComputedResource:
        """The declaration."""

    @property
    def clock(self) -> VersionClock:
        """The clock by which this process issues versions."""

    @property
    def events(self) -> Events:
        """The published changes."""

    @property
    def floor(self) -> Version:
        """The least version that a row is served with.

        A client that comes from another replica has versions of that one, for rows that have not changed since. It is
        above all that such clients have shown, so that no row goes back for them.
        """

    async def catch_up(self) -> None:
        """Publishes what has changed since a client last read the rows, and keeps them current from now on.

        They are kept current for as long as events are kept, so that it returns at once nearly always.
        """

    def watching(self) -> AbstractContextManager[None]:
        """Keeps the rows current for as long as the context lasts."""

    def unavailable(self) -> Unavailable | None:
        """Why the rows must not be served yet; None when they may."""

    def stale(self) -> Sequence[Stale]:
        """The watched kinds that the rows are computed from and that are not being followed now."""

    def get(self, key: Key) -> Row | None:
        """The row of `key`, None if there is none."""

    def snapshot(self) -> Snapshot:
        """All rows at `version()`."""

    def snapshot_at(self, version: Version) -> Snapshot | None:
        """All rows as they were at a version that this process issued; None if it did not, or not lately."""

    def version(self) -> Version:
        """The version at which the rows are what they are now: a few seconds old at most."""

    def version_above(self, version: Version) -> Version:
        """What `version()` gives, but larger than `version`, which another replica issued."""

    def has_issued(self, version: Version) -> bool:
        """Whether this process gave out `version`, and keeps every event after it."""

    async def wait_until_published(self) -> None:
        """Returns once every change received so far is published, or nothing more will be."""
