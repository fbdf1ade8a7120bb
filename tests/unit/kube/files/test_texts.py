"""Which documents a text has, whatever kubectl or a person wrote between them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.kube.files.documents import Broken, Document
from kubesum.kube.files.texts import documents
from kubesum.kube.fitting import Written


def read(text: str | bytes) -> list[Any]:
    """The values of the documents; (line, reason) of what is broken."""
    content = text if isinstance(text, bytes) else text.encode()
    return [
        json.loads(bytes(part.value)) if isinstance(part, Document) else (part.line, part.reason)
        for part in documents(content)
    ]


def lines(text: str) -> list[int]:
    """The lines of the documents and of what is broken."""
    return [part.line for part in documents(text.encode())]


A, B, C = {"a": 1}, {"b": 2}, {"c": 3}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a":1}{"b":2}', [A, B]),
        ('{"a":1}\n{"b":2}\n', [A, B]),
        ('\n\n{"a":1}\n\n\n{"b":2}\n\n', [A, B]),
        ('{\n    "a": 1\n}\n{\n    "b": 2\n}\n', [A, B]),
        ('{"a":1}\n---\n{"b":2}\n---\n{"c":3}\n', [A, B, C]),
        ('{"a":1}\n---\nb: 2\n', [A, B]),
        ('{"a":1}\n{"b":2}\n---\nc: 3\n', [A, B, C]),
        ('a: 1\n---\n{"b":2}\n', [A, B]),
        ('# c\n{"a":1}\n{"b":2}\n', [A, B]),
        ('[{"a":1},{"b":2}]', [[A, B]]),
        ('[{"a":1}]\n{"b":2}', [[A], B]),
        ("{a: 1}\n", [A]),
        ('{"a":1,}\n', [A]),
        ('{"a":1} # why\n', [A]),
        ('{"a":1}\n# why\n{"b":2}\n# and why\n', [A, B]),
        ('{"a":"x\ty"}', [{"a": "x\ty"}]),
        ('{"a":1,"a":2}', [{"a": 2}]),
        (rb'{"a":"\ud800"}', [{"a": "\ufffd"}]),
        ("a: 1\n---\nb: 2\n", [A, B]),
        ("---\na: 1\n---\n---\nb: 2\n---\n", [A, B]),
        ("a: 1\n--- # why\nb: 2\n", [A, B]),
        ("--- {a: 1}\n--- {b: 2}\n", [A, B]),
        ("a: 1\r\n---\r\nb: 2\r\n", [A, B]),
        ("a: 1\n---   \nb: 2\n", [A, B]),
        ("a: 1\n---\t\nb: 2", [A, B]),
        ("a: 1\n...\nb: 2\n", [A, B]),
        ("a: |\n  x\n  ---\n---\nb: 2\n", [{"a": "x\n---\n"}, B]),
        ("---a: 1\n", [{"---a": 1}]),
        ("%YAML 1.1\n---\na: 1\n", [A]),
        ("%YAML 1.1\n---\n---\na: 1\n", [A]),
        ("%TAG !e! tag:example.org,2026:\n---\na: !e!x 1\n", [{"a": "1"}]),
        ("# one\n---\n# two\na: 1\n---\n# three\n", [A]),
        ("", []),
        ("\n\n", []),
        ("# nothing\n", []),
        ("---\n---\n", []),
        ("~\n", [None]),
        ("just words\n", ["just words"]),
        (b"\xef\xbb\xbf{}", [{}]),
        ("\ufeffa: 1\n".encode("utf-16"), [A]),
        # Files with a mark, one after the other; kubectl reads the first of these.
        ("\ufeffa: 1\n---\n\ufeffa: 1\n", [A, A]),
        ("\ufeffa: 1\n\ufeff---\na: 1\n", [A, A]),
        ('\ufeff{"a": 1}\n\ufeff{"a": 1}', [A, A]),
        (2 * '\ufeff{"a": 1}\n'.encode("utf-16-le"), [A, A]),
    ],
)
def test_documents_of_a_text(text: str | bytes, found: list[Any]) -> None:
    assert read(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # In the middle, in either notation.
        ("a: 1\n---\nb: [\n---\nc: 3\n", [A, (4, "did not find expected node content"), C]),
        ('{"a":1}\n{b\n{"c":3}\n', [A, (2, "JSON is malformed: expected '\"'"), C]),
        ('{"a":1}\n---\n{"b":\n---\n{"c":3}\n', [A, (3, "Input data was truncated"), C]),
        ("a: =\n---\nb: *x\n---\nc: 3\n", [{"a": "="}, (3, "unknown anchor 'x'"), C]),
        # At the end, as a full disk leaves it.
        ('{"a":1}\n{"b":', [A, (2, "Input data was truncated")]),
        ('{"kind":"List","items":[{"a":1},', [(1, "Input data was truncated")]),
        ('{\n  "kind": "List",\n  "items": [\n    {', [(1, "Input data was truncated")]),
        # What is no JSON around it.
        ('{"a":1},\n{"b":2}\n', [A, (1, "text that is no JSON"), B]),
        ('{"a":1}\nhello\n', [A, (2, "text that is no JSON")]),
        ('Warning: v1 ComponentStatus is deprecated\n{"a":1}\n', [(1, "text that is no JSON"), A]),
        ('W0612 12:00:00 throttled\n{"a":1}\n', [(1, "text that is no JSON"), A]),
        # A quote that is not closed costs its own line.
        ('{"a":1}\n{"x":"\n{"c":3}\n', [A, (2, "JSON is malformed: invalid character"), C]),
        ('{"a":1}}\n{"b":2}\n', [A, (1, "text that is no JSON"), B]),
        # Nothing at all.
        ("a: [1\nb: 2\n", [(2, "did not find expected ',' or ']'")]),
        ("a:\n\t- b", [(2, "found character that cannot start any token")]),
        ("{{ template }}: [\n", [(1, "JSON is malformed: expected '\"'")]),
        (b"\xff\xfea\xd8", [(1, "'utf-16-le' codec can't decode bytes in position 2-3: unexpected end of data")]),
    ],
)
def test_what_is_broken_costs_itself_alone_and_is_named_with_its_line(text: str | bytes, found: list[Any]) -> None:
    assert read(text) == found


def test_documents_know_their_lines() -> None:
    assert lines('\n\n{"a":1}\n{\n "b": 2\n}\n---\n# c\nd: 1\n---\n\n\ne: 1\n') == [3, 4, 9, 13]


DUMP = """{
    "kind": "NodeList",
    "items": []
}
{
    "kind": "PodList",
    "items": []
}
==== START logs for container a of pod team/p ====
{"kind":"Pod","apiVersion":"v1","metadata":{"name":"logged"}}
==== START nothing
the last line has no end==== END logs for container a of pod team/p ====
==== START logs for container b of pod team/p ====
==== END logs for container b of pod team/p ====
{
    "kind": "EventList",
    "items": []
}
"""


def test_a_dump_of_kubectl_cluster_info_has_logs_between_its_lists() -> None:
    assert [found["kind"] for found in read(DUMP)] == ["NodeList", "PodList", "EventList"]
    assert lines(DUMP) == [1, 5, 15]


def test_the_same_dump_in_yaml() -> None:
    of = "logs for container a of pod team/p ===="
    log = f"==== START {of}\nkind: Pod\n---\n: [==== END {of}\n"

    assert read(f"kind: NodeList\n---\nkind: PodList\n{log}---\nkind: EventList\n") == [
        {"kind": "NodeList"},
        {"kind": "PodList"},
        {"kind": "EventList"},
    ]


def test_a_dump_that_ends_in_a_log_is_not_whole() -> None:
    text = '{"a":1}\n==== START logs for container a of pod t/p ====\n{"b":2}\n'

    assert read(text) == [A, (2, "a log without an end")]


def test_numbers_of_yaml_can_be_had_as_they_are_written() -> None:
    first, second = documents(b"a: 0o17\n...\nb: 08\n")

    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert first.written is not None
    assert second.written is not None
    assert (first.written(), second.written()) == ({"a": Written("0o17", 15)}, {"b": Written("08", 8)})
    (in_json,) = documents(b'{"a":1}')
    assert isinstance(in_json, Document)
    assert in_json.written is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=3)
SEPARATORS = st.sampled_from(["", "\n", "\n\n", "\n---\n", "\r\n", "\n--- # next\n", " \t"])


@given(st.lists(st.tuples(OBJECTS, SEPARATORS, st.sampled_from([None, 1, 4])), max_size=5))
def test_objects_of_json_are_found_however_they_are_separated(made: list[Any]) -> None:
    text = "".join(json.dumps(value, indent=indent) + separator for value, separator, indent in made)

    assert read(text) == [value for value, _, _ in made]


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.data())
def test_a_broken_line_among_json_lines_costs_itself_alone(values: list[Any], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(values)))
    broken = data.draw(
        st.sampled_from(['{"a":', '{"a":"', '{"a":1', "{]}", "{'a", '{"a":1}}}', "{:}", '{"a": [{"b":'])
    )
    written = [json.dumps(value) for value in values]
    text = "\n".join([*written[:at], broken, *written[at:]])

    found = read(text)

    assert [one for one in found if isinstance(one, dict) and one != {"a": 1}] == [one for one in values if one != A]
    assert [line for line, _ in (one for one in found if isinstance(one, tuple))] == [at + 1]


@given(st.binary(max_size=200) | st.text(alphabet="{}[]\",:-# \n\tab1'&*!%|>", max_size=60).map(str.encode))
def test_nothing_is_raised_whatever_the_content(content: bytes) -> None:
    for part in documents(content):
        assert isinstance(part, Document | Broken)
        assert part.line >= 1
