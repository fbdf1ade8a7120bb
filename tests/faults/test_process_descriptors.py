"""A process without a free descriptor: what is open goes on, and all is as before once there are some again."""

import asyncio
import os
import signal
import time
from pathlib import Path

import aiohttp

from tests.faults.childserver import ChildServer, eventually, ready_server, simulated_cluster
from tests.faults.watchclient import events_until, watch

DESCRIPTORS = 80
CLIENTS = 200


def cpu_s(child: ChildServer) -> float:
    """The processor time that the process has taken."""
    fields = Path(f"/proc/{child.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def is_ready(child: ChildServer) -> bool:
    """Whether /readyz is 200 on a new connection; false also if that is not accepted."""
    try:
        async with asyncio.timeout(5):
            return await child.is_ready()
    except (aiohttp.ClientError, TimeoutError):
        return False


async def test_a_process_that_can_open_nothing_serves_what_is_open_and_recovers(tmp_path: Path) -> None:
    """Its connections to the API server are cut meanwhile, and it can make no new ones.

    Then more clients connect than there are descriptors, and send nothing.
    """
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, faults={"descriptors": DESCRIPTORS}) as child,
        watch(child, "") as lines,
    ):
        await events_until(lines, "kube-system")
        child.process.send_signal(signal.SIGUSR1)
        waiting = [await asyncio.open_connection("127.0.0.1", child.server.port) for _ in range(5)]
        cluster.add_namespace("seen")
        await events_until(lines, "seen")

        began, used = time.monotonic(), cpu_s(child)
        await cluster.restart(cluster.pki)
        await child.logged("list or watch failed", "too many open files")
        # A loop that accepts and fails takes all the time there is.
        assert cpu_s(child) - used < 0.8 * (time.monotonic() - began)

        child.process.send_signal(signal.SIGUSR2)
        cluster.add_namespace("recovered")
        await events_until(lines, "recovered")
        for _, writer in waiting:
            writer.transport.abort()
        await eventually(lambda: is_ready(child))
        assert await child.has_namespace("recovered")

        silent = [await asyncio.open_connection("127.0.0.1", child.server.port) for _ in range(CLIENTS)]
        cluster.add_namespace("seen among clients")
        await events_until(lines, "seen among clients")
        for _, writer in silent:
            writer.transport.abort()
        await eventually(lambda: is_ready(child))
        assert await child.has_namespace("seen among clients")
    assert child.other_output == []
