"""Content negotiation."""

import pytest

from kubesum.api.requests.negotiation import (
    JSON_ALONE,
    Encoding,
    Form,
    Representation,
    accepts_gzip,
    discovery_wanted,
    document_encoding,
    representation,
    require_json,
)
from kubesum.vocabulary.errors import NotAcceptable

TABLE_V1 = "application/json;as=Table;v=v1;g=meta.k8s.io"
TABLE_V1BETA1 = "application/json;as=Table;v=v1beta1;g=meta.k8s.io"
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
PLAIN = Representation(Form.OBJECT)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", PLAIN),
        ("application/json", PLAIN),
        ("*/*", PLAIN),
        ("APPLICATION/*", PLAIN),
        ("application/vnd.kubernetes.protobuf,application/json", PLAIN),
        ("application/json;stream=watch", PLAIN),
        ("application/json;charset=utf-8;pretty=0;profile=x", PLAIN),
        (f"{TABLE_V1},{TABLE_V1BETA1},application/json", Representation(Form.TABLE, "meta.k8s.io/v1")),
        (f"{TABLE_V1BETA1}, {TABLE_V1}", Representation(Form.TABLE, "meta.k8s.io/v1beta1")),
        (f"{TABLE_V1};q=0.5,application/json;q=0.9", PLAIN),
        (f"*/*,{TABLE_V1}", Representation(Form.TABLE, "meta.k8s.io/v1")),
        ("application/json;as=Table;v=v2;g=meta.k8s.io,application/json", PLAIN),
        ("application/json;as=Secret;v=v1;g=meta.k8s.io,application/json", PLAIN),
        ("application/json;stream=other,*/*;q=0.1", PLAIN),
        (" application/json ; q=0.3 , text/html", PLAIN),
        (
            "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Representation(Form.METADATA_LIST, "meta.k8s.io/v1"),
        ),
    ],
)
def test_the_best_clause_that_is_served_wins(accept: str, expected: Representation) -> None:
    assert representation(accept, "NodeSummary", is_list=True) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "application/vnd.kubernetes.protobuf",
        "application/yaml;stream=watch",
        "application/json;q=0",
        "application/json;q=nan",
        "application/json;q=1_0",
        ",",
        ";;",
        "application/json;stream=other",
    ],
)
def test_other_media_types_are_not_acceptable(accept: str) -> None:
    """[N1]"""
    with pytest.raises(NotAcceptable) as refused:
        representation(accept, "NodeSummary", is_list=True)

    assert refused.value.message == "only the following media types are accepted: application/json, application/yaml"


@pytest.mark.parametrize(
    ("accept", "is_list", "message"),
    [
        (
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            True,
            "you requested PartialObjectMetadata, but the requested object is a list (NodeSummaryList)",
        ),
        (
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            False,
            "you requested PartialObjectMetadataList, but the requested object is not a list (NodeSummary)",
        ),
        (
            "application/json;as=Table;g=meta.k8s.io;v=v2",
            True,
            "no Table exists in group version meta.k8s.io/v2",
        ),
    ],
)
def test_a_form_that_does_not_fit_is_named(accept: str, is_list: bool, message: str) -> None:
    """[N5]"""
    with pytest.raises(NotAcceptable) as refused:
        representation(accept, "NodeSummary", is_list)

    assert refused.value.message == message


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (f"{V2},{V2BETA1},application/json", "v2"),
        (f"{V2BETA1},{V2}", "v2beta1"),
        (f"{V2};profile=nopeer", "v2"),
        (f"{V2BETA1}, application/json", "v2beta1"),
        ("application/json", None),
        ("*/*", None),
        ("", None),
        ("application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json", None),
    ],
)
def test_discovery_is_sent_in_the_accepted_form(accept: str, version: str | None) -> None:
    """[D8]"""
    assert discovery_wanted(accept) == (Encoding.JSON, version)


YAML = Encoding.YAML
YAML_TABLE = "application/yaml;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/yaml", Representation(Form.OBJECT, encoding=YAML)),
        ("application/yaml,application/json", Representation(Form.OBJECT, encoding=YAML)),
        ("application/json,application/yaml", PLAIN),
        ("application/json;q=0.5,application/yaml", Representation(Form.OBJECT, encoding=YAML)),
        ("*/*,application/yaml;q=0.5", PLAIN),
        (YAML_TABLE, Representation(Form.TABLE, "meta.k8s.io/v1", YAML)),
        (f"{YAML_TABLE};q=0.1,text/html", Representation(Form.TABLE, "meta.k8s.io/v1", YAML)),
    ],
)
def test_yaml_is_sent_to_clients_that_prefer_it(accept: str, expected: Representation) -> None:
    """[N2]"""
    assert representation(accept, "NodeSummary", is_list=True) == expected


def test_a_watch_is_never_yaml() -> None:
    """[W2]"""
    asked = "application/yaml,application/json;stream=watch;q=0.1"

    assert representation(asked, "NodeSummary", is_list=False, served=JSON_ALONE) == PLAIN
    with pytest.raises(NotAcceptable) as refused:
        representation("application/yaml", "NodeSummary", is_list=False, served=JSON_ALONE)
    assert refused.value.message == "only the following media types are accepted: application/json"


def test_discovery_is_yaml_if_the_client_accepts_it() -> None:
    assert discovery_wanted("application/yaml") == (YAML, None)
    assert discovery_wanted(V2.replace("json", "yaml", 1)) == (YAML, "v2")


def test_a_document_of_one_form_is_not_converted() -> None:
    assert document_encoding("text/html, application/json") is Encoding.JSON
    assert document_encoding("application/yaml") is YAML
    for accept in (TABLE_V1, YAML_TABLE, "text/html"):
        with pytest.raises(NotAcceptable):
            document_encoding(accept)


def test_some_documents_exist_in_json_only() -> None:
    require_json("application/yaml, application/json")
    for accept in (TABLE_V1, "application/yaml"):
        with pytest.raises(NotAcceptable):
            require_json(accept)


@pytest.mark.parametrize(
    ("accept_encoding", "expected"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0", False),
        ("", False),
        ("identity, br", False),
        ("gzipped", False),
    ],
)
def test_gzip_is_sent_to_clients_that_accept_it(accept_encoding: str, expected: bool) -> None:
    assert accepts_gzip(accept_encoding) is expected


def test_at_most_a_hundred_clauses_are_parsed() -> None:
    """A megabyte of commas blocked the event loop for more than two seconds."""
    many = "text/html," * 99

    assert document_encoding(f"{many}application/json") is Encoding.JSON
    assert accepts_gzip("br," * 99 + "gzip")
    with pytest.raises(NotAcceptable):
        document_encoding(f"{many}text/html,application/json")
    assert not accepts_gzip("br," * 100 + "gzip")
