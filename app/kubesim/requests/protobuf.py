"""Decodes the protobuf messages that kubectl sends: reviews, which its typed clients never send as JSON.

A schema maps the number of each field to its name and message. Unknown fields are skipped; numbers and binary data
do not occur. Envelope: k8s.io/apimachinery/pkg/runtime/serializer/protobuf; messages: generated.proto of
k8s.io/api/authentication/v1 and k8s.io/api/authorization/v1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kubesim.apierrors import BadRequest
from kubesim.store.store import JsonObject

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"

MAGIC: Final = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON name, the schema of its message (empty for text), and whether it is repeated."""

    name: str
    message: Mapping[int, "Field"] = field(default_factory=dict)
    is_list: bool = False


_RESOURCE: Final = {
    number: Field(name)
    for number, name in enumerate(
        ("namespace", "verb", "group", "version", "resource", "subresource", "name"), start=1
    )
}
_PATH: Final = {1: Field("path"), 2: Field("verb")}
_ACCESS: Final = {
    1: Field("resourceAttributes", _RESOURCE),
    2: Field("nonResourceAttributes", _PATH),
    3: Field("user"),
    4: Field("groups", is_list=True),
}
_SPECS: Final[Mapping[str, Mapping[int, Field]]] = {
    "TokenReview": {1: Field("token")},
    "SelfSubjectReview": {},
    "SubjectAccessReview": _ACCESS,
    "SelfSubjectAccessReview": _ACCESS,
    "SelfSubjectRulesReview": {1: Field("namespace")},
}


def review(body: bytes, kind: str) -> JsonObject:
    """A review of `kind` as decoded JSON without metadata; raises BadRequest for any other body."""
    if not body.startswith(MAGIC):
        raise BadRequest(f"the body is no {kind}: it does not begin as Kubernetes protobuf does")
    spec = _SPECS[kind]
    try:
        for number, content in _fields(body[len(MAGIC) :]):
            if number == 2:
                return {"spec": {}, **_decoded(content, {2: Field("spec", spec)} if spec else {})}
    except (IndexError, UnicodeDecodeError):
        raise BadRequest(f"the body is no {kind}: its protobuf cannot be read") from None
    return {"spec": {}}


def _decoded(content: bytes, message: Mapping[int, Field]) -> JsonObject:
    decoded: JsonObject = {}
    for number, value in _fields(content):
        if (known := message.get(number)) is None:
            continue
        item = _decoded(value, known.message) if known.message else value.decode()
        if known.is_list:
            decoded.setdefault(known.name, []).append(item)
        else:
            decoded[known.name] = item
    return decoded


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(field number, content) of the length-delimited fields; other wire types are skipped."""
    position = 0
    while position < len(content):
        tag, position = _varint(content, position)
        wire_type = tag & 7
        if wire_type == _BYTES:
            size, position = _varint(content, position)
            yield tag >> 3, content[position : position + size]
            position += size
        elif wire_type == _VARINT:
            _, position = _varint(content, position)
        else:
            position += _FIXED_SIZES.get(wire_type, len(content))


def _varint(content: bytes, position: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = content[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
