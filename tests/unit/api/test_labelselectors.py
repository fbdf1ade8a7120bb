"""Parsing and meaning of label selectors, and the errors of invalid ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.api.requests.labelselectors import LabelRequirement, Operator, parse
from kubesum.vocabulary.errors import BadRequest

LABELS = {"app": "web", "tier": "", "rank": "7", "example.com/in": "notin", "version": "v1.2"}

NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', "
    "regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
SUBDOMAIN = (
    "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and "
    "must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def selected(text: str, labels: dict[str, str]) -> bool:
    return all(requirement.admits(labels) for requirement in parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\r\n",
        "app",
        "app=web",
        "app==web",
        " app = web ",
        "app in (web)",
        "app in(db,web)",
        "app notin (db, cache)",
        "app!=db",
        "app=web,rank=7",
        "tier=",
        "tier==",
        "tier= ,app",
        "tier in ()",
        "tier in (,)",
        "tier in (a,)",
        "tier in (,a)",
        "tier in (a,,b)",
        "absent!=x",
        "absent notin (x)",
        "absent notin ()",
        "!absent",
        "! absent",
        "rank>6",
        "rank<8",
        "rank > 6, rank < 8",
        "rank>006",
        "example.com/in=notin",
        "example.com/in in (in, notin)",
        "version in (v1.2)",
    ],
)
def test_labels_that_meet_every_requirement_are_selected(text: str) -> None:
    assert selected(text, LABELS)


@pytest.mark.parametrize(
    "text",
    [
        "absent",
        "absent=",
        "absent in ()",
        "absent>1",
        "!app",
        "app=db",
        "app=WEB",
        "app!=web",
        "app notin (web,db)",
        "app in ()",
        "app=web,rank=8",
        "rank>7",
        "rank<7",
        "rank>9223372036854775807",
        "version>1",
        "tier<5",
        "tier!=",
        "tier notin (a,)",
    ],
)
def test_labels_that_miss_one_requirement_are_not_selected(text: str) -> None:
    assert not selected(text, LABELS)


def test_a_key_may_have_the_name_of_an_operator() -> None:
    assert selected("in=notin,notin in (in)", {"in": "notin", "notin": "in"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\0", "unable to parse requirement: the selector contains a NUL"),
        ("app=web\0,rank=8", "unable to parse requirement: the selector contains a NUL"),
        ("app in (a,\0)", "unable to parse requirement: the selector contains a NUL"),
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a,(", "found '(', expected: identifier after ','"),
        ("x==a==b", "found '==', expected: ',' or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!x=a", "found '=', expected: ',' or 'end of string'"),
        ("!x in (a)", "found 'in', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!a", "unable to parse requirement: found '!', expected: identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a!", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"),
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        ("a>=1", "unable to parse requirement: found '=', expected: identifier"),
        ("a in", "unable to parse requirement: found '' expected: '('"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b,", "unable to parse requirement: found '', expected: ',', or identifier"),
        ("a in (b,=", "unable to parse requirement: found '=', expected: ',', or identifier"),
        ("-a", f'unable to parse requirement: <nil>: Invalid value: "-a": {NAME}'),
        ('"', f'unable to parse requirement: <nil>: Invalid value: "\\"": {NAME}'),
        ("ü\x01", f'unable to parse requirement: <nil>: Invalid value: "ü\\x01": {NAME}'),
        ("/a", 'unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty'),
        ("b/", f'unable to parse requirement: <nil>: Invalid value: "b/": name part must be non-empty; {NAME}'),
        ("B/a", f'unable to parse requirement: <nil>: Invalid value: "B/a": {SUBDOMAIN}'),
        (
            "a/b/c",
            f'unable to parse requirement: <nil>: Invalid value: "a/b/c": a valid label key {NAME[10:]}'
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        ),
        (
            "a" * 64,
            f'unable to parse requirement: <nil>: Invalid value: "{"a" * 64}": '
            "name part must be no more than 63 bytes",
        ),
        (
            f"{'a' * 254}/b",
            f'unable to parse requirement: <nil>: Invalid value: "{"a" * 254}/b": '
            "prefix part must be no more than 253 bytes",
        ),
        ("a=b-", f'unable to parse requirement: values[0][a]: Invalid value: "b-": {VALUE}'),
        (
            f"a={'b' * 64}",
            f'unable to parse requirement: values[0][a]: Invalid value: "{"b" * 64}": must be no more than 63 bytes',
        ),
        (
            "a in (c-,b,d-)",
            f'unable to parse requirement: [values[1][a]: Invalid value: "c-": {VALUE}, '
            f'values[2][a]: Invalid value: "d-": {VALUE}]',
        ),
        (
            "a>b",
            "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, "
            "the value must be an integer",
        ),
        (
            "a<9223372036854775808",
            'unable to parse requirement: values[0]: Invalid value: "9223372036854775808": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_an_invalid_selector_has_the_error_of_kubernetes(text: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        parse(text)

    assert refused.value.message == message


def test_requirements_of_the_same_meaning_are_equal() -> None:
    assert parse("a=b") == parse("a == b") == parse("a in (b,b)")
    assert parse("a!=b") == parse("a notin (b)")
    assert [r.text for r in parse("a in (c,b), b ,! c,d > 1")] == ["a in (b,c)", "b", "!c", "d>1"]


keys = st.sampled_from(["a", "b", "in", "example.com/c"])
values = st.sampled_from(["", "1", "2", "x", "notin"])
requirements = st.one_of(
    st.builds(LabelRequirement, keys, st.sampled_from([Operator.EXISTS, Operator.ABSENT])),
    st.builds(
        LabelRequirement,
        keys,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.frozensets(values, min_size=1),
    ),
    st.builds(
        LabelRequirement,
        keys,
        st.sampled_from([Operator.GREATER, Operator.LESS]),
        st.sampled_from([frozenset({"1"}), frozenset({"2"})]),
    ),
)


@given(st.lists(requirements))
def test_the_text_of_requirements_parses_to_them(given_requirements: list[LabelRequirement]) -> None:
    text = ",".join(requirement.text for requirement in given_requirements)

    assert parse(text) == tuple(given_requirements)


@given(requirements.filter(lambda r: r.operator.value not in "<>"), st.dictionaries(keys, values))
def test_either_a_requirement_or_its_opposite_is_met(requirement: LabelRequirement, labels: dict[str, str]) -> None:
    opposites = {Operator.IN: Operator.NOT_IN, Operator.EXISTS: Operator.ABSENT}
    opposites |= {after: before for before, after in opposites.items()}
    opposite = LabelRequirement(requirement.key, opposites[requirement.operator], requirement.values)

    assert requirement.admits(labels) is not opposite.admits(labels)
