"""YAML that all parsers read alike."""

import msgspec
import pytest
import yaml

from kubesum.api.representations.yamltext import yaml_document, yaml_list
from kubesum.operations.pacer import Turns


def test_a_document_is_in_block_style() -> None:
    content = b'{"kind":"Shelf","apiVersion":"v1","metadata":{"name":"oak","labels":{}},"status":{"size":3,"x":null}}'

    assert yaml_document(content) == (
        b"apiVersion: v1\nkind: Shelf\nmetadata:\n  labels: {}\n  name: oak\nstatus:\n  size: 3\n  x: null\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        "y",
        "N",
        "yes",
        "off",
        "null",
        "~",
        "1",
        "1e3",
        "123e456",
        "+.5",
        "0x1f",
        "0o17",
        "1_000",
        "1:30",
        "",
        "2026-09-21",
    ],
)
def test_strings_that_read_as_another_type_are_quoted(text: str) -> None:
    assert yaml_document(msgspec.json.encode({"a": text})) == f"a: '{text}'\n".encode()


@pytest.mark.parametrize("text", ["web", "1500m", "3Gi", "v1.2", "1.2.3", "a b", "nginx:1.25@sha256:0a", "ü"])
def test_other_strings_are_not_quoted(text: str) -> None:
    assert yaml_document(msgspec.json.encode({"a": text})) == f"a: {text}\n".encode()


def test_long_lines_are_not_folded() -> None:
    assert yaml_document(msgspec.json.encode({"a": "word " * 100 + "end"})).count(b"\n") == 1


@pytest.mark.parametrize("name", ["items", "rows"])
@pytest.mark.parametrize("length", [0, 1, 120])
async def test_a_list_has_the_same_content_as_in_json(name: str, length: int) -> None:
    document = {
        "kind": "ShelfList",
        "metadata": {"resourceVersion": "7"},
        name: [{"name": f"shelf-{n}", "cells": ["a", n, None], "labels": {"1": "1"}} for n in range(length)],
    }

    assert yaml.safe_load(await yaml_list(msgspec.json.encode(document), Turns(1).pacer().pause)) == document
