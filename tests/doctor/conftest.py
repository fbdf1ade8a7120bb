"""A scripted API server for each test that asks for one."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kubesum.doctor.cluster import Cluster
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
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
