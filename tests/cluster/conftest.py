"""A real control plane with every shape of pod in it, and kubesum reading it; skipped where there is none."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from tests.cluster.controlplane import HOW_TO, ControlPlane, binaries, control_plane
from tests.cluster.local import kubesum_local
from tests.cluster.stage import enact
from tests.oracle.shapes import nodes, pods


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
