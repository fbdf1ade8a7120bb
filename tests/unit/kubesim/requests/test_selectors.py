"""What selectors select, and kube-apiserver's errors for invalid ones."""

import pytest

from kubesim.apierrors import BadRequest
from kubesim.requests.selectors import exact_name, field_predicate, label_predicate

LABELS = {"app": "web", "tier": "front", "size": "3", "empty": ""}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        "app",
        "app=web",
        "app==web",
        " app = web , tier != back",
        "!missing",
        "missing!=web",
        "missing notin (a, b)",
        "app in (db,web)",
        "app notin (db)",
        "empty=",
        "empty in ()",
        "size>2",
        "size<4,size > 1",
    ],
)
def test_labels_are_selected(selector: str) -> None:
    assert label_predicate(selector)(LABELS)


@pytest.mark.parametrize(
    "selector",
    ["missing", "app!=web", "app=", "!app", "app in (db)", "missing in (a)", "app notin (web)", "size>3", "app>1"],
)
def test_labels_are_not_selected(selector: str) -> None:
    assert not label_predicate(selector)(LABELS)


@pytest.mark.parametrize(
    ("selector", "problem"),
    [
        ("app in", "found '' expected: '('"),
        ("app in (a", "found '', expected: ',' or ')'"),
        ("app web", "found 'web', expected: in, notin, =, ==, !=, gt, lt"),
        ("app=web tier", "found 'tier', expected: ',' or 'end of string'"),
        ("app,", "found '', expected: identifier after ','"),
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
    ],
)
def test_a_syntax_error_names_the_token(selector: str, problem: str) -> None:
    with pytest.raises(BadRequest) as raised:
        label_predicate(selector)

    assert raised.value.message == f"unable to parse requirement: {problem}"


@pytest.mark.parametrize("selector", ["-a=b", "a/b/c=d", "app=-", "app=" + "x" * 64, "UPPER.case/a"])
def test_invalid_labels_are_rejected(selector: str) -> None:
    with pytest.raises(BadRequest, match="<nil>: Invalid value"):
        label_predicate(selector)


@pytest.mark.parametrize(
    ("selector", "is_selected"),
    [
        ("", True),
        ("spec.nodeName=n1", True),
        ("spec.nodeName==n1,status.phase!=Failed", True),
        ("spec.nodeName!=n1", False),
        ("status.phase=", True),
        (r"spec.nodeName=n\,1", False),
    ],
)
def test_fields_are_selected(selector: str, is_selected: bool) -> None:
    known = {"spec.nodeName", "status.phase"}

    assert field_predicate(selector, known)({"spec.nodeName": "n1"}) is is_selected


@pytest.mark.parametrize(
    ("selector", "problem"),
    [
        ("spec.color=red", "field label not supported: spec.color"),
        ("name", "invalid selector: 'name'; can't understand 'name'"),
        (r"name=a\b", r"invalid field selector: invalid escape sequence: \b"),
        ("name=a=b", "invalid field selector: unescaped character in value: ="),
    ],
)
def test_an_invalid_field_selector_is_rejected(selector: str, problem: str) -> None:
    with pytest.raises(BadRequest) as raised:
        field_predicate(selector, {"name"})

    assert raised.value.message == problem


def test_a_field_selector_can_require_one_name() -> None:
    assert exact_name("metadata.name=a,status.phase!=x") == "a"
    assert exact_name("metadata.name!=a") == ""
    assert exact_name("nonsense") == ""
