"""Decodes lists and watch events, from bytes to facts.

Each object is decoded directly into the view of its resource. One that the view does not fit is decoded once more
and made to fit (kube/fitting.py). If it cannot be, it is reported with the reason and treated as absent; the other
objects are not affected.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from sys import intern
from typing import Any, Final, Generic, TypeVar

import msgspec

from kubesum.kube.deltas import Facts, WatchedResource
from kubesum.kube.fitting import Fitted, fitted
from kubesum.kube.lenientjson import loaded
from kubesum.kube.lines import HEAD_BYTES, MAX_LINE_BYTES, LongLine, metadata_in
from kubesum.kube.listbody import ListPieces, decoded_in_pieces, decoded_list, items_of
from kubesum.kube.objecterrorlog import ObjectErrorLog, Unread
from kubesum.kube.objects.meta import Annotations, Status, WatchEvent
from kubesum.operations import metrics
from kubesum.vocabulary.errors import ObjectError, UpstreamError
from kubesum.vocabulary.resource import Key

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises for bytes that are no JSON or do not fit the type."""

View = TypeVar("View")

_LONGEST_VERSION: Final = 40
"""Digits; etcd counts with 64 bits, and Python parses no number of thousands."""
_KNOWN_TYPES: Final = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"})


class _Identity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""
    resource_version: str = ""
    annotations: Annotations = Annotations()


class _Unreadable(msgspec.Struct, frozen=True, gc=False):
    """The metadata of an object that cannot be read, as far as they can."""

    metadata: _Identity = _Identity()
    reason: str = ""


_RAW_EVENTS: Final = msgspec.json.Decoder(WatchEvent[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, its objects not decoded yet; `continue_token` is empty on the last one."""

    items: Sequence[msgspec.Raw | LongLine]
    version: str
    continue_token: str


@dataclass(frozen=True, slots=True)
class Decoded(Generic[Facts]):
    """One object: its facts, None if it cannot be read, and its resourceVersion, 0 for one that is no number."""

    key: Key
    facts: Facts | None
    version: int


@dataclass(slots=True)
class Events(Generic[Facts]):
    """The changes and state in some lines of a watch."""

    changes: list[tuple[Key, Facts | None]] = field(default_factory=list)
    version: str = ""
    """The last resourceVersion in them, empty without one."""
    initial_events_end: bool = False
    """One of them is the bookmark that ends the initial events (KEP-3157)."""
    error: Status | None = None
    """The Status of an ERROR event; the lines after it are not read."""


class Decoder(Generic[Facts]):
    """Decodes the objects of one watched resource."""

    def __init__(self, watched: WatchedResource[Facts], report: Callable[[Unread], None] | None = None) -> None:
        """`report` is called for each object that cannot be read, or only in part; without it they are logged."""
        self._watched: Final = watched
        self._report: Final = report or ObjectErrorLog(watched.resource).report
        # Looked up once: to find a child of a metric takes longer than to count in it.
        self._counters: Final = {name: metrics.WATCH_EVENTS.labels(watched.resource, name) for name in _KNOWN_TYPES}
        self._unknown: Final = metrics.WATCH_EVENTS.labels(watched.resource, "unknown")
        self._objects: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(watched.view)
        self._arrays: Final[msgspec.json.Decoder[list[Any]]] = msgspec.json.Decoder(list[watched.view])  # type: ignore[name-defined]  # a type known at run time
        self._events: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(WatchEvent[watched.view])  # type: ignore[name-defined]  # a type known at run time

    def page(self, body: bytes) -> Page:
        """The page in a response body; raises UpstreamError if it is no complete list of this kind."""
        with self._decode_errors():
            listed = decoded_list(body)
        self._check_kind(listed.kind)
        if not listed.metadata.resource_version:
            raise self._decode_error("the list has no resourceVersion")
        items = listed.rows if self._watched.is_table else listed.items
        return Page(items or (), listed.metadata.resource_version, listed.metadata.continue_)

    def page_begin(self, head: bytes) -> Page:
        """The page of one object that is too large, by the first bytes of the response as Go writes it.

        Raises UpstreamError if they are no begin of a list.
        """
        metadata, _, item = head.partition(b'"items":[')
        with self._decode_errors():
            listed = decoded_list(metadata.rstrip(b",") + b"}")
        self._check_kind(listed.kind)
        if not listed.metadata.resource_version or not item:
            raise self._decode_error("it begins with no object of a list")
        return Page((LongLine(item),), listed.metadata.resource_version, listed.metadata.continue_)

    async def pieces(self, chunks: Sequence[bytes]) -> ListPieces:
        """The page in the chunks of a body, for what cannot be watched: such lists need no resourceVersion."""
        with self._decode_errors():
            listed = await decoded_in_pieces(chunks)
        self._check_kind(listed.kind)
        return listed

    @contextmanager
    def _decode_errors(self) -> Iterator[None]:
        try:
            yield
        except MALFORMED as error:
            raise self._decode_error(str(error)) from error

    def _check_kind(self, kind: str) -> None:
        expected = "Table" if self._watched.is_table else f"{self._watched.kind}List"
        if kind != expected:
            raise self._decode_error(f"it is a {kind or 'document of no kind'}, not a {expected}")

    def objects_in(self, piece: bytes) -> list[tuple[Key, Facts | None]]:
        """What `objects` gives for the items in a JSON array."""
        try:
            return [self._change(view) for view in self._arrays.decode(piece)]
        except MALFORMED:
            return self.objects(items_of(piece))

    def objects(self, items: Iterable[msgspec.Raw | LongLine]) -> list[tuple[Key, Facts | None]]:
        """Keys and facts of objects in JSON, None in place of the facts of an invalid object."""
        return [self._change(self._object(item)) for item in items]

    def object(self, item: msgspec.Raw, document: Callable[[], Any] | None = None) -> Decoded[Facts]:
        """One object; `document` gives its values, as `fitted` takes them, where they were not written as JSON."""
        view = self._object(item, document)
        key, facts = self._change(view)
        return Decoded(key, facts, as_number(view.metadata.resource_version))

    def events(self, lines: Iterable[bytes | LongLine], after: str) -> Events[Facts]:
        """What some lines of a watch hold, each of them a complete metav1.WatchEvent or blank.

        `after` is the resourceVersion that the watch began at, empty during the initial events. Added and modified
        objects with an older version are ignored; the object of a line that is too long counts as absent. Raises
        UpstreamError for a line that is no event.
        """
        events: Events[Facts] = Events()
        after_number = as_number(after)
        types: dict[str, int] = {}
        for line in lines:
            if isinstance(line, LongLine):
                unread = _too_large(line.head)
                events.changes.append(self._change(unread))
                events.version = unread.metadata.resource_version or events.version
                continue
            if not line or line.isspace():
                continue
            event = self._event(line)
            types[event.type] = types.get(event.type, 0) + 1
            if event.type == "ERROR":
                events.error = event.object
                break
            self._add(event, after_number, events)
        for name, count in types.items():
            self._counters.get(name, self._unknown).inc(count)
        return events

    def _add(self, event: WatchEvent[Any], after: int, events: Events[Facts]) -> None:
        metadata = event.object.metadata
        if event.type in ("ADDED", "MODIFIED"):
            if 0 < as_number(metadata.resource_version) < after:
                metrics.WATCH_EVENTS_IGNORED.labels(self._watched.resource).inc()
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
            return self._irregular_event(line)
        # A view without required fields decodes a Status as well.
        return self._irregular_event(line) if event.type == "ERROR" else event

    def _irregular_event(self, line: bytes) -> WatchEvent[Any]:
        try:
            event = _RAW_EVENTS.decode(line)
            if event.type == "ERROR":
                return WatchEvent(event.type, msgspec.json.decode(event.object, type=Status))
        except MALFORMED as error:
            raise self._decode_error(str(error)) from error
        return WatchEvent(event.type, self._object(event.object))

    def _object(self, item: msgspec.Raw | LongLine, document: Callable[[], Any] | None = None) -> Any:
        if isinstance(item, LongLine):
            return _too_large(item.head)
        if len(item) > MAX_LINE_BYTES:
            return _too_large(bytes(memoryview(item)[:HEAD_BYTES]))
        try:
            return self._objects.decode(item)
        except MALFORMED:
            return self._irregular_object(document or (lambda: loaded(bytes(item))))

    def _irregular_object(self, document: Callable[[], Any]) -> Fitted[Any] | _Unreadable:
        """An object that its view does not fit: made to fit, or its metadata and why that is impossible."""
        try:
            plain = document()
            return fitted(plain, self._watched.view)
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
            return key, self._watched.transform(view)
        except ObjectError as error:
            self._count_error(Unread(key, str(error)), "content")
            return key, None

    def _count_error(self, unread: Unread, reason: str) -> None:
        metrics.OBJECT_ERRORS.labels(self._watched.resource, reason).inc()
        self._report(unread)

    def _decode_error(self, reason: str) -> UpstreamError:
        metrics.DECODE_ERRORS.labels(self._watched.resource).inc()
        return UpstreamError(f"the response for {self._watched.path} cannot be decoded: {reason}")


def decoded(body: bytes, view: type[View], path: str) -> View:
    """The object in the response from `path`; raises UpstreamError if the view does not fit it."""
    try:
        return msgspec.json.decode(body, type=view)
    except MALFORMED as error:
        raise UpstreamError(f"the object at {path} cannot be decoded: {error}") from error


def _too_large(head: bytes) -> _Unreadable:
    """The object that begins so, or the event of it."""
    reason = f"it has more than {MAX_LINE_BYTES} bytes"
    try:
        return _Unreadable(msgspec.convert(metadata_in(head), _Identity), reason)
    except msgspec.ValidationError:
        return _Unreadable(reason=reason)


def _key(metadata: Any) -> Key:
    return intern(metadata.namespace), metadata.name


def as_number(version: str) -> int:
    """A resourceVersion as a number (KEP-5504), 0 for one that is no number."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= _LONGEST_VERSION else 0
