"""Real clusters, and kubesum beside them or in them; skipped where there is none."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster import installation
from tests.cluster.controlplane import HOW_TO, ControlPlane, binaries, control_plane
from tests.cluster.installation import CLUSTER, IMAGE, Pod, available, bare_control_plane, pod
from tests.cluster.local import kubesum_local
from tests.cluster.stage import enact
from tests.oracle.testpods import nodes, pods


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane, and all nodes and pods of the oracle in the state that their status tells."""
    assets = binaries()
    if assets is None:
        pytest.skip(HOW_TO)
    with control_plane(assets, tmp_path_factory.mktemp("control-plane")) as plane:
        with plane.client() as client:
            enact(client, nodes(), pods(datetime.now(UTC)))
        yield plane


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kubesum(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The kubeconfig of a kubesum that serves the control plane."""
    async with kubesum_local(plane.kubeconfig, tmp_path_factory.mktemp("kubesum")) as kubeconfig:
        yield kubeconfig


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with its controllers, nodes and pods, and nothing of kubesum."""
    with bare_control_plane(tmp_path_factory.mktemp("installation")) as plane:
        yield plane


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(bare: ControlPlane) -> AsyncIterator[Pod]:
    """The chart, installed in it, and its pod."""
    await installation.install(bare.kubeconfig)
    async with pod(bare) as played:
        assert await available(bare.kubeconfig) == "all checks passed"
        yield played


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def elsewhere() -> AsyncIterator[Path]:
    """The kubeconfig of the cluster that the environment names, with the chart in it."""
    kubeconfig = Path(os.environ[CLUSTER])
    repository, _, tag = os.environ[IMAGE].rpartition(":")
    await installation.install(kubeconfig, "--set", f"image.repository={repository},image.tag={tag}")
    try:
        assert await available(kubeconfig) == "all checks passed"
        yield kubeconfig
    finally:
        await installation.uninstall(kubeconfig)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Path:
    """The kubeconfig of a cluster with the chart in it: one that the environment names, else one of our own."""
    if CLUSTER in os.environ:
        named: Path = request.getfixturevalue("elsewhere")
        return named
    played: Pod = request.getfixturevalue("played")
    return played.plane.kubeconfig
