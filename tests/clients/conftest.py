"""A demo in which nothing happens unless a test does it: what every client is tried on."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.commands.running import Ready, ready

STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0", "--usage-interval", "0")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """Its API server, its aggregator and kubesum behind them, one for each module."""
    home = tmp_path_factory.mktemp("demo")
    async with ready(home, "demo", *STILL, "--kubeconfig-out", str(home / "demo.kubeconfig")) as demo:
        yield demo
