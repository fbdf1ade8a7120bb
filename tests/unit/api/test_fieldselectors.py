"""Parsing of field selectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.api.requests.fieldselectors import FieldRequirement, exact_value, parse
from kubesum.vocabulary.errors import BadRequest


def terms(text: str) -> list[tuple[str, bool, str]]:
    return [(r.path, r.equal, r.value) for r in parse(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (",,", []),
        ("a=b", [("a", True, "b")]),
        ("a==b", [("a", True, "b")]),
        ("a!=b", [("a", False, "b")]),
        ("a=", [("a", True, "")]),
        ("=a", [("", True, "a")]),
        ("b=2,a=1,", [("a", True, "1"), ("b", True, "2")]),
        (r"a=x\,y\=z\\", [("a", True, "x,y=z\\")]),
        (r"a=\\,b=c", [("a", True, "\\"), ("b", True, "c")]),
        ("a = b ", [("a ", True, " b ")]),
        ("a=!b", [("a", True, "!b")]),
        ("a!==b", None),
        (r"a\=b", [("a\\", True, "b")]),
    ],
)
def test_terms_are_parsed_in_order(text: str, expected: list[tuple[str, bool, str]] | None) -> None:
    if expected is None:
        with pytest.raises(BadRequest):
            parse(text)
    else:
        assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\0", "invalid field selector: it contains a NUL"),
        ("metadata.name=a\0", "invalid field selector: it contains a NUL"),
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        ("b=c,a!b", "invalid selector: 'b=c,a!b'; can't understand 'a!b'"),
        (r"a=\x", r"invalid field selector: invalid escape sequence: \x"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        ("a===b", "invalid field selector: unescaped character in value: 61"),
    ],
)
def test_an_invalid_selector_has_the_error_of_kubernetes(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(text)

    assert refused.value.message == message


def test_an_exact_value_is_one_of_an_equality() -> None:
    assert exact_value(parse("n=a,m=b"), "n") == "a"
    assert exact_value(parse("n=b,n=a"), "n") == "a"
    assert exact_value(parse("n="), "n") == ""
    assert exact_value(parse("n!=a"), "n") is None
    assert exact_value((), "n") is None


@given(st.sampled_from(["metadata.name", "status.x"]), st.text().filter(lambda text: "\0" not in text), st.booleans())
def test_the_text_of_a_requirement_parses_to_it(path: str, value: str, equal: bool) -> None:
    requirement = FieldRequirement(path, value, equal)

    assert parse(requirement.text) == (requirement,)
