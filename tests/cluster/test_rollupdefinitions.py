"""A real kube-apiserver takes the CustomResourceDefinition of RollupDefinition, and refuses what its rules refuse."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubesum.rollupdefinitions.crd import custom_resource_definition
from tests.cluster.controlplane import ControlPlane
from tests.cluster.installation import eventually
from tests.cluster.local import kubesum_local
from tests.computation import JsonObject
from tests.oracle.kubectl import kubectl
from tests.unit.rollupdefinitions.samples import SAMPLE, changed, named
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


async def test_kubesum_local_serves_the_definitions_of_the_cluster(defined: ControlPlane, tmp_path: Path) -> None:
    """Without writing their status, which is not its own."""
    teams = named("teams", "Team")
    path = f"{DEFINITIONS}/{teams['metadata']['name']}"
    async with kubesum_local(defined.kubeconfig, tmp_path) as kubeconfig:

        async def is_served() -> bool:
            found = json.loads(await kubectl(kubeconfig, "get", "--raw", "/apis/rollup.kubesum.dev/v1alpha1"))
            return [one["name"] for one in found["resources"]] == ["teams"]

        async def is_gone() -> bool:
            return not await is_served()

        with defined.client() as client:
            client.create(DEFINITIONS, teams)
            await eventually(is_served, 10)
            rows = await kubectl(kubeconfig, "get", "teams", "-o", "name")
            found = client.get(path)
            client.send("DELETE", path)
        await eventually(is_gone, 10)

    assert "team.rollup.kubesum.dev/" in rows
    assert "status" not in found
