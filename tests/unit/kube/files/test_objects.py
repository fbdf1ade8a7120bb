"""Which objects a document holds, and of which kind they are."""

import json
from typing import Any

import msgspec
import pytest

from kubesum.kube.files.documents import Document
from kubesum.kube.files.objects import Object, objects
from kubesum.kube.files.texts import documents

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
BARE: dict[str, Any] = {"metadata": {"name": "a"}}
V1_POD = ("v1", "Pod", "a")


def found(document: Any, file_name: str = "dump.json") -> list[Any]:
    """(apiVersion, kind, name) of each object, None for what is no object."""
    value = msgspec.Raw(json.dumps(document).encode())
    return [
        (*one.type, json.loads(bytes(one.value))["metadata"]["name"]) if isinstance(one, Object) else None
        for one in objects(Document(value, 1), file_name)
    ]


@pytest.mark.parametrize(
    ("document", "objects"),
    [
        (POD, [V1_POD]),
        ({"apiVersion": "v1", "kind": "List", "items": [POD, POD]}, [V1_POD, V1_POD]),
        ({"apiVersion": "v1", "kind": "PodList", "items": [POD]}, [V1_POD]),
        ({"apiVersion": "v1", "kind": "PodList", "items": [BARE]}, [V1_POD]),
        ({"apiVersion": "v1", "kind": "PodList", "items": [BARE | {"kind": None, "apiVersion": None}]}, [V1_POD]),
        ({"apiVersion": "apps/v1", "kind": "DeploymentList", "items": [BARE]}, [("apps/v1", "Deployment", "a")]),
        ({"apiVersion": "v1", "kind": "PodList", "items": [BARE | {"kind": "Pod"}]}, [V1_POD]),
        ({"apiVersion": "v1", "kind": "PodList", "items": [None, BARE]}, [V1_POD]),
        # kubectl keeps an item of another kind, as long as it says of which.
        (
            {
                "apiVersion": "v1",
                "kind": "PodList",
                "items": [{"apiVersion": "apps/v1", "kind": "Deployment", **BARE}],
            },
            [("apps/v1", "Deployment", "a")],
        ),
        ({"apiVersion": "v1", "kind": "PodList", "items": [BARE | {"kind": "Node"}]}, [None]),
        ({"apiVersion": "v1", "kind": "PodList", "items": None}, []),
        ({"apiVersion": "v1", "kind": "PodList", "items": []}, []),
        ({"apiVersion": "v1", "kind": "List", "items": [BARE, POD]}, [None, V1_POD]),
        ({"apiVersion": "v1", "kind": "List", "items": [5, "x", [], {}]}, [None, None, None]),
        (
            {"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": [POD]}]},
            [V1_POD],
        ),
        # A kind that ends in List need not be a list.
        ({"apiVersion": "example.org/v1", "kind": "AllowList", **BARE}, [("example.org/v1", "AllowList", "a")]),
        (
            {"apiVersion": "example.org/v1", "kind": "Order", "items": [POD], **BARE},
            [("example.org/v1", "Order", "a")],
        ),
        # A JSON array, as `jq -s` makes it of a stream.
        ([POD, None, POD], [V1_POD, V1_POD]),
        ([1, 2], [None, None]),
        # What `kubectl get -w --output-watch-events` writes.
        ({"type": "ADDED", "object": POD}, [V1_POD]),
        ({"type": "BOOKMARK", "object": POD}, []),
        ({"type": "ERROR", "object": POD}, [None]),
        (None, []),
        (5, [None]),
        ("text", [None]),
        ({}, [None]),
        ({"replicas": 3}, [None]),
        ({"kind": "Pod", **BARE}, [None]),
        ({"apiVersion": "v1", **BARE}, [None]),
        ({"kind": 5, "apiVersion": "v1", **BARE}, [None]),
        ({"items": [BARE]}, [None]),
        ({"items": []}, [None]),
        # What jq makes of a list: `{items: [.items[] | select(...)]}`.
        ({"items": [POD, BARE]}, [V1_POD, None]),
        ({"items": {"a": POD}}, [None]),
    ],
)
def test_objects_of_a_document(document: Any, objects: list[Any]) -> None:
    assert found(document) == objects


@pytest.mark.parametrize(
    ("file_name", "type_"),
    [
        ("bundle/cluster-resources/nodes.json", ("v1", "Node")),
        ("cluster-resources/namespaces.json", ("v1", "Namespace")),
        ("b.tar.gz/b/cluster-resources/pods/team.json", ("v1", "Pod")),
        ("cluster-resources/deployments/team.json", ("apps/v1", "Deployment")),
        ("cluster-resources/statefulsets/team.json", ("apps/v1", "StatefulSet")),
        ("cluster-resources/daemonsets/team.json", ("apps/v1", "DaemonSet")),
        ("cluster-resources/replicasets/team.json", ("apps/v1", "ReplicaSet")),
        ("cluster-resources/jobs/team.json", ("batch/v1", "Job")),
        ("cluster-resources/cronjobs/team.json", ("batch/v1", "CronJob")),
    ],
)
def test_lists_of_an_old_support_bundle_are_of_the_kind_that_their_file_is_named_after(
    file_name: str, type_: tuple[str, str]
) -> None:
    assert found({"metadata": {}, "items": [BARE, BARE]}, file_name) == [(*type_, "a")] * 2
    assert found([BARE], file_name) == [(*type_, "a")]
    assert found({"apiVersion": "v1", "kind": "PodList", "items": [BARE]}, file_name) == [V1_POD]


@pytest.mark.parametrize(
    "file_name", ["pods/team.json", "cluster-resources/pods/logs/x/y.json", "cluster-resources/x.json"]
)
def test_no_other_file_name_says_anything(file_name: str) -> None:
    assert found({"items": [BARE]}, file_name) == [None]


def test_the_last_state_of_a_deleted_object_is_known_as_such() -> None:
    value = msgspec.Raw(json.dumps({"type": "DELETED", "object": POD}).encode())

    (one,) = objects(Document(value, 1), "watch.json")

    assert isinstance(one, Object)
    assert one.is_deleted


def test_lists_in_lists_have_a_bound() -> None:
    nested: Any = POD
    for _ in range(100):
        nested = {"apiVersion": "v1", "kind": "List", "items": [nested]}

    assert found(nested) == [None]


def test_an_item_of_yaml_can_be_had_as_it_is_written() -> None:
    (document,) = documents(
        b"{apiVersion: v1, kind: PodList, items: [{metadata: {name: 1_0}}, {metadata: {name: 08}}]}"
    )
    assert isinstance(document, Document)

    names = [
        one.written()["metadata"]["name"].text
        for one in objects(document, "x")
        if isinstance(one, Object) and one.written
    ]

    assert names == ["1_0", "08"]
