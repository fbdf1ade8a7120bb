"""The OpenAPI documents of the built-in resources, compared with golden files and validated.

`make generate` writes the golden files.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import yaml
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import OpenAPIV2SpecValidator, OpenAPIV30SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from kubesum.api.lists.paging import ListMeta
from kubesum.api.openapi.documents import Documents, documents
from kubesum.api.representations.fields import fields
from kubesum.api.representations.objects import ObjectMeta
from kubesum.resources import RESOURCES
from kubesum.vocabulary.resource import ComputedResource, FieldSelector, Source

HERE = Path(__file__).parent
OBJECTS = HERE.parent / "resources" / "golden"
VERBS = ("get", "list", "watch")
GROUP_VERSION = ("summary.kubesum.dev", "v1alpha1")
V = "/apis/summary.kubesum.dev/v1alpha1"
P = "dev.kubesum.summary.v1alpha1."
GVK = {"group": "summary.kubesum.dev", "version": "v1alpha1"}


class JsonLoader(yaml.SafeLoader):
    """Reads YAML with times as strings, as in JSON."""


JsonLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Weight(msgspec.Struct, frozen=True):
    """A weight."""

    grams: Annotated[int, msgspec.Meta(description="Weight in grams.")]


def same_name() -> type:
    """Another struct of the same name."""

    class Weight(msgspec.Struct, frozen=True):
        """A weight of old."""

        ounces: Annotated[int, msgspec.Meta(description="Weight in ounces.")]

    return Weight


class ParcelStatus(msgspec.Struct, frozen=True, rename="camel"):
    """The status of a parcel."""

    weight: Annotated[Weight, msgspec.Meta(description="Weight of the parcel.")]
    old_weight: Annotated[same_name() | msgspec.UnsetType, msgspec.Meta(description="The same.")] = msgspec.UNSET  # type: ignore[valid-type]


PARCELS = ComputedResource(
    kind="Parcel",
    plural="parcels",
    short_names=(),
    namespaced=True,
    help="A parcel.",
    status_type=ParcelStatus,
    status=lambda _key, _parcel, _tally: None,
    columns=(),
    subjects=Source.PODS,
    subject_key=lambda _: None,
    field_selectors=(FieldSelector("status.weight", lambda _, status: str(status.weight)),),
    group="post.example.com",
    version="v1",
)


def written() -> Documents:
    return documents(RESOURCES, VERBS)


def v2_of(documents: Documents) -> Any:
    return json.loads(documents.v2.content)


def v3_of(documents: Documents, group_version: tuple[str, str] = GROUP_VERSION) -> Any:
    return json.loads(documents.v3[group_version].content)


def everything_in(value: Any) -> Iterator[dict[str, Any]]:
    """All objects at any depth."""
    if isinstance(value, dict):
        yield value
        for part in value.values():
            yield from everything_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from everything_in(part)


@pytest.mark.parametrize("what", ["openapi-v2", "openapi-v3"])
@pytest.mark.process
def test_the_rendered_document_is_the_golden_one(what: str) -> None:
    kubesum = Path(sys.executable).with_name("kubesum")
    rendered = subprocess.run([kubesum, "render", what], capture_output=True, text=True, check=True)

    assert rendered.stdout == (HERE / "golden" / f"{what.replace('-', '_')}.json").read_text()


@pytest.mark.parametrize(("name", "read"), [("openapi_v2", v2_of), ("openapi_v3", v3_of)])
def test_the_served_document_is_the_golden_one(name: str, read: Any) -> None:
    """[O7] [O12] [O13]"""
    assert read(written()) == json.loads((HERE / "golden" / f"{name}.json").read_text())


def test_an_independent_validator_accepts_the_documents() -> None:
    """[O13]"""
    OpenAPIV2SpecValidator(v2_of(written())).validate()
    OpenAPIV30SpecValidator(v3_of(written())).validate()


@pytest.mark.process
def test_the_bytes_are_the_same_on_all_replicas() -> None:
    """[O1] [O11]"""
    program = (
        "from kubesum.api.openapi.documents import documents; from kubesum.resources import RESOURCES; "
        "d = documents(RESOURCES[::-1], ('get', 'list', 'watch')); "
        "print(*(one.digest for one in (d.v2, d.v2_protobuf, d.index, *d.v3.values())))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    other = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    mine = written()
    digests = [one.digest for one in (mine.v2, mine.v2_protobuf, mine.index, *mine.v3.values())]
    assert other.stdout.split() == digests


def test_documents_are_cached_while_the_resources_stay_the_same() -> None:
    assert written() is written()


def test_the_index_names_our_group_versions_and_nothing_else() -> None:
    """[O8]"""
    two = documents((*RESOURCES, PARCELS), VERBS)

    def place(path: str, digest: str) -> dict[str, str]:
        return {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}

    posts, ours = "apis/post.example.com/v1", "apis/summary.kubesum.dev/v1alpha1"
    assert json.loads(two.index.content) == {
        "paths": {
            posts: place(posts, two.v3["post.example.com", "v1"].digest),
            ours: place(ours, two.v3[GROUP_VERSION].digest),
        }
    }


def test_paths_are_below_their_group_version() -> None:
    """[O3]"""
    two = documents((*RESOURCES, PARCELS), VERBS)

    assert set(v2_of(two)["paths"]) == {
        *(f"{V}/{r.plural}" for r in RESOURCES),
        *(f"{V}/{r.plural}/{{name}}" for r in RESOURCES if not r.namespaced),
        *(f"{V}/namespaces/{{namespace}}/{r.plural}" for r in RESOURCES if r.namespaced),
        *(f"{V}/namespaces/{{namespace}}/{r.plural}/{{name}}" for r in RESOURCES if r.namespaced),
        "/apis/post.example.com/v1/parcels",
        "/apis/post.example.com/v1/namespaces/{namespace}/parcels",
        "/apis/post.example.com/v1/namespaces/{namespace}/parcels/{name}",
    }
    assert set(v3_of(two)["paths"]) == {path for path in v2_of(two)["paths"] if path.startswith(V)}


def test_names_have_the_prefix_of_the_group_and_references_resolve() -> None:
    """[O4] [O5]"""
    for document, names, place in (
        (v2_of(written()), v2_of(written())["definitions"], "#/definitions/"),
        (v3_of(written()), v3_of(written())["components"]["schemas"], "#/components/schemas/"),
    ):
        references = {one["$ref"] for one in everything_in(document) if "$ref" in one}

        assert [name for name in names if not name.startswith(P) or "/" in name] == []
        assert references <= {f"{place}{name}" for name in names}
        assert len(references) > 25


def test_kinds_have_the_extensions_that_kubectl_reads() -> None:
    """An operation has one kind, a schema a list of kinds."""
    for schemas in (v2_of(written())["definitions"], v3_of(written())["components"]["schemas"]):
        for resource in RESOURCES:
            marked = schemas[f"{P}{resource.kind}"]["x-kubernetes-group-version-kind"]
            assert marked == [{**GVK, "kind": resource.kind}]
    for document in (v2_of(written()), v3_of(written())):
        item = document["paths"][f"{V}/nodesummaries/{{name}}"]
        assert item["get"]["x-kubernetes-group-version-kind"] == {**GVK, "kind": "NodeSummary"}
        assert item["get"]["x-kubernetes-action"] == "get"


def test_operation_ids_contain_group_and_version_and_are_unique() -> None:
    found = [item["get"]["operationId"] for item in v2_of(written())["paths"].values()]

    assert len(found) == len(set(found))
    assert [one for one in found if "SummaryKubesumDevV1alpha1" not in one] == []
    assert "listSummaryKubesumDevV1alpha1NamespacedPodSummary" in found
    assert "listSummaryKubesumDevV1alpha1PodSummaryForAllNamespaces" in found
    assert "readSummaryKubesumDevV1alpha1NodeSummary" in found


def test_every_field_is_described_in_a_sentence() -> None:
    """[O12]"""
    described = [
        (f"{name}.{field}", schema.get("description", ""))
        for name, one in v3_of(written())["components"]["schemas"].items()
        for field, schema in one.get("properties", {}).items()
    ]

    assert len(described) > 150
    assert [name for name, text in described if not (text[:1].isupper() and text.endswith("."))] == []


def test_numbers_and_times_have_their_formats() -> None:
    properties = v3_of(written())["components"]["schemas"][f"{P}WorkloadSummaryStatus"]["properties"]

    assert (properties["nodes"]["type"], properties["nodes"]["format"]) == ("integer", "int32")
    assert (properties["restarts"]["type"], properties["restarts"]["format"]) == ("integer", "int64")
    assert (properties["lastRestartTime"]["type"], properties["lastRestartTime"]["format"]) == ("string", "date-time")
    assert properties["requests"]["additionalProperties"] == {"$ref": f"#/components/schemas/{P}Quantity"}


def test_lists_have_their_map_keys() -> None:
    properties = v3_of(written())["components"]["schemas"][f"{P}ClusterSummaryStatus"]["properties"]

    keys = {name: one["x-kubernetes-list-map-keys"] for name, one in properties.items() if one.get("type") == "array"}
    assert keys == {
        "conditions": ["type"],
        "kubeletVersions": ["version"],
        "pendingReasons": ["reason"],
        "sources": ["resource"],
        "statusCounts": ["reason"],
    }


def test_the_field_selectors_of_a_resource_are_described() -> None:
    operation = v3_of(written())["paths"][f"{V}/workloadsummaries"]["get"]

    description = next(one["description"] for one in operation["parameters"] if one["name"] == "fieldSelector")
    assert description.endswith(
        " Fields: metadata.name, metadata.namespace, status.health, status.workloadRef.kind, status.workloadRef.name."
    )


def test_watching_is_told_where_it_is_served() -> None:
    def parameters(verbs: tuple[str, ...]) -> tuple[set[str], bool]:
        operation = v2_of(documents(RESOURCES, verbs))["paths"][f"{V}/nodesummaries"]["get"]
        is_streamed = "application/json;stream=watch" in operation["produces"]
        return {parameter["name"] for parameter in operation["parameters"]}, is_streamed

    listing = {"labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch"}
    watching = {"watch", "allowWatchBookmarks", "sendInitialEvents", "timeoutSeconds"}
    assert parameters(("get", "list")) == (listing, False)
    assert parameters(VERBS) == (listing | watching, True)


def test_the_schema_of_metadata_matches_the_served_metadata() -> None:
    schemas = v3_of(written())["components"]["schemas"]

    assert list(schemas[f"{P}ObjectMeta"]["properties"]) == sorted(field.name for field in fields(ObjectMeta))
    assert list(schemas[f"{P}ListMeta"]["properties"]) == sorted(field.name for field in fields(ListMeta))


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
def test_served_objects_match_their_schemas(resource: ComputedResource) -> None:
    """No object has a field that is not in its schema, or of another type."""
    document = v3_of(written())
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    registry: Registry[Any] = Registry().with_resource("urn:kubesum", DRAFT202012.create_resource(document))
    reference = {"$ref": f"urn:kubesum#/components/schemas/{P}{resource.kind}"}
    validator = OAS30Validator(reference, registry=registry)

    objects = list(yaml.load_all((OBJECTS / f"{resource.plural}.yaml").read_text(), JsonLoader))

    assert objects
    assert [error.message for one in objects for error in validator.iter_errors(one)] == []


def test_structs_of_the_same_name_have_a_schema_each() -> None:
    prefix = "com.example.post.v1."
    schemas = v3_of(documents((PARCELS,), VERBS), ("post.example.com", "v1"))["components"]["schemas"]

    status = schemas[f"{prefix}ParcelStatus"]["properties"]
    assert status["weight"]["allOf"] == [{"$ref": f"#/components/schemas/{prefix}Weight"}]
    assert status["oldWeight"]["allOf"] == [{"$ref": f"#/components/schemas/{prefix}Weight2"}]
    assert (list(schemas[f"{prefix}Weight"]["properties"]), list(schemas[f"{prefix}Weight2"]["properties"])) == (
        ["grams"],
        ["ounces"],
    )


def test_if_none_match_may_have_several_forms() -> None:
    document = written().v2

    tags = [document.etag, f"W/{document.etag}", f'"other", {document.etag}', "*"]
    assert [document.matches(text) for text in tags] == [True] * 4
    assert [document.matches(text) for text in ("", '"other"', document.digest)] == [False] * 3
