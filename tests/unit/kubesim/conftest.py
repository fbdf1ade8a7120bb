"""A simulated cluster for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from kubesim.apiserver.apiserver import ServerOptions
from tests.unit.kubesim.runningcluster import Cluster, running_cluster


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """An empty cluster that runs."""
    async with running_cluster(tmp_path, ServerOptions()) as cluster:
        yield cluster
