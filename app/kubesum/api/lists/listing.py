"""Lists: which rows, in which form, as bytes.

A list is encoded in slices, between which others on the event loop have their turn, and kept for those who
ask for the same. Paging names keys, not stored lists: each page comes from the current rows and carries the
version of the first one.
"""

import asyncio
import math
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any, Final

import msgspec

from kubesum.api.lists.responsecache import Body, BodyCache
from kubesum.api.representations.jsontext import pretty_list
from kubesum.api.representations.objects import ENCODER, object_of, partial_of
from kubesum.api.representations.table import Ages, column_definitions, table_row
from kubesum.api.representations.yamltext import yaml_list
from kubesum.api.requests.negotiation import Encoding, Form, Representation
from kubesum.api.requests.options import Continue, Include, ListOptions
from kubesum.api.requests.selectors import Selector
from kubesum.rollups.rows import Row, Snapshot
from kubesum.rollups.store import Store
from kubesum.vocabulary.resource import ComputedResource

GZIP_ABOVE_BYTES: Final = 128 * 1024
"""kube-apiserver compresses only bodies larger than this; endpoints/handlers/responsewriters/writers.go."""
CACHE_BYTES: Final = 64 * 1024 * 1024

_GZIP_LEVEL: Final = 1
_GZIP_FORMAT: Final = 31  # zlib's number for a gzip header around the widest window
_SLICE_ROWS: Final = 200
_BY_KEY: Final = attrgetter("key")
_STABLE_AT_LEAST_S: Final = 1.0
_STABLE_AT_MOST_S: Final = 10.0


class ListMeta(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """metav1.ListMeta."""

    resource_version: str = msgspec.field(name="resourceVersion")
    continue_: str = msgspec.field(default="", name="continue")
    remaining: int = msgspec.field(default=0, name="remainingItemCount")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A list that somebody asks for; `namespace` empty is all namespaces."""

    collection: Store
    namespace: str
    options: ListOptions
    representation: Representation
    include: Include = Include.METADATA
    is_pretty: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """A list as bytes, compressed or not."""

    content: bytes
    gzipped: bool


class Lists:
    """Encoded lists of all collections."""

    def __init__(self, now: Callable[[], float], capacity_bytes: int = CACHE_BYTES) -> None:
        """`now` tells seconds since 1970; `capacity_bytes` bounds the memory of what is kept."""
        self._now = now
        self._cache = BodyCache(capacity_bytes, now)

    async def encoded(self, wanted: Wanted, gzip: bool) -> Encoded:
        """A list as it is now; compressed if the client takes `gzip` and the list is large."""
        snapshot = wanted.collection.snapshot()
        key = _key(wanted, snapshot)

        async def encode() -> Body:
            ages = Ages(self._now())
            content = await encode_list(wanted, snapshot, ages)
            return Body(content, snapshot.version, self._expiry(wanted, ages))

        body = await self._cache.body(key, snapshot.version, encode)
        if wanted.representation.encoding is Encoding.YAML:
            key = (*key, "yaml")
            body = await self._derived(key, body, yaml_list)
        elif wanted.is_pretty:
            # A person asks once, and what is indented takes twice the room.
            key = (*key, "pretty")
            body = await self._derived(key, replace(body, expires=0.0), pretty_list)
        if not gzip or len(body.content) <= GZIP_ABOVE_BYTES:
            return Encoded(body.content, gzipped=False)
        compressed = await self._derived((*key, "gzip"), body, _compressed)
        return Encoded(compressed.content, gzipped=True)

    async def _derived(self, key: Hashable, body: Body, convert: Callable[[bytes], Awaitable[bytes]]) -> Body:
        """A body in another writing, as right as the first one and as long."""

        async def make() -> Body:
            return Body(await convert(body.content), body.version, body.expires)

        return await self._cache.body(key, body.version, make)

    def _expiry(self, wanted: Wanted, ages: Ages) -> float:
        if wanted.representation.form is not Form.TABLE:
            return math.inf
        return self._now() + min(max(ages.stable_s, _STABLE_AT_LEAST_S), _STABLE_AT_MOST_S)


async def _compressed(content: bytes) -> bytes:
    return await asyncio.to_thread(zlib.compress, content, _GZIP_LEVEL, _GZIP_FORMAT)


def _key(wanted: Wanted, snapshot: Snapshot) -> tuple[object, ...]:
    options = wanted.options
    # kubectl asks for pages of 500: a list that fits into one is the same body as the unlimited list.
    limit = options.limit if options.limit < len(snapshot.rows) else 0
    return (
        wanted.collection.resource.api_version,
        wanted.collection.resource.plural,
        wanted.namespace,
        wanted.representation.form,
        wanted.representation.api_version,
        wanted.include,
        limit,
        options.continue_,
        options.selector.text,
    )


async def page(
    resource: ComputedResource, snapshot: Snapshot, namespace: str, options: ListOptions
) -> tuple[Sequence[Row], ListMeta]:
    """The rows of one page and the metadata of its list."""
    rows = _candidates(resource, snapshot, namespace, options.selector)
    if options.continue_:
        rows = rows[bisect_right(rows, options.continue_.after, key=_BY_KEY) :]
    if options.selector:
        rows = await _selected(resource, rows, options)
    if not options.limit or len(rows) <= options.limit:
        return rows, ListMeta(str(options.continue_.version if options.continue_ else snapshot.version))
    version = options.continue_.version if options.continue_ else snapshot.version_of_pages
    token = Continue(version, rows[options.limit - 1].key).token()
    # How many more are selected would take a look at each of them; kube-apiserver leaves it out too.
    remaining = 0 if options.selector else len(rows) - options.limit
    return rows[: options.limit], ListMeta(str(version), token, remaining)


def _candidates(resource: ComputedResource, snapshot: Snapshot, namespace: str, selector: Selector) -> Sequence[Row]:
    """As few rows as can be told without a look at them: all that are wanted, and perhaps others."""
    namespace = namespace or selector.exact_namespace() or ""
    name = selector.exact_name()
    if name is not None and (namespace or not resource.namespaced):
        key = (namespace, name)
        at = bisect_left(snapshot.rows, key, key=_BY_KEY)
        return [row for row in snapshot.rows[at : at + 1] if row.key == key]
    return snapshot.within(namespace) if namespace else snapshot.rows


async def _selected(resource: ComputedResource, rows: Sequence[Row], options: ListOptions) -> Sequence[Row]:
    """The rows that are selected; with a limit at most one more, which tells that there is another page."""
    selects = options.selector.predicate(resource)
    most = options.limit + 1 if options.limit else len(rows)
    step = max(1, _SLICE_ROWS // len(options.selector))
    found: list[Row] = []
    for start in range(0, len(rows), step):
        found.extend(filter(selects, rows[start : start + step]))
        if len(found) >= most:
            break
        await asyncio.sleep(0)
    return found[:most]


async def encode_list(wanted: Wanted, snapshot: Snapshot, ages: Ages) -> bytes:
    """A list in the form that is wanted, as JSON."""
    resource = wanted.collection.resource
    rows, metadata = await page(resource, snapshot, wanted.namespace, wanted.options)
    document = row_document(resource, wanted.representation, wanted.include, ages)
    chunks: list[bytes] = []
    for start in range(0, len(rows), _SLICE_ROWS):
        encoded = ENCODER.encode([document(row) for row in rows[start : start + _SLICE_ROWS]])
        chunks.append(encoded[1:-1])
        await asyncio.sleep(0)
    return b"".join((_opening(resource, wanted.representation, metadata), b",".join(chunks), b"]}\n"))


def row_document(
    resource: ComputedResource, representation: Representation, include: Include, ages: Ages
) -> Callable[[Row], Any]:
    """How a row is told in a representation: a function to what is encoded."""
    api_version = representation.api_version
    match representation.form:
        case Form.OBJECT:
            return lambda row: object_of(resource, row)
        case Form.TABLE:
            return lambda row: table_row(resource, row, ages, include, api_version)
        case Form.METADATA | Form.METADATA_LIST:
            return lambda row: partial_of(resource, row, api_version)


def _opening(resource: ComputedResource, representation: Representation, metadata: ListMeta) -> bytes:
    """The document up to its first row."""
    match representation.form:
        case Form.TABLE:
            head = {
                "kind": "Table",
                "apiVersion": representation.api_version,
                "metadata": metadata,
                "columnDefinitions": column_definitions(resource),
                "rows": (),
            }
        case Form.METADATA_LIST:
            head = _list_head("PartialObjectMetadataList", representation.api_version, metadata)
        case _:
            head = _list_head(f"{resource.kind}List", resource.api_version, metadata)
    return ENCODER.encode(head).removesuffix(b"]}")


def _list_head(kind: str, api_version: str, metadata: ListMeta) -> dict[str, object]:
    return {"kind": kind, "apiVersion": api_version, "metadata": metadata, "items": ()}


def encode_object(
    resource: ComputedResource, row: Row, representation: Representation, include: Include, now: float
) -> bytes:
    """One row in the form that is wanted, as JSON; a Table of it carries its version."""
    document = row_document(resource, representation, include, Ages(now))(row)
    if representation.form is not Form.TABLE:
        return ENCODER.encode(document) + b"\n"
    opening = _opening(resource, representation, ListMeta(str(row.version)))
    return opening + ENCODER.encode(document) + b"]}\n"
