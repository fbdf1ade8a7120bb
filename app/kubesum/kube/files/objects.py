"""From documents to Kubernetes objects: what is in lists, and of which kind each object is.

A list with a kind of its own says what its items are: `PodList`, as the API server writes all lists and
`kubectl cluster-info dump` its files. A `List` of v1 does not. Troubleshoot.sh has written lists without kind:
there the name of the file says it.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import getitem
from typing import Any, Final, NamedTuple

import msgspec

from kubesum.kube.decoding import MALFORMED
from kubesum.kube.files.documents import Document

_DEEPEST_LISTS: Final = 4
"""Lists in lists; kubectl writes none."""
_DELETED: Final = b'"DELETED"'
_BOOKMARK: Final = b'"BOOKMARK"'
_WATCH_EVENTS: Final = frozenset({b'"ADDED"', b'"MODIFIED"', _DELETED})
_IN_BUNDLE: Final = re.compile(r"(?:^|/)cluster-resources/(?:(nodes|namespaces)|([a-z]+)/[^/]+)\.json(?:\.gz)?$")


class TypeMeta(NamedTuple):
    """metav1.TypeMeta; empty where something is not known."""

    api_version: str
    kind: str


_UNKNOWN: Final = TypeMeta("", "")
_BY_RESOURCE: Final = {
    "nodes": TypeMeta("v1", "Node"),
    "namespaces": TypeMeta("v1", "Namespace"),
    "pods": TypeMeta("v1", "Pod"),
    "deployments": TypeMeta("apps/v1", "Deployment"),
    "statefulsets": TypeMeta("apps/v1", "StatefulSet"),
    "daemonsets": TypeMeta("apps/v1", "DaemonSet"),
    "replicasets": TypeMeta("apps/v1", "ReplicaSet"),
    "jobs": TypeMeta("batch/v1", "Job"),
    "cronjobs": TypeMeta("batch/v1", "CronJob"),
}
"""What files of a support bundle hold (github.com/replicatedhq/troubleshoot, pkg/collect/cluster_resources.go)."""


@dataclass(frozen=True, slots=True)
class Object:
    """A Kubernetes object of any kind, or what says that it is one."""

    type: TypeMeta
    value: msgspec.Raw
    """As JSON."""
    has_metadata: bool
    is_deleted: bool = False
    """It is the last state of an object that was deleted, as a watch reports it."""
    written: Callable[[], Any] | None = None
    """As that of `Document`."""


@dataclass(frozen=True, slots=True)
class NoObject:
    """A document, or an item of a list, that says of no kind that it is of it."""


class _Header(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    api_version: str | None = None
    kind: str | None = None
    metadata: msgspec.Raw = msgspec.Raw()
    items: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    object: msgspec.Raw = msgspec.Raw()


_HEADERS: Final = msgspec.json.Decoder(_Header)
_LISTS: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class _Value:
    """A value somewhere in a document."""

    json: msgspec.Raw
    type: TypeMeta
    """What it is if it does not say so itself."""
    written: Callable[[], Any] | None
    depth: int = 0

    def inner(self, json: msgspec.Raw, type_: TypeMeta, *path: str | int) -> "_Value":
        """A value in this one, which a path of keys and indexes leads to."""
        written = self.written
        found = None if written is None else lambda: reduce(getitem, path, written())
        return _Value(json, type_, found, self.depth + 1)


def objects(document: Document, file_name: str) -> Iterator[Object | NoObject]:
    """The objects of a document; none in an empty list, and none in an empty document."""
    place = _IN_BUNDLE.search(file_name)
    type_ = _BY_RESOURCE.get(place[1] or place[2], _UNKNOWN) if place else _UNKNOWN
    yield from _objects(_Value(document.value, type_, document.written))


def is_null(value: msgspec.Raw) -> bool:
    """Whether a value is null, or there is none, which means the same."""
    return bytes(memoryview(value)[:5]) in (b"", b"null")


def _objects(value: _Value) -> Iterator[Object | NoObject]:
    if is_null(value.json):
        return
    if _is_list(value.json):
        yield from _items(value, value.json, value.type)
        return
    try:
        header = _HEADERS.decode(value.json)
    except MALFORMED:
        yield NoObject()
        return
    if header.kind is None and bytes(header.type) == _BOOKMARK:
        return
    if header.kind is None and bytes(header.type) in _WATCH_EVENTS:
        yield from _watched(value.inner(header.object, _UNKNOWN, "object"), bytes(header.type) == _DELETED)
    elif _has_items(header, value):
        yield from _items(value, header.items, _type_of_items(header, value), "items")
    else:
        yield _object(header, value)


def _has_items(header: _Header, value: _Value) -> bool:
    if header.kind is None:
        # One of full objects is what jq makes of a list.
        is_empty = bytes(memoryview(header.items)[:2]) == b"[]"
        return value.depth == 0 and _is_list(header.items) and (value.type != _UNKNOWN or not is_empty)
    # A kind that ends in List need not be a list: a custom resource may be called so.
    return header.kind.endswith("List") and (_is_list(header.items) or bytes(header.items) == b"null")


def _type_of_items(header: _Header, value: _Value) -> TypeMeta:
    if header.kind is None:
        return value.type
    kind = header.kind.removesuffix("List")
    return TypeMeta(header.api_version or "", kind) if kind else _UNKNOWN


def _items(value: _Value, items: msgspec.Raw, type_: TypeMeta, *path: str) -> Iterator[Object | NoObject]:
    if is_null(items):
        return
    if value.depth >= _DEEPEST_LISTS:
        yield NoObject()
        return
    for index, item in enumerate(_LISTS.decode(items)):
        yield from _objects(value.inner(item, type_, *path, index))


def _watched(value: _Value, is_deleted: bool) -> Iterator[Object | NoObject]:
    """The object of an event of a watch, as `kubectl get -w --output-watch-events` writes them."""
    for found in _objects(value):
        yield replace(found, is_deleted=is_deleted) if isinstance(found, Object) else found


def _object(header: _Header, value: _Value) -> Object | NoObject:
    kind = header.kind or value.type.kind
    # What is of another kind than its list has to say of which version.
    api_version = header.api_version or (value.type.api_version if kind == value.type.kind else "")
    if not kind or not api_version:
        return NoObject()
    return Object(TypeMeta(api_version, kind), value.json, not is_null(header.metadata), written=value.written)


def _is_list(value: msgspec.Raw) -> bool:
    return bytes(memoryview(value)[:1]) == b"["
