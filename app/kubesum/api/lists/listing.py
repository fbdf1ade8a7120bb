"""Lists: which rows, in which representation, as bytes.

The rows of a list are encoded once for all lists and kept, see `rowtexts`; a list is a join of their texts, made in
slices between which other tasks run. It is sent as it is joined, and never held as a whole.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from isal import isal_zlib

from kubesum.api.lists.conversions import Conversions
from kubesum.api.lists.paging import ListMeta, page, snapshot_of
from kubesum.api.lists.responsecache import Body, ResponseCache
from kubesum.api.lists.rowtexts import RowTexts
from kubesum.api.lists.selections import Selections
from kubesum.api.representations.jsontext import pretty_list
from kubesum.api.representations.objects import ENCODER
from kubesum.api.representations.rowformat import RowFormat
from kubesum.api.representations.table import Ages, column_definitions
from kubesum.api.representations.yamltext import yaml_list
from kubesum.api.requests.negotiation import Encoding, Form, Representation
from kubesum.api.requests.options import Include, ListOptions
from kubesum.operations.pacer import Pacer, Turns
from kubesum.rollups.rows import Row
from kubesum.rollups.snapshots import Snapshot
from kubesum.rollups.store import Store
from kubesum.vocabulary.memorypressure import CurrentPressure
from kubesum.vocabulary.resource import ComputedResource

GZIP_ABOVE_BYTES: Final = 128 * 1024
"""kube-apiserver compresses only bodies larger than this; endpoints/handlers/responsewriters/writers.go."""
TEXTS_BYTES: Final = 24 * 1024 * 1024
"""Of encoded rows."""
PACKED_BYTES: Final = 12 * 1024 * 1024
"""Of encoded rows that are compressed."""
BODIES_BYTES: Final = 16 * 1024 * 1024
"""Of compressed lists and lists in YAML."""
SELECTIONS_BYTES: Final = 4 * 1024 * 1024

_GZIP_LEVEL: Final = 1
_GZIP_FORMAT: Final = 31  # zlib's number for a gzip header around the widest window
_SLICE_BYTES: Final = 64 * 1024
"""A client that does not read holds a slice, and several copies of it on their way through TLS."""
_END: Final = b"]}\n"


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for a list; `namespace` empty is all namespaces."""

    store: Store
    namespace: str
    options: ListOptions
    representation: Representation
    include: Include = Include.METADATA
    is_pretty: bool = False

    @property
    def format(self) -> RowFormat:
        """The format of its rows."""
        return RowFormat(self.store.resource, self.representation, self.include)


@dataclass(frozen=True, slots=True)
class EncodedList:
    """A list as bytes, compressed or not; `chunks` can be drawn once, with pauses of the pacer."""

    chunks: Iterable[bytes]
    size_bytes: int
    gzipped: bool
    pacer: Pacer


class Lists:
    """The lists of all resources."""

    def __init__(
        self,
        now: Callable[[], float],
        memory_pressure: CurrentPressure,
        texts_bytes: int = TEXTS_BYTES,
        packed_bytes: int = PACKED_BYTES,
    ) -> None:
        """`now` gives seconds since 1970; `texts_bytes` and `packed_bytes` bound the memory of encoded rows."""
        self._now = now
        self._conversions = Conversions(memory_pressure)
        self._texts = RowTexts(texts_bytes, packed_bytes)
        self._turns = Turns(most=1)
        self._selections = Selections(SELECTIONS_BYTES, self._turns)
        self._bodies = ResponseCache(BODIES_BYTES, now)

    def drop_caches(self) -> None:
        """Drops what only saves time."""
        self._texts.drop()
        self._selections.drop()
        self._bodies.drop()

    async def encoded(self, request: ListRequest, gzip: bool) -> EncodedList:
        """The list as of now; compressed if the client accepts `gzip` and the list is large."""
        snapshot, pacer = snapshot_of(request.store, request.options.continue_), self._turns.pacer()
        if request.representation.encoding is Encoding.YAML or request.is_pretty:
            content = await self._converted(request, snapshot)
            if not gzip or len(content) <= GZIP_ABOVE_BYTES:
                return EncodedList(_slices(content), len(content), gzipped=False, pacer=pacer)
            content = await _compressed(_slices(content), pacer)
            return EncodedList(_slices(content), len(content), gzipped=True, pacer=pacer)
        if gzip:
            body = await self._bodies.body(
                _key(request, snapshot), snapshot.version, self._compressed(request, snapshot)
            )
            return EncodedList(_slices(body.content), len(body.content), body.gzipped, pacer)
        joined = await self._joined(request, snapshot, Ages(self._now()), pacer)
        return EncodedList(joined.chunks(), joined.size_bytes, gzipped=False, pacer=pacer)

    async def _joined(self, request: ListRequest, snapshot: Snapshot, ages: Ages, pacer: Pacer) -> "_JoinedList":
        """The list in JSON."""
        store, options = request.store, request.options
        parts, metadata = await page(store.resource, snapshot, request.namespace, options, self._selections)
        texts = []
        for part in parts:
            await pacer.pause()
            texts.append(self._texts.texts(request.format, part, snapshot.floor, ages))
        return _JoinedList(_opening(store.resource, request.representation, metadata), texts)

    def _compressed(self, request: ListRequest, snapshot: Snapshot) -> Callable[[], Awaitable[Body]]:
        async def make() -> Body:
            ages, pacer = Ages(self._now()), self._turns.pacer()
            joined = await self._joined(request, snapshot, ages, pacer)
            if joined.size_bytes <= GZIP_ABOVE_BYTES:
                return Body(b"".join(joined.chunks()), snapshot.version, ages.valid_until)
            return Body(await _compressed(joined.chunks(), pacer), snapshot.version, ages.valid_until, gzipped=True)

        return make

    async def _converted(self, request: ListRequest, snapshot: Snapshot) -> bytes:
        """The list as YAML, or as indented JSON."""
        is_yaml = request.representation.encoding is Encoding.YAML

        async def make() -> Body:
            async with self._conversions.place(len(snapshot.rows)):
                ages, pacer = Ages(self._now()), self._turns.pacer()
                joined = await self._joined(request, snapshot, ages, pacer)
                content = await (yaml_list if is_yaml else pretty_list)(b"".join(joined.chunks()), pacer.pause)
            # Indented text is not cached: a person asks once, and it takes twice the room.
            return Body(content, snapshot.version, ages.valid_until if is_yaml else 0.0)

        key = (*_key(request, snapshot), "yaml" if is_yaml else "pretty")
        return (await self._bodies.body(key, snapshot.version, make)).content


@dataclass(frozen=True, slots=True)
class _JoinedList:
    """A list in JSON: what comes before its rows, and their texts by block."""

    opening: bytes
    texts: Sequence[tuple[bytes, ...]]

    @property
    def size_bytes(self) -> int:
        rows = sum(map(len, self.texts))
        return len(self.opening) + sum(sum(map(len, texts)) for texts in self.texts) + max(0, rows - 1) + len(_END)

    def chunks(self) -> Iterator[bytes]:
        """Its bytes in chunks of about _SLICE_BYTES, joined when they are drawn."""
        gathered, size = [self.opening], len(self.opening)
        between = b""
        for texts in self.texts:
            joined = b",".join(texts)
            gathered += between, joined
            between, size = b",", size + len(joined)
            if size > _SLICE_BYTES:
                yield b"".join(gathered)
                gathered, size = [], 0
        yield b"".join((*gathered, _END))


def _slices(content: bytes) -> Iterator[bytes]:
    return (content[start : start + _SLICE_BYTES] for start in range(0, len(content), _SLICE_BYTES))


async def _compressed(chunks: Iterable[bytes], pacer: Pacer) -> bytes:
    """The chunks in the gzip format."""
    # Five times as fast as zlib at the same level, and no larger.
    stream = isal_zlib.compressobj(_GZIP_LEVEL, isal_zlib.DEFLATED, _GZIP_FORMAT)
    compressed = []
    for chunk in chunks:
        await pacer.pause()
        compressed.append(stream.compress(chunk))
    return b"".join((*compressed, stream.flush()))


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
    text, _ = RowFormat(resource, representation, include).encoded(row, Ages(now))
    if representation.form is not Form.TABLE:
        return text + b"\n"
    return _opening(resource, representation, ListMeta(str(row.version))) + text + _END
