"""The attributes of a request, from its method and path."""

import pytest

from kubesum.api.requests.requestinfo import RequestInfo, request_info
from kubesum.vocabulary.errors import BadRequest, NotFound


def info(method: str, path: str, query: bytes = b"") -> RequestInfo:
    return request_info(method, path.encode(), query)


@pytest.mark.parametrize("path", ["/", "/apis", "/apis/g", "/apis/g/v1", "/api/v1", "/readyz", "/metrics/x/y"])
def test_short_and_other_paths_name_no_resource(path: str) -> None:
    assert info("GET", path) == RequestInfo("get", path, {})


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/apis/g/v1/rs", ("list", "", "rs", "", "")),
        ("GET", "/apis/g/v1/rs/", ("list", "", "rs", "", "")),
        ("HEAD", "/apis/g/v1/rs/n", ("get", "", "rs", "n", "")),
        ("GET", "/apis/g/v1/rs/n/status/x", ("get", "", "rs", "n", "status")),
        ("GET", "/apis/g/v1/namespaces/ns/rs", ("list", "ns", "rs", "", "")),
        ("GET", "/apis/g/v1/namespaces/ns/rs/n", ("get", "ns", "rs", "n", "")),
        ("GET", "/apis/g/v1/namespaces", ("list", "", "namespaces", "", "")),
        ("GET", "/apis/g/v1/namespaces/ns", ("get", "ns", "namespaces", "ns", "")),
        ("PUT", "/apis/g/v1/namespaces/ns/finalize", ("update", "ns", "namespaces", "ns", "finalize")),
        ("GET", "/apis/g/v1/watch/rs", ("watch", "", "rs", "", "")),
        ("GET", "/apis/g/v1/watch/namespaces/ns/rs/n", ("watch", "ns", "rs", "n", "")),
        ("GET", "/apis/g/v1/proxy/rs/n/x", ("proxy", "", "rs", "n", "")),
        ("POST", "/apis/g/v1/rs", ("create", "", "rs", "", "")),
        ("PATCH", "/apis/g/v1/rs/n", ("patch", "", "rs", "n", "")),
        ("DELETE", "/apis/g/v1/rs/n", ("delete", "", "rs", "n", "")),
        ("DELETE", "/apis/g/v1/rs", ("deletecollection", "", "rs", "", "")),
        ("OPTIONS", "/apis/g/v1/rs", ("", "", "rs", "", "")),
    ],
)
def test_a_path_names_verb_namespace_resource_name_and_subresource(
    method: str, path: str, expected: tuple[str, ...]
) -> None:
    found = info(method, path)

    assert (found.verb, found.namespace, found.resource, found.name, found.subresource) == expected
    assert (found.group, found.version) == ("g", "v1")


def test_the_core_group_has_no_name() -> None:
    found = info("GET", "/api/v1/pods")

    assert (found.group, found.version, found.resource, found.verb) == ("", "v1", "pods", "list")


def test_a_collection_is_watched_only_without_a_name() -> None:
    assert info("GET", "/apis/g/v1/rs", b"watch=true").verb == "watch"
    assert info("GET", "/apis/g/v1/rs", b"watch=FALSE").verb == "list"
    assert info("GET", "/apis/g/v1/rs/n", b"watch=true").verb == "get"


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name%3Dn", "n"),
        ("/apis/g/v1/rs", b"watch=1&fieldSelector=metadata.name==n,status.x!=y", "n"),
        ("/apis/g/v1/namespaces/ns/rs", b"fieldSelector=metadata.name=n", "n"),
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name!=n", ""),
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name=", ""),
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name=..", ""),
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name=a%2Fb", ""),
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name=a%25b", ""),
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name=n,nonsense", ""),
        ("/apis/g/v1/rs", b"fieldSelector=metadata.name=" + b"n" * 70_000, ""),
        ("/apis/g/v1/rs/m", b"fieldSelector=metadata.name=n", "m"),
        ("/apis/g/v1/watch/rs", b"fieldSelector=metadata.name=n", ""),
    ],
)
def test_a_list_of_one_name_is_authorized_for_that_name(path: str, query: bytes, name: str) -> None:
    """[L4]"""
    assert info("GET", path, query).authorized_name == name


def test_a_selected_name_is_not_the_name_in_the_path() -> None:
    found = info("GET", "/apis/g/v1/rs", b"fieldSelector=metadata.name=n")

    assert (found.verb, found.name, found.selected_name) == ("list", "", "n")
    assert info("DELETE", "/apis/g/v1/rs", b"fieldSelector=metadata.name=n").authorized_name == ""


def test_escapes_are_decoded_once() -> None:
    assert info("GET", "/apis/g/v1/rs/a%20b%2541").name == "a b%41"
    assert info("GET", "/apis/g/v1/rs/%C3%BC").name == "ü"


@pytest.mark.parametrize(
    "path",
    [
        "/apis/g/v1//rs",
        "//apis",
        "/apis/g/v1/rs//",
        "/apis/./v1",
        "/apis/g/v1/rs/..",
        "/apis/g/v1/rs/%2e%2E/x",
        "/apis/g/v1/rs/a%2Fb",
        "/apis/g/v1/rs/a%2fb",
        "/apis/g/v1/rs/%00",
        "/apis/g/v1/rs/%0A",
        "/apis/g/v1/rs/%ff",
        "apis",
        "*",
        "",
    ],
)
def test_an_ambiguous_path_is_404(path: str) -> None:
    with pytest.raises(NotFound, match="the server could not find the requested resource"):
        info("GET", path)


@pytest.mark.parametrize(
    ("path", "escape"), [("/a/%zz", "%zz"), ("/%", "%"), ("/%4", "%4"), ("/%2", "%2"), ("/%u0041", "%u0")]
)
def test_the_error_names_a_broken_escape(path: str, escape: str) -> None:
    with pytest.raises(BadRequest) as refused:
        info("GET", path)

    assert refused.value.message == f'invalid URL escape "{escape}"'


def test_a_watch_without_a_resource_is_400() -> None:
    with pytest.raises(BadRequest) as refused:
        info("GET", "/apis/g/v1/watch")

    assert refused.value.message == "unable to determine kind and namespace from url, /apis/g/v1/watch"
