"""The rate limit on bulk responses, and how the server stops."""

import asyncio
import time
from pathlib import Path

import pytest

from kubesim.apiserver.apiserver import ServerOptions
from tests.hanging import HANGS_AFTER_S
from tests.unit.kubesim.runningcluster import Cluster, pod, running_cluster


async def test_a_large_list_takes_the_time_that_its_rate_allows(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, ServerOptions(bytes_per_s=10_000_000)) as cluster:
        cluster.store.seed("pods", (pod(f"p{index}", labels={"filler": "x" * 10_000}) for index in range(300)))
        started = time.monotonic()
        body = (await cluster.get("/api/v1/pods")).body
        took_s = time.monotonic() - started

    assert len(body) > 3_000_000
    assert 0.25 < took_s < 2


async def test_small_responses_are_not_throttled(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, ServerOptions(bytes_per_s=1000)) as cluster:
        started = time.monotonic()
        assert (await cluster.get("/version")).code == 200

        assert time.monotonic() - started < 2


async def test_a_cancelled_server_stops_at_once_with_watches_open(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with running_cluster(tmp_path / "other", ServerOptions()) as other:
        session = other.session()
        client = await session.__aenter__()
        reply = await client.get("/api/v1/pods?watch=true")
        started = time.monotonic()
    took_s = time.monotonic() - started

    with pytest.raises(Exception, match=r"not completed|payload|reset"):
        await asyncio.wait_for(reply.read(), HANGS_AFTER_S)
    await session.__aexit__(None, None, None)
    assert took_s < 1
    assert (await cluster.get("/readyz")).body == b"ok"
