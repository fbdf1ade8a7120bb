"""Query strings, parsed as in Go."""

import pytest

from kubesum.api.requests.query import integer, is_true, pairs, parse, parsed_integer
from kubesum.vocabulary.errors import BadRequest


def test_names_and_values_are_unescaped() -> None:
    assert parse(b"labelSelector=app%3Dweb+x&limit=5") == {"labelSelector": "app=web x", "limit": "5"}


def test_the_first_of_several_values_counts() -> None:
    assert parse(b"limit=1&limit=2") == {"limit": "1"}
    assert [*pairs(b"exclude=a&exclude=b")] == [("exclude", "a"), ("exclude", "b")]


def test_pairs_with_a_semicolon_or_a_broken_escape_are_dropped() -> None:
    assert parse(b"a=1;b=2&c=%zz&%=x&d=4&&e") == {"d": "4", "e": ""}


def test_invalid_utf_8_is_replaced() -> None:
    assert parse(b"a=%ff") == {"a": "\ufffd"}


@pytest.mark.parametrize("text", ["", "x", "1_000", " 10", "10 ", "1e3", "1.0", "0x10", "٣", "+", "--1"])
def test_only_decimal_digits_are_an_integer(text: str) -> None:
    with pytest.raises(BadRequest, match="invalid syntax"):
        integer({"limit": text}, "limit")


def test_integers_have_a_sign_and_a_range() -> None:
    assert integer({}, "limit") == 0
    assert integer({"limit": "-5"}, "limit") == -5
    assert integer({"limit": "+0007"}, "limit") == 7
    with pytest.raises(BadRequest, match="value out of range"):
        integer({"limit": "9223372036854775808"}, "limit")
    with pytest.raises(BadRequest, match="value out of range"):
        integer({"limit": "9" * 10_000}, "limit")


def test_an_unsigned_integer_has_no_sign() -> None:
    assert parsed_integer("18446744073709551615", "ParseUint", 1 << 64) == 18446744073709551615
    with pytest.raises(BadRequest) as refused:
        parsed_integer("+1", "ParseUint", 1 << 64)
    assert refused.value.message == 'strconv.ParseUint: parsing "+1": invalid syntax'


@pytest.mark.parametrize(
    ("query", "expected"),
    [({}, False), ({"watch": "0"}, False), ({"watch": "False"}, False)]
    + [({"watch": text}, True) for text in ("", "1", "true", "no", "00")],
)
def test_only_zero_and_false_are_false(query: dict[str, str], expected: bool) -> None:
    """[L1]"""
    assert is_true(query, "watch") is expected


def test_too_many_parameters_are_refused() -> None:
    assert len(parse(b"&".join(b"a%d=1" % number for number in range(1000)))) == 1000

    with pytest.raises(BadRequest, match="more than 1000 parameters"):
        parse(b"a=1&" * 1000)
