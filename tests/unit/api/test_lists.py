"""Rows as objects, lists and pages, byte for byte."""

from datetime import UTC, datetime

import msgspec
import pytest

from kubesum.api.lists.listing import encode_object
from kubesum.api.lists.paging import ListMeta, page
from kubesum.api.lists.selections import Selections
from kubesum.api.representations.objects import ENCODER
from kubesum.api.representations.status import status_body
from kubesum.api.requests.negotiation import Form, Representation
from kubesum.api.requests.options import Continue, Include, ListOptions
from kubesum.api.requests.selectors import selector
from kubesum.operations.pacer import Turns
from kubesum.rollups.rows import Row
from kubesum.rollups.snapshots import Rows, Snapshot
from kubesum.vocabulary.errors import NotFound, ServiceUnavailable, StatusDetails
from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import Ago, Column, ComputedResource


class Subject(msgspec.Struct, frozen=True):
    uid: str
    created: datetime | None
    labels: dict[str, str]


class Status(msgspec.Struct, frozen=True, rename="camel"):
    free_space: ResourceList


RESOURCE = ComputedResource(
    kind="Shelf",
    plural="shelves",
    short_names=(),
    namespaced=True,
    help="",
    status_type=Status,
    status=lambda *_: None,
    columns=(Column("NAME", "", lambda row: row.name), Column("AGE", "", lambda row: Ago(row.created))),
    subjects=None,
    subject_key=lambda _: None,
)
ROW = Row(
    ("team", "oak"),
    9007,
    Subject("u-1", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), {"wood": "oak"}),
    Status(ResourceList({"cpu": -250, "memory": 3 << 20})),
)


def test_an_object_is_metadata_and_status() -> None:
    content = encode_object(RESOURCE, ROW, Representation(Form.OBJECT), Include.METADATA, now=0.0)

    assert content == (
        b'{"apiVersion":"summary.kubesum.dev/v1alpha1","kind":"Shelf","metadata":{"name":"oak","namespace":"team",'
        b'"uid":"56569e69-4c29-5c15-92db-a8838ae74814","resourceVersion":"9007",'
        b'"creationTimestamp":"2026-01-02T03:04:05Z","labels":{"wood":"oak"}},'
        b'"status":{"freeSpace":{"cpu":"-250m","memory":"3Mi"}}}\n'
    )


def test_a_row_without_subject_has_no_creation_timestamp() -> None:
    row = Row(("", "x"), 1, None, Status(ResourceList()))

    document = msgspec.json.decode(
        encode_object(RESOURCE, row, Representation(Form.OBJECT), Include.METADATA, now=0.0)
    )
    table = msgspec.json.decode(
        encode_object(RESOURCE, row, Representation(Form.TABLE, "meta.k8s.io/v1"), Include.NONE, now=0.0)
    )

    assert document["metadata"]["creationTimestamp"] is None
    assert set(document["metadata"]) == {"name", "uid", "resourceVersion", "creationTimestamp"}
    assert table["rows"] == [{"cells": ["x", "<unknown>"], "object": None}]


def test_encoding_an_unsupported_type_is_a_defect() -> None:
    with pytest.raises(NotImplementedError, match="complex has no JSON form"):
        ENCODER.encode(1j)


SNAPSHOT = Snapshot(
    50,
    Rows.of(Row(key, 1, None, None) for key in [("a", "x"), ("b", "x"), ("b", "y"), ("c", "x")]),
)


async def names(options: ListOptions, namespace: str = "") -> tuple[list[str], ListMeta]:
    parts, metadata = await page(RESOURCE, SNAPSHOT, namespace, options, Selections(0, Turns(1)))
    return ["/".join(row.key) for part in parts for row in part], metadata


async def test_a_list_without_limit_has_all_rows() -> None:
    assert await names(ListOptions()) == (["a/x", "b/x", "b/y", "c/x"], ListMeta("50"))
    assert await names(ListOptions(), "b") == (["b/x", "b/y"], ListMeta("50"))
    assert await names(ListOptions(limit=4)) == (["a/x", "b/x", "b/y", "c/x"], ListMeta("50"))


async def test_a_page_has_a_continue_token() -> None:
    keys, metadata = await names(ListOptions(limit=3))

    assert keys == ["a/x", "b/x", "b/y"]
    assert metadata.remaining == 1
    assert Continue.parse(metadata.continue_) == Continue(50, ("b", "y"))


async def test_a_page_continues_after_a_key_that_was_deleted() -> None:
    keys, metadata = await names(ListOptions(limit=2, continue_=Continue(7, ("b", "xx"))))

    assert keys == ["b/y", "c/x"]
    assert metadata == ListMeta("50")


async def test_a_page_after_the_last_key_is_empty() -> None:
    assert await names(ListOptions(continue_=Continue(7, ("z", "")))) == ([], ListMeta("50"))


async def test_a_page_with_a_selector_is_full() -> None:
    chosen = selector("", "metadata.name=x", RESOURCE)

    first, metadata = await names(ListOptions(limit=2, selector=chosen))
    second, last = await names(ListOptions(limit=2, selector=chosen, continue_=Continue.parse(metadata.continue_)))

    assert (first, second) == (["a/x", "b/x"], ["c/x"])
    assert (metadata.remaining, last) == (0, ListMeta("50"))


async def test_a_page_with_the_last_selected_row_has_no_token() -> None:
    chosen = selector("", "metadata.name!=x", RESOURCE)

    assert await names(ListOptions(limit=1, selector=chosen)) == (["b/y"], ListMeta("50"))


@pytest.mark.parametrize(
    ("namespace", "fields", "expected"),
    [
        ("", "metadata.namespace=b", ["b/x", "b/y"]),
        ("", "metadata.namespace=b,metadata.name=y", ["b/y"]),
        ("", "metadata.namespace=b,metadata.name=z", []),
        ("", "metadata.namespace=b,metadata.name=x,metadata.name!=x", []),
        ("", "metadata.namespace=", []),
        ("", "metadata.name=y", ["b/y"]),
        ("b", "metadata.name=x", ["b/x"]),
        ("b", "metadata.name=z", []),
        ("b", "metadata.namespace=a", []),
        ("b", "metadata.namespace!=a", ["b/x", "b/y"]),
    ],
)
async def test_names_and_namespaces_are_looked_up(namespace: str, fields: str, expected: list[str]) -> None:
    """[L4]"""
    chosen = selector("", fields, RESOURCE)

    assert (await names(ListOptions(selector=chosen), namespace))[0] == expected


def test_a_status_omits_empty_fields() -> None:
    assert status_body(NotFound("gone")) == (
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"gone",'
        b'"reason":"NotFound","code":404}\n'
    )
    assert status_body(ServiceUnavailable("wait", StatusDetails(retry_after_seconds=1))) == (
        b'{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"wait",'
        b'"reason":"ServiceUnavailable","details":{"retryAfterSeconds":1},"code":503}\n'
    )
