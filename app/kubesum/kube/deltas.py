"""News of one watched kind, and what has to be known of a kind to have it.

A feed is an async iterator of news, without end for a cluster, one list long for files. Its consumer holds
the objects; a feed holds none. The invariant: after `Synced`, the objects are exactly those that were put
since the last `ListStarted` and are not gone since. Kinds that cannot be watched have a feed of `Poll` and
`WatchError`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class WatchedResource(Generic[Fact]):
    """A watched kind: where it is served, the view that decodes it, and the fact that is kept of a view."""

    resource: str
    """The name in logs, metrics and sentences: the plural, with the group where another kind has the same plural."""
    group: str
    """API group, empty for core."""
    version: str
    kind: str
    view: type[msgspec.Struct]
    transform: Callable[[Any], Fact]
    """From view to fact; raises ObjectError for an object that cannot be understood."""
    namespace: str = ""
    """The only namespace whose objects are watched; empty for all."""
    selectors: Mapping[str, str] = field(default_factory=dict)
    """What narrows the collection further: `labelSelector`, `fieldSelector`."""

    @property
    def path(self) -> str:
        """The path of the collection."""
        root = f"/apis/{self.group}" if self.group else "/api"
        within = f"/namespaces/{quote(self.namespace, safe='')}" if self.namespace else ""
        return f"{root}/{self.version}{within}/{self.resource.partition('.')[0]}"

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class ListStarted:
    """A list begins. What was known stays valid until `Synced`."""


@dataclass(frozen=True, slots=True)
class Deltas(Generic[Fact]):
    """Objects in order of arrival: a fact, or None for an object that is gone. Empty: only a sign of life."""

    changes: list[tuple[Key, Fact | None]]


@dataclass(frozen=True, slots=True)
class Synced:
    """The list that began with `ListStarted` is whole: objects not put since then are gone."""


@dataclass(frozen=True, slots=True)
class WatchError:
    """The source could not be read and will be tried again; what was known stays valid."""

    error: UpstreamError
    refused: bool
    """The server understood and said no (401, 403): waiting does not help, a person has to."""


@dataclass(frozen=True, slots=True)
class Poll(Generic[Fact]):
    """The whole list of a kind that cannot be watched: it replaces the one before.

    Its objects are decoded as they are drawn, which can be done once: a fact, or None for one that cannot be
    understood; of two of one name the later counts. Nobody says when they are no longer true: they are worth showing
    for `valid_for_s` seconds.
    """

    objects: Iterator[tuple[Key, Fact | None]]
    valid_for_s: float


SourceEvent = ListStarted | Deltas[Fact] | Synced | WatchError | Poll[Fact]
