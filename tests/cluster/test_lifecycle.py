"""What happens to an installation in the course of its life: upgrade, restart, lost certificates, the end."""

import json
from collections.abc import Iterator

import pytest

from tests.cluster import installation
from tests.cluster.controlplane import ControlPlane
from tests.cluster.installation import (
    API_SERVICE,
    CHART,
    NAMESPACE,
    RELEASE,
    available,
    bare_control_plane,
    eventually,
    helm,
    pod,
    refused,
)
from tests.computation import JsonObject
from tests.oracle.kubectl import kubectl

pytestmark = [pytest.mark.timeout(240)]

SECRET = f"{RELEASE}-tls"
KINDS_OF_THE_CHART = (
    "apiservices,clusterroles,clusterrolebindings,roles,rolebindings,serviceaccounts,secrets,services,deployments,"
    "poddisruptionbudgets,endpointslices"
)


@pytest.fixture
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One for each test, which leaves it in a state of its own."""
    with bare_control_plane(tmp_path_factory.mktemp("lifecycle")) as plane:
        yield plane


async def got(plane: ControlPlane, *what: str) -> JsonObject:
    """An object."""
    found: JsonObject = json.loads(await kubectl(plane.kubeconfig, "get", *what, "-o", "json"))
    return found


async def bundle(plane: ControlPlane) -> str:
    """What the API server verifies us with."""
    return str((await got(plane, "apiservice", API_SERVICE))["spec"].get("caBundle", ""))


async def works(plane: ControlPlane) -> bool:
    """Whether kubectl gets nodes."""
    try:
        return "steady-1" in await kubectl(plane.kubeconfig, "get", "nosum")
    except AssertionError:
        return False


async def test_an_upgrade_and_a_restart_keep_certificates_and_trust(plane: ControlPlane) -> None:
    await installation.install(plane.kubeconfig)
    async with pod(plane) as first:
        assert await available(plane.kubeconfig) == "all checks passed"
        before = (await bundle(plane), (await got(plane, "secret", SECRET, "-n", NAMESPACE))["data"])

        await helm(plane.kubeconfig, "upgrade", RELEASE, str(CHART), "--namespace", NAMESPACE, "--set", "replicas=3")

        assert (await bundle(plane), (await got(plane, "secret", SECRET, "-n", NAMESPACE))["data"]) == before
        assert await works(plane)
        assert await first.stop() == 0

    async with pod(plane):
        await eventually(lambda: works(plane), 60)

        assert (await bundle(plane), (await got(plane, "secret", SECRET, "-n", NAMESPACE))["data"]) == before


async def test_lost_certificates_are_issued_anew_without_a_restart(plane: ControlPlane) -> None:
    await installation.install(plane.kubeconfig)
    async with pod(plane):
        assert await available(plane.kubeconfig) == "all checks passed"
        before = await bundle(plane)
        emptied = '--patch=[{"op": "remove", "path": "/data"}]'

        await kubectl(plane.kubeconfig, "patch", "secret", SECRET, "-n", NAMESPACE, "--type=json", emptied)

        async def is_renewed() -> bool:
            return await bundle(plane) != before and await works(plane)

        await eventually(is_renewed, 120)
        assert await available(plane.kubeconfig) == "all checks passed"


async def test_uninstalling_leaves_nothing(plane: ControlPlane) -> None:
    await installation.install(plane.kubeconfig)
    async with pod(plane):
        assert await available(plane.kubeconfig) == "all checks passed"
        labelled = f"app.kubernetes.io/instance={RELEASE}"
        there = await kubectl(plane.kubeconfig, "get", KINDS_OF_THE_CHART, "-A", "-l", labelled, "-o", "name")
        assert f"apiservice.apiregistration.k8s.io/{API_SERVICE}" in there

        await installation.uninstall(plane.kubeconfig)

        gone = await kubectl(plane.kubeconfig, "get", KINDS_OF_THE_CHART, "-A", "-l", labelled, "-o", "name")
        assert gone == ""
        assert await refused(plane.kubeconfig, "get", "nodesummaries") == (
            'error: the server doesn\'t have a resource type "nodesummaries"\n'
        )
        await kubectl(plane.kubeconfig, "api-resources")
        await kubectl(plane.kubeconfig, "delete", "namespace", NAMESPACE, "--timeout=60s")
