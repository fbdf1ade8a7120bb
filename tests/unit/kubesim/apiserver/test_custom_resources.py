"""RollupDefinitions as the custom resource that they are: their schema, their status, and their definition."""

from copy import deepcopy
from typing import Any

import pytest

from tests.unit.kubesim.runningcluster import Cluster
from tests.unit.rollupdefinitions.samples import SAMPLE
from tests.wire import Answer

PATH = "/apis/kubesum.dev/v1alpha1/rollupdefinitions"
OWN = f"{PATH}/{SAMPLE['metadata']['name']}"
MERGE = {"Content-Type": "application/merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}
STATUS = {"observedGeneration": 1, "groups": 2, "conditions": []}


async def created(cluster: Cluster, **spec: Any) -> Answer:
    """The response to the creation of the sample with another spec."""
    obj = deepcopy(SAMPLE)
    obj["spec"] |= spec
    return await cluster.request("POST", PATH, body=obj)


async def applied(cluster: Cluster, status: Any, version: str) -> Answer:
    """The response to a server-side apply of the status."""
    body = {
        "apiVersion": "kubesum.dev/v1alpha1",
        "kind": "RollupDefinition",
        "metadata": {"name": SAMPLE["metadata"]["name"], "resourceVersion": version},
        "status": status,
    }
    path = f"{OWN}/status?fieldManager=kubesum&force=true"
    return await cluster.request("PATCH", path, body=body, headers=APPLY)


async def test_defaults_are_set_and_unknown_fields_pruned(cluster: Cluster) -> None:
    obj = deepcopy(SAMPLE)
    del obj["spec"]["scope"]
    obj["spec"]["colour"] = "red"

    answer = await cluster.request("POST", PATH, body=obj)

    assert answer.code == 201
    assert answer.json["spec"] == SAMPLE["spec"]
    assert answer.json["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            {"source": "Volumes"},
            'spec.source: Unsupported value: "Volumes": supported values: "Nodes", "Pods", "Workloads"',
        ),
        ({"measures": "many"}, 'spec.measures: Invalid value: "str": spec.measures in body must be of type array'),
        ({"groupBy": [{"label": "team"}]}, "spec.groupBy[0].name: Required value"),
        (
            {"limits": {"maxGroups": 0}},
            "spec.limits.maxGroups: Invalid value: spec.limits.maxGroups in body should be at least 1",
        ),
    ],
)
async def test_what_the_schema_does_not_allow_is_invalid(
    cluster: Cluster, spec: dict[str, Any], sentence: str
) -> None:
    answer = await created(cluster, **spec)

    assert (answer.code, answer.json["reason"]) == (422, "Invalid")
    assert answer.json["message"] == (
        f'RollupDefinition.kubesum.dev "teamusages.rollup.kubesum.dev" is invalid: {sentence}'
    )
    assert (await cluster.get(OWN)).code == 404


async def test_only_another_spec_is_another_generation(cluster: Cluster) -> None:
    await created(cluster)

    labelled = await cluster.request("PATCH", OWN, body={"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    changed = await cluster.request("PATCH", OWN, body={"spec": {"scope": "Namespaced"}}, headers=MERGE)
    refused = await cluster.request("PATCH", OWN, body={"spec": {"scope": "Galaxy"}}, headers=MERGE)

    assert [answer.json["metadata"].get("generation") for answer in (labelled, changed)] == [1, 2]
    assert refused.code == 422


async def test_an_applied_status_replaces_the_one_before_and_leaves_the_rest(cluster: Cluster) -> None:
    version = (await created(cluster)).json["metadata"]["resourceVersion"]

    first = await applied(cluster, STATUS, version)
    second = await applied(cluster, {"groups": 3}, first.json["metadata"]["resourceVersion"])

    assert (first.code, first.json["status"]) == (200, STATUS)
    assert second.json["status"] == {"groups": 3}
    assert second.json["spec"] == SAMPLE["spec"]
    assert second.json["metadata"]["generation"] == 1


async def test_a_status_for_an_older_version_is_a_conflict(cluster: Cluster) -> None:
    version = (await created(cluster)).json["metadata"]["resourceVersion"]
    first = await applied(cluster, STATUS, version)

    late = await applied(cluster, STATUS, version)

    assert (first.code, late.code, late.json["reason"]) == (200, 409, "Conflict")


async def test_an_equal_status_is_no_change(cluster: Cluster) -> None:
    version = (await created(cluster)).json["metadata"]["resourceVersion"]
    first = await applied(cluster, STATUS, version)

    again = await applied(cluster, STATUS, "")

    assert again.json["metadata"]["resourceVersion"] == first.json["metadata"]["resourceVersion"]


async def test_a_status_has_its_schema_too(cluster: Cluster) -> None:
    version = (await created(cluster)).json["metadata"]["resourceVersion"]

    assert (await applied(cluster, {"groups": "many"}, version)).code == 422


async def test_without_its_definition_the_resource_does_not_exist(cluster: Cluster) -> None:
    crd = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/rollupdefinitions.kubesum.dev"
    before = (await cluster.get(PATH)).code

    await cluster.request("DELETE", crd)

    assert (before, (await cluster.get(PATH)).code) == (200, 404)
