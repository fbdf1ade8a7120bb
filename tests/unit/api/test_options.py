"""The options of get, list and watch."""

import base64

import msgspec
import pytest

from kubesum.api.requests.options import (
    Continue,
    Include,
    ListOptions,
    WatchOptions,
    included,
    is_pretty,
    list_options,
    object_version,
    timeout_s,
    watch_options,
)
from kubesum.api.requests.selectors import selector
from kubesum.vocabulary.errors import BadRequest, Invalid
from kubesum.vocabulary.resource import ComputedResource


class Status(msgspec.Struct, frozen=True):
    """An empty status."""


SHELVES = ComputedResource(
    kind="Shelf",
    plural="shelves",
    short_names=(),
    namespaced=False,
    help="",
    status_type=Status,
    status=lambda *_: Status(),
    columns=(),
    subjects=None,
    subject_key=lambda _: None,
)


def test_without_parameters_everything_is_listed() -> None:
    assert list_options({}, SHELVES) == ListOptions(limit=0, continue_=None, version=0, exact=False)


def test_options_are_parsed() -> None:
    query = {"limit": "500", "resourceVersion": "7", "resourceVersionMatch": "Exact", "timeoutSeconds": "9"}

    assert list_options(query, SHELVES) == ListOptions(limit=500, version=7, exact=True)


def test_any_version_is_listed_without_a_limit() -> None:
    """[L9] kube-apiserver gives an informer that lists this way all objects at once."""
    token = Continue(5, ("", "a")).token()

    assert list_options({"limit": "500", "resourceVersion": "0"}, SHELVES).limit == 0
    assert list_options({"limit": "500", "resourceVersion": "0", "continue": token}, SHELVES).limit == 500
    assert list_options({"limit": "500", "resourceVersion": ""}, SHELVES).limit == 500


def test_a_negative_limit_is_no_limit() -> None:
    assert list_options({"limit": "-1"}, SHELVES).limit == 0


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
def test_an_invalid_continue_token_is_refused(token: str) -> None:
    with pytest.raises(BadRequest, match="invalid continue token: continue key is not valid"):
        Continue.parse(token)


def test_a_continue_token_excludes_a_version() -> None:
    token = Continue(5, ("", "a")).token()

    assert list_options({"continue": token, "resourceVersion": "0"}, SHELVES).continue_ == Continue(5, ("", "a"))
    with pytest.raises(BadRequest, match="specifying resource version is not allowed when using continue"):
        list_options({"continue": token, "resourceVersion": "5"}, SHELVES)


@pytest.mark.parametrize("text", ["abc", "-1", "+1", "1.5", "18446744073709551616", "\uff11"])
def test_a_resource_version_is_an_unsigned_integer(text: str) -> None:
    """[L8]"""
    with pytest.raises(BadRequest) as refused:
        object_version({"resourceVersion": text}, SHELVES, "oak")

    assert refused.value.message.startswith(f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing')


def test_the_selectors_of_a_list_are_parsed() -> None:
    query = {"labelSelector": "wood=oak", "fieldSelector": "metadata.name=a"}

    assert list_options(query, SHELVES).selector == selector("wood=oak", "metadata.name=a", SHELVES)
    with pytest.raises(BadRequest, match="expected: identifier after ','"):
        list_options({"labelSelector": "a,"}, SHELVES)
    with pytest.raises(BadRequest, match="is not a known field selector"):
        list_options({"fieldSelector": "a=b"}, SHELVES)


def test_a_get_accepts_only_a_field_selector_of_its_object() -> None:
    """[L2] [L3]"""
    assert object_version({"labelSelector": ",", "fieldSelector": "metadata.name=oak"}, SHELVES, "oak") == 0
    with pytest.raises(BadRequest, match=r"fieldSelector metadata\.name doesn't match requested name"):
        object_version({"fieldSelector": "metadata.name=ash"}, SHELVES, "oak")


def test_a_watch_without_parameters_starts_with_the_state() -> None:
    """[W5] [W8]"""
    options = watch_options({"watch": "1"}, SHELVES)

    assert options == WatchOptions()
    assert (options.starts_with_state, options.marks_state_end, options.timeout_s) == (True, False, None)


def test_the_options_of_a_watch_are_parsed() -> None:
    query = {
        "labelSelector": "wood",
        "resourceVersion": "7",
        "resourceVersionMatch": "NotOlderThan",
        "sendInitialEvents": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": "300",
    }

    assert watch_options(query, SHELVES) == WatchOptions(selector("wood", "", SHELVES), 7, True, True, 300)


@pytest.mark.parametrize(
    ("version", "initial", "starts"),
    [
        ("", None, True),
        ("0", None, True),
        ("7", None, False),
        ("7", "true", True),
        ("7", "", True),
        ("", "false", False),
        ("0", "0", False),
    ],
)
def test_a_watch_starts_with_the_state_unless_it_has_a_version(
    version: str, initial: str | None, starts: bool
) -> None:
    """[W5]"""
    query = {"resourceVersion": version}
    if initial is not None:
        query |= {"sendInitialEvents": initial, "resourceVersionMatch": "NotOlderThan"}

    assert watch_options(query, SHELVES).starts_with_state is starts


def test_a_bookmark_marks_the_end_of_the_state_if_both_options_are_set() -> None:
    """[W7]"""
    asked = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}

    assert watch_options(asked | {"allowWatchBookmarks": "true"}, SHELVES).marks_state_end
    assert not watch_options(asked, SHELVES).marks_state_end
    assert not watch_options({"allowWatchBookmarks": "true"}, SHELVES).marks_state_end


@pytest.mark.parametrize("text", ["-1", "0"])
def test_a_watch_without_a_timeout_ends_when_the_server_decides(text: str) -> None:
    """[W8]"""
    assert watch_options({"timeoutSeconds": text}, SHELVES).timeout_s is None


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (
            {"sendInitialEvents": "true"},
            "resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
            "NotOlderThan",
        ),
        (
            {"resourceVersionMatch": "NotOlderThan"},
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents "
            "is provided",
        ),
        (
            {"sendInitialEvents": "false", "resourceVersionMatch": "Exact"},
            "[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to "
            'NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
        ),
        (
            {"continue": "x"},
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
        ),
        (
            {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "continue": "x"},
            "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided",
        ),
    ],
)
def test_contradictory_options_of_a_watch_are_invalid(query: dict[str, str], message: str) -> None:
    """[W4]"""
    with pytest.raises(Invalid) as refused:
        watch_options(query, SHELVES)

    assert refused.value.message == f'ListOptions.meta.k8s.io "" is invalid: {message}'


def test_export_is_refused() -> None:
    with pytest.raises(BadRequest, match="the export parameter"):
        list_options({"export": "true"}, SHELVES)


@pytest.mark.parametrize(
    ("query", "message"),
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
def test_contradictory_options_of_a_list_are_invalid(query: dict[str, str], message: str) -> None:
    """[L7]"""
    with pytest.raises(Invalid) as refused:
        list_options(query, SHELVES)

    assert refused.value.message == f'ListOptions.meta.k8s.io "" is invalid: {message}'


def test_a_timeout_is_at_most_the_request_timeout() -> None:
    assert timeout_s({}) == 60.0
    assert timeout_s({"timeout": "5s"}) == 5.0
    assert timeout_s({"timeout": "2h"}) == 60.0
    assert timeout_s({"timeout": "0"}) == 60.0
    with pytest.raises(BadRequest) as refused:
        timeout_s({"timeout": "abc"})
    assert refused.value.message == ('invalid timeout specified in the request URL - time: invalid duration "abc"')


def test_include_object_is_parsed() -> None:
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


def test_json_is_indented_by_parameter_or_user_agent() -> None:
    """[N3]"""
    assert is_pretty({}, "curl/8.5.0")
    assert is_pretty({"pretty": "1"}, "kubectl/v1.37.1")
    assert not is_pretty({"pretty": "false"}, "curl/8.5.0")
    assert not is_pretty({}, "kubectl/v1.37.1")


@pytest.mark.parametrize(
    "document",
    ['{"x":' + "[" * 1_500 + "]" * 1_500 + "}", '{"v":"meta.k8s.io/v1","rv":9999999999999999999,"start":"a/b"}'],
)
def test_a_crafted_continue_token_is_400(document: str) -> None:
    token = base64.urlsafe_b64encode(document.encode()).rstrip(b"=").decode()

    with pytest.raises(BadRequest, match="invalid continue token"):
        Continue.parse(token)
