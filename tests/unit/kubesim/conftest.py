"""A simulated cluster for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from kubesim.apiserver.apiserver import ServerOptions
from tests.unit.kubesim.runningcluster import Cluster, running_cluster


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A running cluster without nodes and pods."""
    async with running_cluster(tmp_path, ServerOptions()) as cluster:
        yield cluster
