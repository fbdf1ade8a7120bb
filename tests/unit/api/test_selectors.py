"""Selectors of rows."""

from datetime import datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.api.requests.selectors import EVERYTHING, field_paths, selector
from kubesum.rollups.rows import Row
from kubesum.vocabulary.errors import BadRequest
from kubesum.vocabulary.resource import ComputedResource, FieldSelector


class Subject(msgspec.Struct, frozen=True):
    labels: dict[str, str]
    uid: str = "u"
    created: datetime | None = None


class Status(msgspec.Struct, frozen=True):
    health: str


RESOURCE = ComputedResource(
    kind="Shelf",
    plural="shelves",
    short_names=(),
    namespaced=True,
    help="",
    status_type=Status,
    status=lambda _key, subject, _tally: Status(subject.labels["health"]),
    columns=(),
    subjects=None,
    subject_key=lambda _: None,
    field_selectors=(FieldSelector("status.health", lambda _, status: status.health),),
)
ROW = Row(("team", "oak"), 1, Subject({"wood": "oak", "health": "Healthy"}), None)


@pytest.mark.parametrize(
    ("labels", "fields", "expected"),
    [
        ("", "", True),
        ("wood=oak", "", True),
        ("wood=ash", "", False),
        ("", "metadata.name=oak", True),
        ("", "metadata.name!=oak", False),
        ("", "metadata.namespace=team,metadata.name==oak", True),
        ("", "metadata.namespace=other", False),
        ("", "metadata.name=ash,metadata.name=oak", False),
        ("", "status.health=Healthy", True),
        ("", "status.health!=Healthy", False),
        ("wood=oak", "status.health=Healthy,metadata.name=oak", True),
        ("wood=ash", "status.health=Healthy", False),
    ],
)
def test_a_row_is_selected_by_its_labels_and_fields(labels: str, fields: str, expected: bool) -> None:
    assert selector(labels, fields, RESOURCE).matches(RESOURCE, ROW) is expected


def test_a_row_without_a_subject_has_no_labels() -> None:
    row = Row(("team", "implied"), 1, None, Status("Idle"))

    assert selector("!wood", "status.health=Idle", RESOURCE).matches(RESOURCE, row)
    assert not selector("wood", "", RESOURCE).matches(RESOURCE, row)


def test_the_status_is_computed_only_if_other_requirements_are_met() -> None:
    unhealthy = Row(("team", "elm"), 1, Subject({}), None)

    assert not selector("wood", "status.health=Healthy", RESOURCE).matches(RESOURCE, unhealthy)
    assert not selector("", "metadata.name=oak,status.health=Healthy", RESOURCE).matches(RESOURCE, unhealthy)


def test_an_unknown_field_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(BadRequest) as refused:
        selector("", 'metadata.name=x,spec."y=z', RESOURCE)

    assert refused.value.message == (
        '"spec.\\"y" is not a known field selector: only "metadata.name", "metadata.namespace", "status.health"'
    )
    assert field_paths(RESOURCE) == ("metadata.name", "metadata.namespace", "status.health")


def test_the_length_of_a_selector_is_limited() -> None:
    for labels, fields in (("a," * 40_000, ""), ("", "," * 70_000)):
        with pytest.raises(BadRequest, match="Selector is longer than 65536 characters"):
            selector(labels, fields, RESOURCE)


def test_selectors_of_the_same_meaning_are_equal() -> None:
    one = selector("b=1,a in (y,x),b=1", "status.health==A,metadata.name=n", RESOURCE)
    other = selector("a in (x,y), b==1", "metadata.name=n,status.health=A", RESOURCE)

    assert (one, hash(one), one.text) == (other, hash(other), other.text)
    assert one.text == "a in (x,y),b in (1);metadata.name=n,status.health=A"
    assert selector(" ", ",", RESOURCE) == EVERYTHING
    assert (EVERYTHING.text, len(EVERYTHING), bool(EVERYTHING)) == ("", 0, False)


def test_label_and_field_selectors_of_the_same_text_differ() -> None:
    assert selector("a=b", "", RESOURCE).text != selector("", "metadata.name=b", RESOURCE).text


def test_a_selector_gives_the_only_name_and_namespace() -> None:
    exact = selector("", "metadata.name=oak,metadata.namespace=team", RESOURCE)

    assert (exact.exact_name(), exact.exact_namespace()) == ("oak", "team")
    assert (EVERYTHING.exact_name(), EVERYTHING.exact_namespace()) == (None, None)


def test_a_selector_for_one_object_names_it() -> None:
    """[L3]"""
    selector("wood", "", RESOURCE).require_name("oak")
    selector("", "metadata.name=oak,status.health=Healthy", RESOURCE).require_name("oak")

    for fields in ("metadata.name=ash", "metadata.name!=oak", "status.health=Healthy"):
        with pytest.raises(BadRequest, match=r"fieldSelector metadata\.name doesn't match requested name"):
            selector("", fields, RESOURCE).require_name("oak")


WORDS = st.lists(
    st.sampled_from([*"=!<>(), \\\t\0/-.ü", "in", "notin", "==", "!=", "a", "1", "metadata.name", "status.health"])
).map("".join)


@given(st.one_of(st.text(), WORDS), st.one_of(st.text(), WORDS))
def test_any_text_is_a_selector_or_a_bad_request(labels: str, fields: str) -> None:
    try:
        chosen = selector(labels, fields, RESOURCE)
    except BadRequest:
        return
    assert chosen.matches(RESOURCE, ROW) in (True, False)
    label_text, _, field_text = chosen.text.partition(";")
    assert selector(label_text, field_text, RESOURCE) == chosen
