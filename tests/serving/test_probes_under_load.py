"""The probes of the aggregator and of the kubelet are answered while a crowd of clients is served.

How long they take is measured by `make bench PHASES=probe`, with larger crowds.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.bench.crowd import LOADS, Target
from tests.serving.load import ROOT
from tests.serving.runningserver import RunningServer, V, fetch, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("probes")) as server:
        yield server


@pytest.mark.parametrize(
    ("load", "number"),
    [("listing", 10), ("idle", 60), ("slow-reading", 40), ("dropped-watches", 60), ("watching", 10)],
)
async def test_probes_are_answered_under_load(server: RunningServer, load: str, number: int) -> None:
    target = Target(server.port, server.tls(server.front_proxy))
    codes = []

    async with LOADS[load](target, number), server.session(server.front_proxy) as aggregator:
        for _ in range(10):
            codes.append((await fetch(aggregator, server.port, V, ROOT)).code)
            codes += [(await server.request(path)).code for path in ("/readyz", "/livez")]

    assert codes == [200] * 30
    assert target.codes.get(200, 0) > 0
