"""Lists: which rows, in which representation, as bytes.

A list is encoded in slices, between which other tasks run, and cached for other requests that ask for the same.
"""

import asyncio
import math
import zlib
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Final

from kubesum.api.lists.paging import ListMeta, page, snapshot_of
from kubesum.api.lists.responsecache import Body, ResponseCache
from kubesum.api.representations.jsontext import pretty_list
from kubesum.api.representations.objects import ENCODER, object_of, partial_of
from kubesum.api.representations.table import Ages, column_definitions, table_row
from kubesum.api.representations.yamltext import yaml_list
from kubesum.api.requests.negotiation import Encoding, Form, Representation
from kubesum.api.requests.options import Include, ListOptions
from kubesum.rollups.rows import Row, Snapshot, served
from kubesum.rollups.store import Store
from kubesum.vocabulary.resource import ComputedResource

GZIP_ABOVE_BYTES: Final = 128 * 1024
"""kube-apiserver compresses only bodies larger than this; endpoints/handlers/responsewriters/writers.go."""
CACHE_BYTES: Final = 64 * 1024 * 1024

_GZIP_LEVEL: Final = 1
_GZIP_FORMAT: Final = 31  # zlib's number for a gzip header around the widest window
_SLICE_ROWS: Final = 200
_STABLE_AT_LEAST_S: Final = 1.0
_STABLE_AT_MOST_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for a list; `namespace` empty is all namespaces."""

    store: Store
    namespace: str
    options: ListOptions
    representation: Representation
    include: Include = Include.METADATA
    is_pretty: bool = False


@dataclass(frozen=True, slots=True)
class EncodedList:
    """A list as bytes, compressed or not."""

    content: bytes
    gzipped: bool


class Lists:
    """Encoded lists of all resources."""

    def __init__(self, now: Callable[[], float], capacity_bytes: int = CACHE_BYTES) -> None:
        """`now` gives seconds since 1970; `capacity_bytes` bounds the memory of cached lists."""
        self._now = now
        self._cache = ResponseCache(capacity_bytes, now)

    async def encoded(self, request: ListRequest, gzip: bool) -> EncodedList:
        """The list as of now; compressed if the client accepts `gzip` and the list is large."""
        snapshot = snapshot_of(request.store, request.options.continue_)
        key = _key(request, snapshot)

        async def encode() -> Body:
            ages = Ages(self._now())
            content = await encode_list(request, snapshot, ages)
            return Body(content, snapshot.version, self._expires_at(request, ages))

        body = await self._cache.body(key, snapshot.version, encode)
        if request.representation.encoding is Encoding.YAML:
            key = (*key, "yaml")
            body = await self._derived(key, body, yaml_list)
        elif request.is_pretty:
            # Not cached: a person asks once, and indented text takes twice the room.
            key = (*key, "pretty")
            body = await self._derived(key, replace(body, expires_at=0.0), pretty_list)
        if not gzip or len(body.content) <= GZIP_ABOVE_BYTES:
            return EncodedList(body.content, gzipped=False)
        compressed = await self._derived((*key, "gzip"), body, _compressed)
        return EncodedList(compressed.content, gzipped=True)

    async def _derived(self, key: Hashable, body: Body, convert: Callable[[bytes], Awaitable[bytes]]) -> Body:
        """A body converted to another encoding, valid as long as the first one."""

        async def make() -> Body:
            return Body(await convert(body.content), body.version, body.expires_at)

        return await self._cache.body(key, body.version, make)

    def _expires_at(self, request: ListRequest, ages: Ages) -> float:
        if request.representation.form is not Form.TABLE:
            return math.inf
        return self._now() + min(max(ages.stable_s, _STABLE_AT_LEAST_S), _STABLE_AT_MOST_S)


async def _compressed(content: bytes) -> bytes:
    return await asyncio.to_thread(zlib.compress, content, _GZIP_LEVEL, _GZIP_FORMAT)


def _key(request: ListRequest, snapshot: Snapshot) -> tuple[object, ...]:
    options = request.options
    # kubectl asks for pages of 500: a list that fits into one has the same body as the unlimited list.
    limit = options.limit if options.limit < len(snapshot.rows) else 0
    return (
        request.store.resource.api_version,
        request.store.resource.plural,
        request.namespace,
        request.representation.form,
        request.representation.api_version,
        request.include,
        limit,
        options.continue_,
        options.selector.text,
    )


async def encode_list(request: ListRequest, snapshot: Snapshot, ages: Ages) -> bytes:
    """A list in the requested form, as JSON."""
    resource = request.store.resource
    rows, metadata = await page(resource, snapshot, request.namespace, request.options)
    document = row_document(resource, request.representation, request.include, ages)
    chunks: list[bytes] = []
    for start in range(0, len(rows), _SLICE_ROWS):
        encoded = ENCODER.encode([document(served(row, snapshot.floor)) for row in rows[start : start + _SLICE_ROWS]])
        chunks.append(encoded[1:-1])
        await asyncio.sleep(0)
    return b"".join((_opening(resource, request.representation, metadata), b",".join(chunks), b"]}\n"))


def row_document(
    resource: ComputedResource, representation: Representation, include: Include, ages: Ages
) -> Callable[[Row], Any]:
    """A function from a row to the document that is encoded for it."""
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
    """One row in the requested form, as JSON; a Table of it has the row's version."""
    document = row_document(resource, representation, include, Ages(now))(row)
    if representation.form is not Form.TABLE:
        return ENCODER.encode(document) + b"\n"
    opening = _opening(resource, representation, ListMeta(str(row.version)))
    return opening + ENCODER.encode(document) + b"]}\n"
