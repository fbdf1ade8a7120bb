"""Random input: it is parsed, or refused with an error of the client, and never an unexpected exception."""

from collections.abc import Callable
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from kubesum.api.requests.negotiation import (
    accepts_gzip,
    discovery_wanted,
    document_encoding,
    representation,
    require_json,
)
from kubesum.api.requests.options import included, is_pretty, list_options, object_version, timeout_s, watch_options
from kubesum.api.requests.query import parse
from kubesum.api.requests.requestinfo import request_info
from kubesum.resources.podsummaries import RESOURCE
from kubesum.vocabulary.errors import ApiError

NAMES = [
    "limit",
    "continue",
    "resourceVersion",
    "resourceVersionMatch",
    "timeout",
    "timeoutSeconds",
    "watch",
    "sendInitialEvents",
    "allowWatchBookmarks",
    "includeObject",
    "labelSelector",
    "fieldSelector",
]
VALUES = st.one_of(
    st.text(),
    st.integers().map(str),
    st.sampled_from(["Exact", "NotOlderThan", "1.h", "e30", "W10", "metadata.name=x"]),
)
PATH_PARTS = st.sampled_from(
    [b"/", b"apis", b"api", b"watch", b"namespaces", b"%2f", b"%00", b"%", b"..", b"a", b"\xff"]
)


def code(read: Callable[[], object]) -> int:
    """The code of the error that a client gets, 200 for none."""
    try:
        read()
    except ApiError as error:
        return error.code
    return 200


@given(st.sampled_from(["GET", "DELETE", "BREW"]), st.lists(PATH_PARTS).map(b"".join), st.binary())
def test_every_path_is_parsed_or_refused(method: str, path: bytes, query: bytes) -> None:
    assert code(lambda: request_info(method, path, query)) < 500


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_all_options_are_parsed_or_refused(query: dict[str, str]) -> None:
    for read in (timeout_s, included):
        assert code(partial(read, query)) < 500
    for narrowed in (list_options, watch_options):
        assert code(partial(narrowed, query, RESOURCE)) < 500
    assert code(partial(object_version, query, RESOURCE, "x")) < 500
    is_pretty(query, "curl")


@given(st.binary())
def test_every_query_string_is_parsed(raw: bytes) -> None:
    parse(raw)


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from([*";,=/*q", "application/json", "application/yaml", "as", "g", "v", "0.5"])).map(
            "".join
        ),
    )
)
def test_every_accept_header_is_parsed_or_refused(accept: str) -> None:
    assert code(lambda: representation(accept, "Shelf", is_list=True)) < 500
    assert code(lambda: discovery_wanted(accept)) < 500
    assert code(lambda: document_encoding(accept)) < 500
    assert code(lambda: require_json(accept)) < 500
    accepts_gzip(accept)
