"""A rolling update: two replicas behind one address are replaced one after the other, and no request fails.

`make soak` does so ten times, with the chart's shutdown delay.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

from kubesum.commands.serve.run import serve
from kubesum.server.runtime import Limits
from tests.bench.options import Size
from tests.bench.stage import simulated_cluster
from tests.serving.balancer import Balancer, balancing
from tests.serving.load import load
from tests.serving.runningserver import RunningServer, eventually, free_port, is_ready, options, running_server
from tests.soak.restarts import restarts

LIMITS = Limits(shutdown_delay_s=1.0)


async def test_a_rolling_update_fails_no_request(tmp_path: Path) -> None:
    """A terminating pod answers during the shutdown delay, and a new one gets requests only when it is ready."""
    async with running_server(tmp_path, LIMITS) as first:
        balancer = Balancer(lambda port: is_ready(replace(first, port=port)))
        front = replace(first, port=free_port())
        shutdowns = {first.port: first.shutdown}
        balancer.ports = {first.port}

        async with asyncio.TaskGroup() as tasks, balancing(balancer, "127.0.0.1", front.port):

            async def add() -> None:
                port = free_port()
                shutdowns[port] = asyncio.Event()
                running = tasks.create_task(serve(options(first, LIMITS, port), shutdowns[port]))
                running.add_done_callback(lambda _: balancer.ports.discard(port))
                balancer.ports.add(port)
                await eventually(lambda: is_ready(replace(first, port=port)))

            await add()
            async with load(front, lambda: first.tls(first.front_proxy)) as clients:
                for old in list(shutdowns):
                    await add()
                    shutdowns[old].set()
                    await eventually(lambda: is_gone(first, old))  # noqa: B023  # awaited in this round
                    balancer.ports.discard(old)
                await clients.reaches(50)
            for shutdown in shutdowns.values():
                shutdown.set()

    assert clients.failures == []
    assert clients.answered > 200


async def test_processes_that_are_sent_sigterm_fail_no_request() -> None:
    """SIGTERM comes at the moment in which the endpoint is removed, while clients list and watch."""
    with simulated_cluster(Size(nodes=10, pods=200), bytes_per_s=80e6) as cluster:
        found = await restarts(cluster, number=1, shutdown_delay_s=1)

    assert found.failures == ()
    assert found.replaced == 2
    assert found.counts.lists > 50
    assert found.counts.events > 50


async def is_gone(server: RunningServer, port: int) -> bool:
    """Whether no server listens on the port."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return True
    writer.close()
    return False
