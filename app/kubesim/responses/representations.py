"""Representations of objects: whole, as PartialObjectMetadata, or as Tables; and their negotiation by Accept.

A Rendering is one of the three for one resource. It encodes the parts of a response (the head of a list, an item, the
object of an event), so that lists are streamed from the stored JSON.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from kubesim.apierrors import BadRequest, NotAcceptable
from kubesim.responses.tables import Column, cells, columns, definition
from kubesim.store.apiresources import ApiResource
from kubesim.store.store import JsonObject, StoredObject

LIST_END: Final = b"]}\n"

_META_GROUP: Final = "meta.k8s.io"
_META_VERSIONS: Final = ("v1", "v1beta1")
_JSON_TYPES: Final = ("application/json", "application/*", "*/*")
_REFUSAL: Final = "only the following media types are accepted: application/json"
_OBJECT_POLICIES: Final = ("", "Metadata", "Object", "None")


class Rendering(Protocol):
    """One representation of the objects of one resource, as JSON."""

    def document(self, stored: StoredObject) -> bytes:
        """The response body of one object."""

    def list_head(self, metadata: JsonObject) -> bytes:
        """The list up to its first item; items are separated by commas and followed by LIST_END."""

    def item(self, stored: StoredObject) -> bytes:
        """One item of a list."""

    def watched(self, stored: StoredObject, is_first: bool) -> bytes:
        """The object of a watch event; `is_first` for the first event of the watch."""

    def bookmark(self, metadata: JsonObject) -> bytes:
        """The object of a bookmark, which has only metadata."""


@dataclass(frozen=True, slots=True)
class Transformation:
    """The parameters `as`, `g` and `v` of a media type in Accept; all are empty for plain JSON."""

    form: str = ""
    group: str = ""
    version: str = ""


def _of_meta(form: str) -> frozenset[Transformation]:
    return frozenset(Transformation(form, _META_GROUP, version) for version in _META_VERSIONS)


LIST_FORMS: Final = _of_meta("Table") | _of_meta("PartialObjectMetadataList")
OBJECT_FORMS: Final = _of_meta("Table") | _of_meta("PartialObjectMetadata")


def negotiated(accept: str, offered: Set[Transformation]) -> Transformation:
    """The first transformation in Accept that is offered; raises NotAcceptable without one.

    Unknown parameters are ignored (k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go).
    """
    for media_type, parameters in _clauses(accept or "*/*"):
        if media_type not in _JSON_TYPES:
            continue
        form = parameters.get("as", "")
        if not form:
            return Transformation()
        requested = Transformation(form, parameters.get("g", ""), parameters.get("v", ""))
        if requested in offered:
            return requested
    raise NotAcceptable(_REFUSAL)


def requested_rendering(
    headers: Mapping[str, str], resource: ApiResource, offered: Set[Transformation], query: Mapping[str, str]
) -> Rendering:
    """The rendering that the Accept header of a request selects; raises NotAcceptable or BadRequest."""
    return rendering(resource, negotiated(headers.get("accept", ""), offered), query.get("includeObject", ""))


def rendering(resource: ApiResource, transformation: Transformation, include_object: str = "") -> Rendering:
    """The rendering of a negotiated transformation; raises BadRequest for an unknown includeObject."""
    if transformation.form == "Table":
        if include_object not in _OBJECT_POLICIES:
            raise BadRequest(
                f'Unable to convert to Table as requested: includeObject: Invalid value: "{include_object}": '
                "must be 'Metadata', 'Object', 'None', or empty"
            )
        return TableRendering(resource, transformation.version, columns(resource), include_object or "Metadata")
    if transformation.form:
        return MetadataRendering(transformation.version)
    return ObjectRendering(_type_head(resource.kind, resource.api_version), resource)


@dataclass(frozen=True, slots=True)
class ObjectRendering:
    """Whole objects; items of a list have no kind and apiVersion, as in typed lists of kube-apiserver."""

    type_head: bytes
    resource: ApiResource

    def document(self, stored: StoredObject) -> bytes:
        """The object with its kind and apiVersion."""
        return self.watched(stored, False) + b"\n"

    def list_head(self, metadata: JsonObject) -> bytes:
        """The head of a typed list, such as PodList."""
        return _list_head(f"{self.resource.kind}List", self.resource.api_version, metadata)

    def item(self, stored: StoredObject) -> bytes:
        """The stored JSON of the object."""
        return stored.body

    def watched(self, stored: StoredObject, is_first: bool) -> bytes:
        """The object with its kind and apiVersion."""
        return self.type_head + stored.body[1:]

    def bookmark(self, metadata: JsonObject) -> bytes:
        """An object of the kind with only metadata."""
        return self.type_head + b'"metadata":' + msgspec.json.encode(metadata) + b"}"


class _MetadataOnly(msgspec.Struct):
    metadata: msgspec.Raw


@dataclass(frozen=True, slots=True)
class MetadataRendering:
    """PartialObjectMetadata of one version of meta.k8s.io."""

    version: str

    def document(self, stored: StoredObject) -> bytes:
        """The metadata of the object."""
        return self.item(stored) + b"\n"

    def list_head(self, metadata: JsonObject) -> bytes:
        """The head of a PartialObjectMetadataList."""
        return _list_head("PartialObjectMetadataList", f"{_META_GROUP}/{self.version}", metadata)

    def item(self, stored: StoredObject) -> bytes:
        """The metadata of the object."""
        metadata = msgspec.json.decode(stored.body, type=_MetadataOnly).metadata
        return self._head() + b'"metadata":' + bytes(metadata) + b"}"

    def watched(self, stored: StoredObject, is_first: bool) -> bytes:
        """The metadata of the object."""
        return self.item(stored)

    def bookmark(self, metadata: JsonObject) -> bytes:
        """A PartialObjectMetadata with only the given metadata."""
        return self._head() + b'"metadata":' + msgspec.json.encode(metadata) + b"}"

    def _head(self) -> bytes:
        return _type_head("PartialObjectMetadata", f"{_META_GROUP}/{self.version}")


@dataclass(frozen=True, slots=True)
class TableRendering:
    """Tables of one version of meta.k8s.io; `include_object` is None, Metadata or Object."""

    resource: ApiResource
    version: str
    columns: tuple[Column, ...]
    include_object: str

    def document(self, stored: StoredObject) -> bytes:
        """A Table of one row, with the version of the object if it has one."""
        version = {"resourceVersion": str(stored.version)} if stored.version else {}
        return self.list_head(version) + self.item(stored) + LIST_END

    def list_head(self, metadata: JsonObject) -> bytes:
        """The head of a Table up to its rows."""
        return self._head(metadata, has_columns=True)

    def item(self, stored: StoredObject) -> bytes:
        """One row."""
        row = msgspec.json.encode(cells(self.columns, stored.decoded()))
        return b'{"cells":' + row + b',"object":' + self._object(stored) + b"}"

    def watched(self, stored: StoredObject, is_first: bool) -> bytes:
        """A Table of one row; only the first of a watch has column definitions."""
        return self._head({"resourceVersion": str(stored.version)}, is_first) + self.item(stored) + b"]}"

    def bookmark(self, metadata: JsonObject) -> bytes:
        """A Table of one row without cells."""
        row = b'{"cells":[],"object":' + MetadataRendering(self.version).bookmark(metadata) + b"}"
        return self._head({"resourceVersion": metadata["resourceVersion"]}, has_columns=False) + row + b"]}"

    def _object(self, stored: StoredObject) -> bytes:
        if self.include_object == "None":
            return b"null"
        if self.include_object == "Object":
            return _type_head(self.resource.kind, self.resource.api_version) + stored.body[1:]
        return MetadataRendering(self.version).item(stored)

    def _head(self, metadata: JsonObject, has_columns: bool) -> bytes:
        definitions = [definition(column) for column in self.columns] if has_columns else None
        head = _type_head("Table", f"{_META_GROUP}/{self.version}")
        return b"".join(
            (
                head,
                b'"metadata":',
                msgspec.json.encode(metadata),
                b',"columnDefinitions":',
                msgspec.json.encode(definitions),
                b',"rows":[',
            )
        )


def _type_head(kind: str, api_version: str) -> bytes:
    return b'{"kind":' + msgspec.json.encode(kind) + b',"apiVersion":' + msgspec.json.encode(api_version) + b","


def _list_head(kind: str, api_version: str, metadata: JsonObject) -> bytes:
    return _type_head(kind, api_version) + b'"metadata":' + msgspec.json.encode(metadata) + b',"items":['


def _clauses(accept: str) -> list[tuple[str, dict[str, str]]]:
    """(media type, parameters) of each clause in descending order of q; equal ones keep their order."""
    clauses = []
    for clause in accept.split(","):
        media_type, *pairs = (part.strip() for part in clause.split(";"))
        parameters = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        clauses.append((media_type.lower(), parameters))
    return sorted(clauses, key=lambda clause: -_quality(clause[1].get("q", "1")))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
