"""RollupDefinitions: their registration, those that are not served, and kinds that nobody may read."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.doctor.brokencluster import ROLLUPS, Installation, healthy_except, unexpected
from tests.serving.runningserver import as_person, eventually
from tests.unit.rollupdefinitions.samples import named

pytestmark = pytest.mark.asyncio(loop_scope="module")

API_SERVICE = "v1alpha1.rollup.kubesum.dev"
SUBJECT = f"APIService {API_SERVICE}"
DEFINITIONS = "rollupdefinitions"


def put(installation: Installation, *definitions: Any) -> None:
    """Creates definitions, as the API server stores them."""
    for one in definitions:
        metadata = {**one["metadata"], "generation": 1}
        installation.server.store.put(DEFINITIONS, {"metadata": metadata, "spec": one["spec"]})


def condition(installation: Installation, name: str, type_: str) -> str:
    """The status of a condition of a definition."""
    conditions = installation.object(DEFINITIONS, "", name).get("status", {}).get("conditions", ())
    return next((str(one["status"]) for one in conditions if one["type"] == type_), "")


async def until(holds: Callable[[], bool]) -> None:
    async def is_so() -> bool:
        return holds()

    await eventually(is_so)


async def test_the_kinds_are_not_registered(installation: Installation) -> None:
    with installation.without("apiservices", "", API_SERVICE):
        lines = await installation.lines()

    assert lines == healthy_except(
        {ROLLUPS: [f"FAIL  {SUBJECT}: not found, so no kind of a RollupDefinition is served; apply the chart again"]}
    )


async def test_the_resource_is_not_installed(installation: Installation) -> None:
    with installation.without("customresourcedefinitions", "", "rollupdefinitions.kubesum.dev"):
        lines = await installation.lines()

    assert lines == healthy_except(
        {ROLLUPS: ["skip  RollupDefinitions: their CustomResourceDefinition is not installed"]}
    )


async def test_a_definition_that_is_not_established_says_why(installation: Installation) -> None:
    teams, others = "teams.rollup.kubesum.dev", "others.rollup.kubesum.dev"
    put(installation, named("teams", "Team"), named("others", "Other", filter="pod.colour == 'red'"))
    await until(lambda: condition(installation, teams, "Established") == "True")
    await until(lambda: condition(installation, others, "Accepted") == "False")

    lines = unexpected(await installation.lines())
    for name in (teams, others):
        installation.server.store.delete(DEFINITIONS, "", name)

    assert lines[0].startswith(
        f"FAIL  RollupDefinition {others}: not established, spec.filter: the expression does not compile: "
    )
    assert lines[1:] == [
        f"ok    RollupDefinitions: 1 of 2 are established; {SUBJECT} is available",
        "warn  teams of rollup.kubesum.dev: only administrators may read them; to let others do so, kubectl create "
        "clusterrolebinding readers-of-rollups --clusterrole=kubesum:rollups --group=GROUP",
    ]


async def test_a_kind_that_somebody_may_read_is_not_named(installation: Installation) -> None:
    teams = "teams.rollup.kubesum.dev"
    put(installation, named("teams", "Team"))
    await until(lambda: condition(installation, teams, "Established") == "True")
    refused = await as_person(installation.server, "viewer", "/apis/rollup.kubesum.dev/v1alpha1/teams")
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kubesum:rollups"}
    viewer = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "viewer"}
    installation.server.store.put(
        "clusterrolebindings", {"metadata": {"name": "rollups"}, "roleRef": role, "subjects": [viewer]}
    )

    lines = unexpected(await installation.lines())
    installation.server.store.delete(DEFINITIONS, "", teams)
    installation.server.store.delete("clusterrolebindings", "", "rollups")

    assert refused.code == 403
    assert lines == [f"ok    RollupDefinitions: 1 of 1 are established; {SUBJECT} is available"]
