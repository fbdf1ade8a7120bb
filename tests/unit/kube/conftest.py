"""Fixtures of the tests of kubesum.kube: a scripted API server and a connection to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.scriptedserver import Script, playing


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes proxies from the environment."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    """An API server that sends the responses that a test gives it."""
    async with playing(Script()) as script:
        yield script


@pytest.fixture
async def upstream(script: Script, tmp_path: Path) -> AsyncIterator[Upstream]:
    """A connection to the scripted API server."""
    async with await connect(kubeconfig(written_kubeconfig(tmp_path / "config", script.url), None)) as upstream:
        yield upstream
