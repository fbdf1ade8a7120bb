"""A real kube-apiserver takes the CustomResourceDefinition of RollupDefinition, and refuses what its rules refuse."""

import asyncio
from collections.abc import Iterator

import pytest

from kubesum.rollupdefinitions.crd import custom_resource_definition
from tests.cluster.controlplane import ControlPlane
from tests.cluster.installation import eventually
from tests.computation import JsonObject
from tests.unit.rollupdefinitions.samples import SAMPLE, changed
from tests.unit.rollupdefinitions.test_bad_definitions import REFUSED_BY_SCHEMA

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEFINITIONS = "/apis/kubesum.dev/v1alpha1/rollupdefinitions"


@pytest.fixture(scope="module")
def defined(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The control plane with the CustomResourceDefinition, which it serves."""
    crd = custom_resource_definition()
    with plane.client() as client:
        client.create(CRDS, crd)
    asyncio.run(_served(plane))
    yield plane
    with plane.client() as client:
        client.send("DELETE", f"{CRDS}/{crd['metadata']['name']}")


async def _served(plane: ControlPlane) -> None:
    async def is_served() -> bool:
        with plane.client() as client:
            return client.send("GET", DEFINITIONS).status == 200

    await eventually(is_served, 30)


def test_the_schema_is_structural_and_the_example_is_taken(defined: ControlPlane) -> None:
    with defined.client() as client:
        made = client.create(DEFINITIONS, SAMPLE)
        crd = client.get(f"{CRDS}/rollupdefinitions.kubesum.dev")
        client.send("DELETE", f"{DEFINITIONS}/{SAMPLE['metadata']['name']}")

    conditions = {one["type"]: one["status"] for one in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert made["spec"] == SAMPLE["spec"]


def test_defaults_are_set_by_the_server(defined: ControlPlane) -> None:
    def without(spec: JsonObject) -> None:
        del spec["scope"], spec["limits"]

    with defined.client() as client:
        made = client.create(DEFINITIONS, changed(without))
        client.send("DELETE", f"{DEFINITIONS}/{SAMPLE['metadata']['name']}")

    assert made["spec"]["scope"] == "Cluster"


@pytest.mark.parametrize("name", REFUSED_BY_SCHEMA)
def test_a_bad_definition_is_refused_by_the_server_itself(defined: ControlPlane, name: str) -> None:
    with defined.client() as client:
        answer = client.send("POST", DEFINITIONS, REFUSED_BY_SCHEMA[name])

    assert answer.status == 422, answer.body
