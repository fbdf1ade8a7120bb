"""Watched resources, and the events that a list and watch of one of them delivers.

A list-watch is an async iterator of SourceEvents: endless for a cluster, one list long for files. It keeps no
objects, its consumer does. Invariant: after `Synced` the objects are exactly those that `Deltas` put and did not
delete since the last `ListStarted`. Resources that cannot be watched have an iterator of `Poll` and `WatchError`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key

Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class WatchedResource(Generic[Facts]):
    """One resource to list and watch: where it is served, how it is decoded, and what is stored of its objects."""

    resource: str
    """The name in logs, metrics and messages: the plural, with its group if another resource has the same plural."""
    group: str
    """API group, empty for core."""
    version: str
    kind: str
    view: type[msgspec.Struct]
    """The fields that are decoded."""
    transform: Callable[[Any], Facts]
    """From the decoded view to the facts that are stored in its place; raises ObjectError for an invalid object."""
    older_versions: tuple[str, ...] = ()
    """Versions with the same fields that are read where a server does not offer `version`, the newest first."""
    namespace: str = ""
    """The only namespace whose objects are watched; empty for all."""
    selectors: Mapping[str, str] = field(default_factory=dict)
    """The query parameters `labelSelector` and `fieldSelector`, as far as they are used."""
    is_table: bool = False
    """Its objects are requested as rows of a Table, each in an own Table in watch events; `view` fits both."""

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
    """A list begins. The objects of the last one stay valid until `Synced`."""


@dataclass(frozen=True, slots=True)
class Deltas(Generic[Facts]):
    """Changes in order of arrival: the facts of an added or modified object, None for a deleted one.

    Without changes it says only that the connection is alive.
    """

    changes: list[tuple[Key, Facts | None]]


@dataclass(frozen=True, slots=True)
class Synced:
    """The list that began with `ListStarted` is complete: objects that were not in it are deleted."""


@dataclass(frozen=True, slots=True)
class WatchError:
    """A list, watch or poll failed and will be tried again; the objects so far stay valid."""

    error: UpstreamError
    refused: bool
    """Answered with 401, 403, 404 or 405: it keeps failing until rights or what is served change."""


@dataclass(frozen=True, slots=True)
class Poll(Generic[Facts]):
    """The complete list of a resource that cannot be watched; it replaces the one before.

    `objects` can be iterated once and decodes as it goes: facts, or None for an invalid object. Of two objects with
    one name the later counts. Since no event will say that an object changed, a list may be served for `valid_for_s`
    seconds only.
    """

    objects: Iterator[tuple[Key, Facts | None]]
    valid_for_s: float


SourceEvent = ListStarted | Deltas[Facts] | Synced | WatchError | Poll[Facts]
