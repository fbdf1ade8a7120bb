"""What the tests of the doctor share: a healthy installation for each module, a scripted API server for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kubesum.doctor.cluster import Cluster
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from tests.doctor.brokencluster import Installation, installed
from tests.doctor.scriptedcluster import Scripted
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.scriptedserver import Script, playing


@pytest.fixture
async def scripted(tmp_path: Path) -> AsyncIterator[Scripted]:
    """An API server with an empty script."""
    async with (
        playing(Script()) as script,
        await connect(kubeconfig(written_kubeconfig(tmp_path / "config", script.url), None)) as upstream,
    ):
        yield Scripted(script, Cluster(upstream))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_installation(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """The installation that the tests of one module break and restore."""
    async with installed(tmp_path_factory.mktemp("installation")) as installation:
        await installation.until_condition("Passed")
        yield installation


@pytest_asyncio.fixture(loop_scope="module")
async def installation(shared_installation: Installation) -> AsyncIterator[Installation]:
    """A healthy installation; the API server finds it available again after the test."""
    yield shared_installation
    await shared_installation.until_condition("Passed")
