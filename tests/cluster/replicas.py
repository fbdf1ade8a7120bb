"""Two replicas of the installed Deployment behind the address of its Service, which restart in turn."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from tests.cluster.controlplane import ControlPlane
from tests.cluster.installation import Pod, announced_host, ready, start_pod
from tests.serving.balancer import Balancer, balancing
from tests.serving.runningserver import free_port

_HOST = "127.0.0.1"


@dataclass
class Replicas:
    """The running replicas, oldest first."""

    plane: ControlPlane
    balancer: Balancer
    pods: list[Pod]

    async def start(self) -> None:
        """Starts one; returns once it is ready."""
        port = free_port()
        pod = await start_pod(self.plane, _HOST, port)
        self.pods.append(pod)
        await ready(pod)
        self.balancer.ports.add(port)

    async def restart(self) -> None:
        """Ends the oldest one as a rolling update does, no longer an endpoint, and starts another one."""
        pod = self.pods.pop(0)
        self.balancer.ports.discard(int(pod.address.rpartition(":")[2]))
        await asyncio.gather(pod.stop(), self.start())

    async def crash(self) -> None:
        """Kills the newest one while it is an endpoint, and starts another one.

        Its clients move to one that has been there for long, and keeps events from before their versions.
        """
        pod = self.pods.pop()
        pod.process.kill()
        await asyncio.gather(pod.process.wait(), self.start())
        self.balancer.ports.discard(int(pod.address.rpartition(":")[2]))


@asynccontextmanager
async def two_replicas(plane: ControlPlane) -> AsyncIterator[Replicas]:
    """Two ready replicas of the installed chart, stopped on the way out."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:

        async def is_ready(port: int) -> bool:
            try:
                async with session.get(f"https://{_HOST}:{port}/readyz") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        balancer = Balancer(is_ready)
        replicas = Replicas(plane, balancer, [])
        try:
            await asyncio.gather(replicas.start(), replicas.start())
            async with balancing(balancer, announced_host(plane), 443):
                yield replicas
        finally:
            await asyncio.gather(*(pod.stop() for pod in replicas.pods))
