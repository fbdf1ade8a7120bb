"""OpenAPI 2.0 in protobuf, the only encoding that kubectl accepts from a server without kube-apiserver in front.

Field numbers: github.com/google/gnostic-models, openapiv2/OpenAPIv2.proto. Only the members that the documents of
kubesum have are encoded. Extensions (`x-...`) are YAML there, and JSON is YAML.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

_VARINT: Final = 0
_BYTES: Final = 2


def encoded(document: Mapping[str, Any]) -> bytes:
    """An OpenAPI 2.0 document as openapi.v2.Document."""
    info = _text(1, document["info"]["title"]) + _text(2, document["info"]["version"])
    return b"".join(
        (
            _text(1, document["swagger"]),
            _message(2, info),
            _message(8, _named(2, document["paths"], _path_item)),
            _message(9, _named(1, document["definitions"], _schema)),
        )
    )


def _path_item(item: Mapping[str, Any]) -> bytes:
    return _message(2, _operation(item["get"])) + _parameters(9, item)


def _operation(operation: Mapping[str, Any]) -> bytes:
    return b"".join(
        (
            _texts(1, operation["tags"]),
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            _texts(6, operation["produces"]),
            _parameters(8, operation),
            _message(9, _named(1, operation["responses"], _response)),
            _texts(10, operation["schemes"]),
            _extensions(13, operation),
        )
    )


def _parameters(number: int, holder: Mapping[str, Any]) -> bytes:
    """The parameters of a path item or operation, each in a ParametersItem, Parameter and NonBodyParameter."""
    return b"".join(_message(number, _message(1, _message(2, _parameter(one)))) for one in holder["parameters"])


def _parameter(parameter: Mapping[str, Any]) -> bytes:
    is_path = parameter["in"] == "path"
    kind, unique = (5, 19) if is_path else (6, 20)
    content = (
        _truth(1, parameter.get("required", False)),
        _text(2, parameter["in"]),
        _text(3, parameter["description"]),
        _text(4, parameter["name"]),
        _text(kind, parameter["type"]),
        _truth(unique, parameter["uniqueItems"]),
    )
    return _message(4 if is_path else 3, b"".join(content))


def _response(response: Mapping[str, Any]) -> bytes:
    """A Response in its ResponseValue."""
    schema = _message(2, _message(1, _schema(response["schema"]))) if "schema" in response else b""
    return _message(1, _text(1, response["description"]) + schema)


def _schema(schema: Mapping[str, Any]) -> bytes:
    parts = [
        _text(1, schema.get("$ref", "")),
        _text(2, schema.get("format", "")),
        _text(4, schema.get("description", "")),
        _texts(19, schema.get("required", ())),
    ]
    if "additionalProperties" in schema:
        parts.append(_message(21, _message(1, _schema(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_message(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_message(23, _message(1, _schema(schema["items"]))))
    if "properties" in schema:
        parts.append(_message(25, _named(1, schema["properties"], _schema)))
    return b"".join((*parts, _extensions(31, schema)))


def _extensions(number: int, holder: Mapping[str, Any]) -> bytes:
    return _named(number, {name: value for name, value in holder.items() if name.startswith("x-")}, _any)


def _any(value: object) -> bytes:
    return _message(2, msgspec.json.encode(value))


def _named(number: int, values: Mapping[str, Any], message: Callable[[Any], bytes]) -> bytes:
    """A map, which protobuf encodes as messages of a name and a value."""
    return b"".join(_message(number, _text(1, name) + _message(2, message(value))) for name, value in values.items())


def _texts(number: int, texts: Iterable[str]) -> bytes:
    return b"".join(_message(number, text.encode()) for text in texts)


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode()) if text else b""


def _truth(number: int, value: bool) -> bytes:
    return _varint(number << 3 | _VARINT) + b"\1" if value else b""


def _message(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """A number in groups of 7 bits, lowest first; protobuf.dev/programming-guides/encoding."""
    content = bytearray()
    while value > 0x7F:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    content.append(value)
    return bytes(content)
