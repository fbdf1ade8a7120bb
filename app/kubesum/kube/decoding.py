"""From the bytes of a list or a watch to facts.

Each object is decoded straight into the view of its kind. Servers and hand-written files hold objects that no
view fits: those are read once more with their nulls dropped, as Go reads null where a list or map belongs, and
if that does not help they are counted and count as absent. One bad object never costs the others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final, Generic, TypeVar

import msgspec

from kubesum.kube.deltas import Fact, WatchedResource
from kubesum.kube.objects import Annotations, ListMetadata, Status, WatchEvent
from kubesum.operations import metrics
from kubesum.vocabulary.errors import ObjectError, UpstreamError
from kubesum.vocabulary.resource import Key

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, or not of the shape asked for."""

View = TypeVar("View")

_KNOWN_TYPES: Final = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})


class _Identity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    annotations: Annotations = Annotations()


class _Unreadable(msgspec.Struct, frozen=True, gc=False):
    """What is known of an object that its view does not fit."""

    metadata: _Identity = _Identity()


class _List(msgspec.Struct, frozen=True, gc=False):
    kind: str = ""
    metadata: ListMetadata = ListMetadata()
    items: list[msgspec.Raw] | None = None


_LISTS: Final = msgspec.json.Decoder(_List)
_RAW_EVENTS: Final = msgspec.json.Decoder(WatchEvent[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, its objects not decoded yet; `continue_token` is empty on the last one."""

    items: Sequence[msgspec.Raw]
    version: str
    continue_token: str


@dataclass(slots=True)
class Events(Generic[Fact]):
    """What some lines of a watch say."""

    changes: list[tuple[Key, Fact | None]] = field(default_factory=list)
    version: str = ""
    """The last resourceVersion seen, empty where none was."""
    complete: bool = False
    """The initial state ended among them (KEP-3157)."""
    error: Status | None = None
    """Why the server ends the watch; nothing after it was read."""


class Decoder(Generic[Fact]):
    """Decodes what a server sends of one kind."""

    def __init__(self, kind: WatchedResource[Fact]) -> None:
        self._kind: Final = kind
        self._objects: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(kind.view)
        self._events: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(WatchEvent[kind.view])  # type: ignore[name-defined]  # a type known at run time

    def page(self, body: bytes) -> Page:
        """The page that an answer is; raises UpstreamError for what is no list of this kind, or not a whole one."""
        page = self.unversioned_page(body)
        if not page.version:
            raise self._nonsense("the list has no resourceVersion")
        return page

    def unversioned_page(self, body: bytes) -> Page:
        """The same for a kind that cannot be watched: its lists need no version."""
        try:
            page = _LISTS.decode(body)
        except MALFORMED as error:
            raise self._nonsense(str(error)) from error
        if page.kind != f"{self._kind.kind}List":
            raise self._nonsense(f"it is a {page.kind or 'document of no kind'}, not a {self._kind.kind}List")
        return Page(page.items or (), page.metadata.resource_version, page.metadata.continue_)

    def objects(self, items: Iterable[msgspec.Raw]) -> list[tuple[Key, Fact | None]]:
        """Keys and facts of objects in JSON, None for the fact of a bad one."""
        return [self._change(self._object(item)) for item in items]

    def events(self, lines: Iterable[bytes], after: str) -> Events[Fact]:
        """What lines of a watch say, of which each is a whole metav1.WatchEvent or blank.

        `after` is the version that the watch follows, empty during an initial state: an object that is older
        than that was seen before. Raises UpstreamError for a line that is no event.
        """
        events: Events[Fact] = Events()
        known = _number(after)
        types: Counter[str] = Counter()
        for line in lines:
            if not line or line.isspace():
                continue
            event = self._event(line)
            types[event.type] += 1
            if event.type == "ERROR":
                events.error = event.object
                break
            self._take(event, known, events)
        self._count(types)
        return events

    def _take(self, event: WatchEvent[Any], known: int, events: Events[Fact]) -> None:
        metadata = event.object.metadata
        if event.type in ("ADDED", "MODIFIED"):
            if 0 < _number(metadata.resource_version) < known:
                metrics.WATCH_EVENTS_IGNORED.labels(self._kind.resource).inc()
                return
            events.changes.append(self._change(event.object))
        elif event.type == "DELETED":
            events.changes.append((_key(metadata), None))
        events.version = metadata.resource_version or events.version
        if event.type == "BOOKMARK":
            events.complete |= metadata.annotations.initial_events_end == "true" and events.version != ""

    def _event(self, line: bytes) -> WatchEvent[Any]:
        try:
            event: WatchEvent[Any] = self._events.decode(line)
        except MALFORMED:
            return self._odd_event(line)
        # A view that fits any object fits a Status, too.
        return self._odd_event(line) if event.type == "ERROR" else event

    def _odd_event(self, line: bytes) -> WatchEvent[Any]:
        try:
            event = _RAW_EVENTS.decode(line)
            if event.type == "ERROR":
                return WatchEvent(event.type, msgspec.json.decode(event.object, type=Status))
        except MALFORMED as error:
            raise self._nonsense(str(error)) from error
        return WatchEvent(event.type, self._object(event.object))

    def _object(self, item: msgspec.Raw) -> Any:
        try:
            return self._objects.decode(item)
        except MALFORMED:
            return self._odd_object(item)

    def _odd_object(self, item: msgspec.Raw) -> Any:
        """The view of an object that has nulls, or what can be known of one that no view fits."""
        try:
            document = _without_nulls(msgspec.json.decode(item))
        except MALFORMED:
            return _Unreadable()
        for view in (self._kind.view, _Unreadable):
            try:
                return msgspec.convert(document, view)
            except msgspec.ValidationError:
                continue
        return _Unreadable()

    def _change(self, view: Any) -> tuple[Key, Fact | None]:
        key = _key(view.metadata)
        if isinstance(view, _Unreadable):
            metrics.OBJECT_ERRORS.labels(self._kind.resource, "shape").inc()
            return key, None
        try:
            return key, self._kind.transform(view)
        except ObjectError:
            metrics.OBJECT_ERRORS.labels(self._kind.resource, "content").inc()
            return key, None

    def _count(self, types: Mapping[str, int]) -> None:
        for name, count in types.items():
            known = name if name in _KNOWN_TYPES else "unknown"
            metrics.WATCH_EVENTS.labels(self._kind.resource, known).inc(count)

    def _nonsense(self, reason: str) -> UpstreamError:
        metrics.DECODE_ERRORS.labels(self._kind.resource).inc()
        return UpstreamError(f"what the server sends for {self._kind.path} cannot be read: {reason}")


def decoded(body: bytes, view: type[View], path: str) -> View:
    """The one object that was read at `path`; raises UpstreamError for what is none of the kind."""
    try:
        return msgspec.json.decode(body, type=view)
    except MALFORMED as error:
        raise UpstreamError(f"what is at {path} cannot be understood: {error}") from error


def _key(metadata: Any) -> Key:
    return intern(metadata.namespace), metadata.name


def _number(version: str) -> int:
    """A resourceVersion as the number it is (KEP-5504), 0 for one that is none."""
    return int(version) if version.isascii() and version.isdigit() else 0


def _without_nulls(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _without_nulls(value) for key, value in document.items() if value is not None}
    if isinstance(document, list):
        return [_without_nulls(value) for value in document if value is not None]
    return document
