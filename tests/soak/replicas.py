"""Replicas behind one address that are replaced again and again, as by the rolling update of a Deployment.

A new pod is started and gets connections once it is ready; then an old one is sent SIGTERM, and is removed from the
endpoints at the same time (maxSurge 1, maxUnavailable 0). Connections that it has stay with it.
"""

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.server.sockets import LOOPBACK
from tests.serving.balancer import Balancer, balancing
from tests.serving.runningserver import eventually, free_port

LONGEST_START_S: Final = 60.0


class Replicas:
    """Processes of `kubesum serve` with the same arguments but for their ports."""

    def __init__(self, home: Path, authority: Path, arguments: Sequence[str], before: Sequence[str] = ()) -> None:
        """`arguments` are those of `kubesum serve` without a port; `before` runs the rest of a command line.

        `authority` signed their certificate; what they log is in the file `replicas.log` of `home`.
        """
        self.port: Final = free_port()
        """Of the address in front of them."""
        self.failures: Final[list[str]] = []
        self._command: Final = (*before, str(Path(sys.executable).with_name("kubesum")), "serve", *arguments)
        self._log: Final = home / "replicas.log"
        # A probe presents no certificate, as the kubelet.
        self._tls: Final = ssl.create_default_context(cafile=authority)
        self._balancer: Final = Balancer(self._is_ready)
        self._running: Final[dict[int, asyncio.subprocess.Process]] = {}
        self._started: Final[list[asyncio.subprocess.Process]] = []
        self.replaced = 0
        """How many have ended in order after SIGTERM."""
        self._ending: Final[set[asyncio.Task[None]]] = set()

    @asynccontextmanager
    async def serving(self, number: int) -> AsyncIterator[None]:
        """So many replicas, ready, for as long as the context lasts."""
        async with balancing(self._balancer, LOOPBACK, self.port):
            try:
                for _ in range(number):
                    await self._start()
                yield
            finally:
                for process in self._started:
                    if process.returncode is None:
                        process.kill()
                    await process.wait()

    async def replace_all(self) -> None:
        """Replaces each of them once; the last one may still be shutting down."""
        for old in list(self._running):
            await self._start()
            self._ending.add(asyncio.create_task(self._stop(old, self._running.pop(old))))

    async def ended(self) -> None:
        """Returns when all that were replaced have ended."""
        await asyncio.gather(*self._ending)

    async def _start(self) -> None:
        port = free_port()
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command, "--secure-port", str(port), stdout=log, stderr=log
            )
        self._started.append(process)
        self._running[port] = process
        await eventually(lambda: self._is_ready(port), LONGEST_START_S)
        self._balancer.ports.add(port)
        await eventually(lambda: self._is_balanced(port), LONGEST_START_S)

    async def _stop(self, port: int, process: asyncio.subprocess.Process) -> None:
        self._balancer.ports.discard(port)
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
        if code == 0:
            self.replaced += 1
        else:
            self.failures.append(f"a replica ended with exit code {code}: {self._log.read_text()[-500:]}")

    async def _is_balanced(self, port: int) -> bool:
        return port in self._balancer.ready

    async def _is_ready(self, port: int) -> bool:
        try:
            async with (
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._tls)) as session,
                session.get(f"https://{LOOPBACK}:{port}/readyz", server_hostname=SERVICE_HOST) as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError:
            return False
