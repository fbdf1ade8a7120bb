"""A process that is frozen for a while, and one of two that is killed: nobody gets a wrong answer."""

import asyncio
import signal
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from tests.faults.childserver import MASTER, NAMESPACES, eventually, ready_server, simulated_cluster
from tests.faults.watchclient import events_until, names_in, version_of, watch
from tests.serving.balancer import Balancer, balancing
from tests.serving.runningserver import RunningServer, free_port


async def test_a_process_that_was_frozen_goes_on(tmp_path: Path) -> None:
    """The cluster changes meanwhile, and its API server ends all connections."""
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster) as child,
        watch(child, "") as lines,
    ):
        before = await events_until(lines, "kube-system")
        child.process.send_signal(signal.SIGSTOP)
        cluster.add_namespace("sent-while-frozen")
        asked = asyncio.create_task(child.has_namespace("sent-while-frozen"))
        await cluster.restart(cluster.pki)
        cluster.add_namespace("not-sent-while-frozen")
        cluster.store.delete("namespaces", "", "kube-public")
        child.process.send_signal(signal.SIGCONT)

        found = await events_until(lines, "sent-while-frozen", "not-sent-while-frozen")
        assert min(map(version_of, found)) > max(map(version_of, before))
        # What was asked while it was frozen is answered with a whole list, of before or after.
        await asked
        await eventually(lambda: child.has_namespace("not-sent-while-frozen"))
        assert await child.is_ready()
    assert child.other_output == []


async def test_a_replica_that_is_killed_takes_only_its_own_connections(tmp_path: Path) -> None:
    """Its watches break off, without the end of a complete response; the other replica answers all that follows."""
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster) as killed,
        ready_server(cluster) as other,
    ):
        balancer = Balancer(lambda port: is_listening(replace(other.server, port=port)))
        balancer.ports = {killed.server.port, other.server.port}
        front = replace(other.server, port=free_port())
        async with balancing(balancer, "127.0.0.1", front.port), watch(killed, "") as lines:
            await events_until(lines, "kube-system")
            await eventually(lambda: lists(front, "kube-system"))
            killed.process.send_signal(signal.SIGKILL)
            with pytest.raises(aiohttp.ClientPayloadError):
                await lines.read()
            await killed.process.wait()
            cluster.add_namespace("later")
            # At first, connections still go to the replica that was killed, and are cut.
            await eventually(lambda: always_lists(front, "later"))


async def always_lists(front: RunningServer, name: str) -> bool:
    return all([await lists(front, name) for _ in range(20)])


async def is_listening(server: RunningServer) -> bool:
    """Whether /readyz is 200; false also if nothing listens."""
    try:
        return (await server.request("/readyz")).code == 200
    except aiohttp.ClientError:
        return False


async def lists(front: RunningServer, name: str) -> bool:
    """Whether a list over a connection of its own holds a namespace; false also if the connection is cut."""
    try:
        answer = await front.forwarded(NAMESPACES, *MASTER)
    except aiohttp.ClientError:
        return False
    assert answer.code == 200, answer.body
    assert "kube-system" in names_in(answer.json)
    return name in names_in(answer.json)
