"""From the bytes of a list or a watch to facts.

Each object is decoded straight into the view of its kind. Files, and servers that are none of Kubernetes', hold
objects that no view fits: those are read once more, made to fit (kube/fitting.py). What then cannot be read is
reported, with the reason, and counts as absent. One bad object never costs the others.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final, Generic, TypeVar

import msgspec

from kubesum.kube.deltas import Facts, WatchedResource
from kubesum.kube.fitting import Fitted, fitted
from kubesum.kube.lenientjson import loaded
from kubesum.kube.objecterrorlog import ObjectErrorLog, Unread
from kubesum.kube.objects import Annotations, ListMetadata, Status, WatchEvent
from kubesum.operations import metrics
from kubesum.vocabulary.errors import ObjectError, UpstreamError
from kubesum.vocabulary.resource import Key

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON, or not of the shape asked for."""

View = TypeVar("View")

_LONGEST_VERSION: Final = 40
"""Digits; etcd counts with 64 bits, and Python reads no number of thousands."""
_KNOWN_TYPES: Final = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})


class _Identity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    annotations: Annotations = Annotations()


class _Unreadable(msgspec.Struct, frozen=True, gc=False):
    """What is known of an object that cannot be read."""

    metadata: _Identity = _Identity()
    reason: str = ""


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


@dataclass(frozen=True, slots=True)
class Decoded(Generic[Facts]):
    """One object: its fact, None where it cannot be read, and its resourceVersion, 0 where that is no number."""

    key: Key
    fact: Facts | None
    version: int


@dataclass(slots=True)
class Events(Generic[Facts]):
    """What some lines of a watch say."""

    changes: list[tuple[Key, Facts | None]] = field(default_factory=list)
    version: str = ""
    """The last resourceVersion seen, empty where none was."""
    initial_events_end: bool = False
    """The initial state ended among them (KEP-3157)."""
    error: Status | None = None
    """Why the server ends the watch; nothing after it was read."""


class Decoder(Generic[Facts]):
    """Decodes what a server sends of one kind, or what files hold of it."""

    def __init__(self, kind: WatchedResource[Facts], report: Callable[[Unread], None] | None = None) -> None:
        """`report` is called for each object that cannot be read, or only in part; without it, such are logged."""
        self._kind: Final = kind
        self._report: Final = report or ObjectErrorLog(kind.resource).report
        self._objects: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(kind.view)
        self._events: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(WatchEvent[kind.view])  # type: ignore[name-defined]  # a type known at run time

    def page(self, body: bytes) -> Page:
        """The page that an answer is; raises UpstreamError for what is no list of this kind, or not a whole one."""
        page = self.unversioned_page(body)
        if not page.version:
            raise self._decode_error("the list has no resourceVersion")
        return page

    def unversioned_page(self, body: bytes) -> Page:
        """The same for a kind that cannot be watched: its lists need no version."""
        try:
            page = _LISTS.decode(body)
        except MALFORMED as error:
            raise self._decode_error(str(error)) from error
        if page.kind != f"{self._kind.kind}List":
            raise self._decode_error(f"it is a {page.kind or 'document of no kind'}, not a {self._kind.kind}List")
        return Page(page.items or (), page.metadata.resource_version, page.metadata.continue_)

    def objects(self, items: Iterable[msgspec.Raw]) -> list[tuple[Key, Facts | None]]:
        """Keys and facts of objects in JSON, None for the fact of a bad one."""
        return [self._change(self._object(item)) for item in items]

    def object(self, item: msgspec.Raw, document: Callable[[], Any] | None = None) -> Decoded[Facts]:
        """One object; `document` gives it in plain values, as `fitted` takes them, where that is not its JSON."""
        view = self._object(item, document)
        key, fact = self._change(view)
        return Decoded(key, fact, _number(view.metadata.resource_version))

    def events(self, lines: Iterable[bytes], after: str) -> Events[Facts]:
        """What lines of a watch say, of which each is a whole metav1.WatchEvent or blank.

        `after` is the version that the watch follows, empty during an initial state: an object that is older
        than that was seen before. Raises UpstreamError for a line that is no event.
        """
        events: Events[Facts] = Events()
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

    def _take(self, event: WatchEvent[Any], known: int, events: Events[Facts]) -> None:
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
            events.initial_events_end |= metadata.annotations.initial_events_end == "true" and events.version != ""

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
            raise self._decode_error(str(error)) from error
        return WatchEvent(event.type, self._object(event.object))

    def _object(self, item: msgspec.Raw, document: Callable[[], Any] | None = None) -> Any:
        try:
            return self._objects.decode(item)
        except MALFORMED:
            return self._odd_object(document or (lambda: loaded(bytes(item))))

    def _odd_object(self, document: Callable[[], Any]) -> Fitted[Any] | _Unreadable:
        """An object that its view refuses: made to fit, or what can be known of it."""
        try:
            plain = document()
            return fitted(plain, self._kind.view)
        except ObjectError as error:
            reason = str(error)
        except (ValueError, RecursionError) as error:
            return _Unreadable(reason=str(error))
        try:
            return msgspec.structs.replace(fitted(plain, _Unreadable).view, reason=reason)
        except ObjectError:
            return _Unreadable(reason=reason)

    def _change(self, view: Any) -> tuple[Key, Facts | None]:
        key = _key(view.metadata)
        if isinstance(view, _Unreadable):
            self._count_error(Unread(key, view.reason), "shape")
            return key, None
        if isinstance(view, Fitted):
            if view.left_out:
                self._count_error(Unread(key, ", ".join(view.left_out), is_part=True), "part")
            view = view.view
        try:
            return key, self._kind.transform(view)
        except ObjectError as error:
            self._count_error(Unread(key, str(error)), "content")
            return key, None

    def _count_error(self, unread: Unread, reason: str) -> None:
        metrics.OBJECT_ERRORS.labels(self._kind.resource, reason).inc()
        self._report(unread)

    def _count(self, types: Mapping[str, int]) -> None:
        for name, count in types.items():
            known = name if name in _KNOWN_TYPES else "unknown"
            metrics.WATCH_EVENTS.labels(self._kind.resource, known).inc(count)

    def _decode_error(self, reason: str) -> UpstreamError:
        metrics.DECODE_ERRORS.labels(self._kind.resource).inc()
        return UpstreamError(f"the response for {self._kind.path} cannot be decoded: {reason}")


def decoded(body: bytes, view: type[View], path: str) -> View:
    """The object in the response from `path`; raises UpstreamError if the view does not fit it."""
    try:
        return msgspec.json.decode(body, type=view)
    except MALFORMED as error:
        raise UpstreamError(f"the object at {path} cannot be decoded: {error}") from error


def _key(metadata: Any) -> Key:
    return intern(metadata.namespace), metadata.name


def _number(version: str) -> int:
    """A resourceVersion as the number it is (KEP-5504), 0 for one that is none."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= _LONGEST_VERSION else 0
