"""What may be asked of get and list."""

import base64

import pytest

from app.api.options import (
    Continue,
    Include,
    ListOptions,
    included,
    is_pretty,
    list_options,
    object_version,
    timeout_s,
)
from app.vocabulary.errors import BadRequest, Invalid


def test_without_parameters_everything_is_listed_as_it_is() -> None:
    assert list_options({}) == ListOptions(limit=0, continue_=None, version=0, exact=False)


def test_options_are_read() -> None:
    query = {"limit": "500", "resourceVersion": "7", "resourceVersionMatch": "Exact", "timeoutSeconds": "9"}

    assert list_options(query) == ListOptions(limit=500, version=7, exact=True)


def test_a_negative_limit_is_none() -> None:
    assert list_options({"limit": "-1"}).limit == 0


def test_a_continue_token_names_a_version_and_a_key() -> None:
    """[L9]"""
    place = Continue(1790000000000001007, ("team-a", "deployment.web"))

    token = place.token()

    assert base64.urlsafe_b64decode(token + "==") == (
        b'{"v":"meta.k8s.io/v1","rv":1790000000000001007,"start":"team-a/deployment.web\\u0000"}'
    )
    assert Continue.parse(token) == place
    assert Continue.parse(Continue(1, ("", "node-1")).token()) == Continue(1, ("", "node-1"))


@pytest.mark.parametrize(
    "token",
    ["x", "!!!!", "e30", "bnVsbA", "W10", "ü", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "eyJydiI6IngifQ", "e30=", "a" * 99],
)
def test_a_token_that_was_not_issued_is_refused(token: str) -> None:
    with pytest.raises(BadRequest, match="invalid continue token: continue key is not valid"):
        Continue.parse(token)


def test_a_token_brings_its_own_version() -> None:
    token = Continue(5, ("", "a")).token()

    assert list_options({"continue": token, "resourceVersion": "0"}).continue_ == Continue(5, ("", "a"))
    with pytest.raises(BadRequest, match="specifying resource version is not allowed when using continue"):
        list_options({"continue": token, "resourceVersion": "5"})


@pytest.mark.parametrize("text", ["abc", "-1", "+1", "1.5", "18446744073709551616", "\uff11"])
def test_a_resource_version_is_an_unsigned_integer(text: str) -> None:
    """[L8]"""
    with pytest.raises(BadRequest) as refused:
        object_version({"resourceVersion": text})

    assert refused.value.message.startswith(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing')


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ({"watch": "true"}, "watch"),
        ({"watch": ""}, "watch"),
        ({"labelSelector": "a=b"}, "labelSelector"),
        ({"fieldSelector": "metadata.name=x"}, "fieldSelector"),
    ],
)
def test_what_is_not_served_yet_is_refused(query: dict[str, str], refused: str) -> None:
    for read in (list_options, object_version):
        with pytest.raises(BadRequest) as error:
            read(query)
        assert error.value.message == f"{refused} is not supported by this server yet"


def test_export_is_gone() -> None:
    with pytest.raises(BadRequest, match="the export parameter"):
        list_options({"export": "true"})


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (
            {"resourceVersionMatch": "Exact"},
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
        ),
        (
            {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
            'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        (
            {"resourceVersionMatch": "NotOlderThan", "resourceVersion": "0", "continue": "x"},
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
        ),
        (
            {"resourceVersionMatch": "x", "resourceVersion": "1"},
            'resourceVersionMatch: Unsupported value: "x": supported values: "Exact", "NotOlderThan", ""',
        ),
        (
            {"sendInitialEvents": "false"},
            "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
        ),
        (
            {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"},
            "[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided,"
            " sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list]",
        ),
    ],
)
def test_options_that_exclude_each_other_are_invalid(query: dict[str, str], told: str) -> None:
    """[L7]"""
    with pytest.raises(Invalid) as refused:
        list_options(query)

    assert refused.value.message == f'ListOptions.meta.k8s.io "" is invalid: {told}'


def test_a_timeout_is_bounded_by_ours() -> None:
    assert timeout_s({}) == 60.0
    assert timeout_s({"timeout": "5s"}) == 5.0
    assert timeout_s({"timeout": "2h"}) == 60.0
    assert timeout_s({"timeout": "0"}) == 60.0
    with pytest.raises(BadRequest) as refused:
        timeout_s({"timeout": "abc"})
    assert refused.value.message == ('invalid timeout specified in the request URL - time: invalid duration "abc"')


def test_rows_carry_what_is_asked_for() -> None:
    """[T4]"""
    assert included({}) is Include.METADATA
    assert included({"includeObject": ""}) is Include.METADATA
    assert included({"includeObject": "Object"}) is Include.OBJECT
    with pytest.raises(BadRequest) as refused:
        included({"includeObject": "all"})
    assert refused.value.message == (
        'Unable to convert to Table as requested: includeObject: Invalid value: "all": '
        "must be 'Metadata', 'Object', 'None', or empty"
    )


def test_people_are_told_by_parameter_or_program() -> None:
    """[N3]"""
    assert is_pretty({}, "curl/8.5.0")
    assert is_pretty({"pretty": "1"}, "kubectl/v1.37.1")
    assert not is_pretty({"pretty": "false"}, "curl/8.5.0")
    assert not is_pretty({}, "kubectl/v1.37.1")
