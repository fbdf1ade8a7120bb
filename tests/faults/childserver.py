"""`kubesum serve` as a process of its own, beside a simulated cluster in the test's process, over TLS."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kubesim.access import certificates
from kubesim.access import pki as pki_of_cluster
from kubesim.access.kubeconfig import service_kubeconfig
from kubesim.access.pki import Pki
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import Store
from kubesim.world.world import World
from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.commands.demo.simulation import INSTALLATION
from tests.commands.running import ROOT, environment
from tests.hanging import HANGS_AFTER_S
from tests.serving import runningserver
from tests.serving.runningserver import RunningServer, V, free_port, is_ready

NAMESPACES = f"{V}/namespacesummaries"
MASTER = ("root", "system:masters")
USUAL = ServerOptions()

LogLine = dict[str, Any]


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Returns when `check` holds, which is polled."""
    await runningserver.eventually(check, HANGS_AFTER_S)


class Cluster:
    """A simulated cluster; its API server can be stopped, and started again on its port with other credentials."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ca_file = home / "kubernetes-ca.crt"
        self.store = Store()
        World(1, 8, 80, datetime.now(UTC), INSTALLATION).fill(self.store)
        self.pki = pki_of_cluster.create(home, INSTALLATION.service_account)
        self.authority = certificates.authority("kubesum-ca")
        certificates.serving(self.authority, (SERVICE_HOST, "127.0.0.1")).write(home, "serving")
        self._port = 0
        self._running: asyncio.Task[None] | None = None

    async def start(self, options: ServerOptions = USUAL) -> None:
        """Starts the API server."""
        self.api = ApiServer(self.store, self.pki, INSTALLATION, replace(options, port=self._port))
        self._port = int(self.api.address.rpartition(":")[2])
        self._running = asyncio.create_task(self.api.run())

    async def stop(self) -> None:
        """Stops the API server; its connections are reset."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.wait((self._running,))

    async def restart(self, pki: Pki) -> None:
        """Starts the API server again, with other credentials."""
        await self.stop()
        self.pki = pki
        await self.start()

    def kubeconfig(self, url: str = "", **user: str) -> Path:
        """A kubeconfig of the service account, with a token unless `user` says otherwise, and the CA in a file."""
        config = service_kubeconfig(self.api.url, self.pki)
        self.ca_file.write_bytes(self.pki.authority.certificate)
        # The certificate has no name that a test makes up.
        name = {"tls-server-name": "localhost"} if url else {}
        config["clusters"][0]["cluster"] = {
            "server": url or self.api.url,
            "certificate-authority": str(self.ca_file),
            **name,
        }
        if user:
            config["users"][0]["user"] = user
        path = self.home / "service.kubeconfig"
        path.write_bytes(msgspec.json.encode(config))
        return path

    def add_namespace(self, name: str, **labels: str) -> None:
        """A namespace, or its labels: a change that is seen in the summaries of namespaces."""
        self.store.put("namespaces", {"metadata": {"name": name, "labels": labels}})


@asynccontextmanager
async def simulated_cluster(home: Path, options: ServerOptions = USUAL) -> AsyncIterator[Cluster]:
    """A cluster whose API server runs."""
    cluster = Cluster(home)
    await cluster.start(options)
    try:
        yield cluster
    finally:
        await cluster.stop()


@dataclass
class ChildServer:
    """A running `kubesum serve`."""

    process: asyncio.subprocess.Process
    server: RunningServer
    """What sends requests to it."""
    log: list[LogLine] = field(default_factory=list)
    other_output: list[str] = field(default_factory=list)
    """Lines on standard error that are not of the log."""
    has_ended: bool = False
    """Whether standard error has ended, with the process."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read_log(self) -> None:
        """Reads standard error until it ends, unless the test reads it."""
        if self.process.stderr is None:
            return
        async for line in self.process.stderr:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.other_output.append(line.decode())
            async with self._changed:
                self._changed.notify_all()
        self.has_ended = True
        async with self._changed:
            self._changed.notify_all()

    async def logged(self, message: str, reason: str = "") -> LogLine:
        """The first line of the log with this message, and this in its reason, once it is there."""
        async with asyncio.timeout(HANGS_AFTER_S), self._changed:
            await self._changed.wait_for(lambda: self.lines(message, reason) or self.has_ended)
        assert self.lines(message, reason), self.other_output
        return self.lines(message, reason)[0]

    def lines(self, message: str, reason: str = "") -> list[LogLine]:
        """The lines with a message, and this in their reason, so far."""
        return [line for line in self.log if line["message"] == message and reason in line.get("reason", "")]

    async def ended(self) -> int:
        """The exit code, once the process has ended."""
        async with asyncio.timeout(HANGS_AFTER_S):
            return await self.process.wait()

    async def has_namespace(self, name: str) -> bool:
        """Whether the summary of a namespace is served; fails the test for any answer but a whole list."""
        answer = await self.server.forwarded(NAMESPACES, *MASTER)
        assert answer.code == 200, answer.body
        names = {item["metadata"]["name"] for item in answer.json["items"]}
        assert "kube-system" in names
        return name in names

    async def is_ready(self) -> bool:
        """Whether /readyz is 200."""
        return (await self.server.request("/readyz")).code == 200

    async def metric(self, series: str) -> float:
        """The value of a series as it stands in /metrics; 0 if it is not there."""
        text = (await self.server.forwarded("/metrics", *MASTER)).body.decode()
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(series)), 0.0)


@asynccontextmanager
async def started_server(
    cluster: Cluster,
    *flags: str,
    kubeconfig: Path | None = None,
    faults: dict[str, Any] | None = None,
    stderr: int = subprocess.PIPE,
) -> AsyncIterator[ChildServer]:
    """A server that was just started, under `faults` of tests.faults.confinement, killed on the way out.

    Its log is read from standard error, unless that is another descriptor.
    """
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.faults.confinement", json.dumps(faults or {}), "serve"),
        *("--bind-address", "127.0.0.1", "--secure-port", str(port)),
        *("--kubeconfig", str(kubeconfig or cluster.kubeconfig()), "--shutdown-delay-duration", "0s"),
        *("--tls-cert-file", str(cluster.home / "serving.crt")),
        *("--tls-private-key-file", str(cluster.home / "serving.key")),
        *flags,
        cwd=ROOT,
        env=environment(cluster.home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
    )
    server = RunningServer(cluster.store, cluster.pki, cluster.api, port, cluster.authority, cluster.home)
    child = ChildServer(process, server)
    reading = asyncio.create_task(child.read_log())
    try:
        yield child
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.wait((reading,))


@asynccontextmanager
async def ready_server(cluster: Cluster, *flags: str, **options: Any) -> AsyncIterator[ChildServer]:
    """A server that is ready; the options are those of `started_server`."""
    async with started_server(cluster, *flags, **options) as child:
        await eventually(lambda: is_ready(child.server))
        yield child
