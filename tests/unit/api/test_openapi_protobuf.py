"""OpenAPI 2.0 in protobuf, read with the field numbers of gnostic's OpenAPIv2.proto."""

from typing import Any

import pytest

from kubesum.api.openapi.protobuf import encoded

LONG = "x" * 300


def parts(message: bytes) -> dict[int, list[Any]]:
    """The fields of a message by number: bytes, or numbers."""
    found: dict[int, list[Any]] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while message[at] & 0x80:
            value |= (message[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
        at += 1
        return value | message[at - 1] << shift

    while at < len(message):
        tag = varint()
        value: Any = varint()
        if tag & 7 == 2:
            at, value = at + value, message[at : at + value]
        found.setdefault(tag >> 3, []).append(value)
    return found


def within(message: bytes, *numbers: int) -> Any:
    """The only value at a path of field numbers."""
    for number in numbers:
        (message,) = parts(message)[number]
    return message


@pytest.fixture(scope="module")
def document() -> bytes:
    """A document with one of everything."""
    get = {
        "tags": ["t"],
        "description": "Lists.",
        "operationId": "listBox",
        "produces": ["application/json", "application/yaml"],
        "schemes": ["https"],
        "parameters": [{"name": "limit", "in": "query", "description": "d", "type": "integer", "uniqueItems": True}],
        "responses": {"200": {"description": "OK", "schema": {"$ref": "#/definitions/Box"}}},
        "x-kubernetes-action": "list",
    }
    name = {"name": "name", "in": "path", "required": True, "description": "d", "type": "string", "uniqueItems": True}
    box = {
        "type": "object",
        "description": LONG,
        "required": ["sizes"],
        "properties": {
            "sizes": {"type": "array", "items": {"type": "integer", "format": "int32"}},
            "load": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "x-kubernetes-group-version-kind": [{"kind": "Box"}],
    }
    return encoded(
        {
            "swagger": "2.0",
            "info": {"title": "boxes", "version": "v1"},
            "paths": {"/boxes": {"get": get, "parameters": [name]}},
            "definitions": {"Box": box},
        }
    )


def test_the_info_is_encoded(document: bytes) -> None:
    assert within(document, 1) == b"2.0"
    assert parts(within(document, 2)) == {1: [b"boxes"], 2: [b"v1"]}


def test_an_operation_is_encoded(document: bytes) -> None:
    assert within(document, 8, 2, 1) == b"/boxes"
    operation = within(document, 8, 2, 2, 2)
    assert (within(operation, 3), within(operation, 5)) == (b"Lists.", b"listBox")
    assert parts(operation)[6] == [b"application/json", b"application/yaml"]
    assert parts(operation)[10] == [b"https"]
    assert parts(within(operation, 9, 1)).keys() == {1, 2}
    assert within(operation, 9, 1, 2, 1, 2, 1, 1) == b"#/definitions/Box"
    assert (within(operation, 13, 1), within(operation, 13, 2, 2)) == (b"x-kubernetes-action", b'"list"')


def test_parameters_are_encoded_by_their_place(document: bytes) -> None:
    item = within(document, 8, 2, 2)

    of_query = within(item, 2, 8, 1, 2, 3)
    of_path = within(item, 9, 1, 2, 4)
    assert parts(of_query) == {2: [b"query"], 3: [b"d"], 4: [b"limit"], 6: [b"integer"], 20: [1]}
    assert parts(of_path) == {1: [1], 2: [b"path"], 3: [b"d"], 4: [b"name"], 5: [b"string"], 19: [1]}


def test_a_schema_is_encoded(document: bytes) -> None:
    assert within(document, 9, 1, 1) == b"Box"
    schema = within(document, 9, 1, 2)
    sizes, load = parts(within(schema, 25))[1]
    assert (within(schema, 4), within(schema, 19), within(schema, 22, 1)) == (LONG.encode(), b"sizes", b"object")
    assert (within(sizes, 1), within(sizes, 2, 23, 1, 2), within(sizes, 2, 23, 1, 22, 1)) == (
        b"sizes",
        b"int32",
        b"integer",
    )
    assert within(load, 2, 21, 1, 22, 1) == b"string"
    assert within(schema, 31, 2, 2) == b'[{"kind":"Box"}]'
