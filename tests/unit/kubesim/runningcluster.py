"""A simulated cluster on a real socket, clients of it, and objects for its store."""

import asyncio
import json
import os
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from kubesim.access import pki as pki_of_cluster
from kubesim.access.kubeconfig import kubeconfig
from kubesim.access.pki import Pki
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import Store
from kubesum.commands.demo.simulation import INSTALLATION
from tests.hanging import HANGS_AFTER_S
from tests.wire import Answer

KUBECTL = Path(sys.executable).with_name("kubectl")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

ONE_GROUP = replace(INSTALLATION, further_api_services=())
"""kubesum with the first of its groups alone."""


@dataclass(frozen=True)
class Cluster:
    """A running API server, its store, and a directory for files of its clients."""

    store: Store
    pki: Pki
    server: ApiServer
    home: Path

    @asynccontextmanager
    async def session(self, who: str = "admin") -> AsyncIterator[aiohttp.ClientSession]:
        """A client with the certificate of one of the users; without one for any other name."""
        context = ssl.create_default_context(cadata=self.pki.authority.certificate.decode())
        if who in self.pki.people:
            context.load_cert_chain(*self.pki.people[who].write(self.home, who))
        connector = aiohttp.TCPConnector(ssl=context)
        async with aiohttp.ClientSession(self.server.url, connector=connector) as session:
            yield session

    async def request(
        self,
        method: str,
        path: str,
        who: str = "admin",
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """The response to one request; a dict as body is sent as JSON."""
        content = json.dumps(body).encode() if isinstance(body, dict) else body
        sent = {"Content-Type": "application/json"} if content else {}
        async with (
            self.session(who) as session,
            session.request(method, path, data=content, headers=sent | (headers or {})) as answer,
        ):
            return Answer(answer.status, dict(answer.headers), await answer.read())

    async def get(self, path: str, who: str = "admin", accept: str = "application/json") -> Answer:
        """The response to one GET."""
        return await self.request("GET", path, who, headers={"Accept": accept})

    @asynccontextmanager
    async def watch(self, path: str, accept: str = "application/json") -> AsyncIterator["WatchEvents"]:
        """The events of a watch as admin, whose headers have arrived."""
        async with self.session() as session, session.get(path, headers={"Accept": accept}) as answer:
            assert answer.status == 200, await answer.text()
            yield WatchEvents(answer)

    async def kubectl(self, *arguments: str, who: str = "admin") -> tuple[int, str, str]:
        """(exit code, output, errors) of the real kubectl."""
        async with self.started_kubectl(*arguments, who=who) as process:
            out, err = await asyncio.wait_for(process.communicate(), HANGS_AFTER_S)
        return process.returncode or 0, out.decode(), err.decode()

    @asynccontextmanager
    async def started_kubectl(self, *arguments: str, who: str = "admin") -> AsyncIterator[asyncio.subprocess.Process]:
        """A running kubectl, killed at the end of the context."""
        config = self.home / f"{who}.kubeconfig"
        config.write_text(json.dumps(kubeconfig(self.server.url, self.pki, who)))
        process = await asyncio.create_subprocess_exec(
            shutil.which("kubectl", path=str(KUBECTL.parent)) or "kubectl",
            *arguments,
            env={"HOME": str(self.home), "KUBECONFIG": str(config), "PATH": os.environ["PATH"]},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()


class WatchEvents:
    """The events of a watch."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer

    async def next(self) -> Any:
        """The next event, None at the regular end of the stream."""
        line = await asyncio.wait_for(self.answer.content.readline(), HANGS_AFTER_S)
        return json.loads(line) if line else None

    async def type_and_name(self) -> tuple[str, str]:
        """(type, name) of the next event."""
        event = await self.next()
        return event["type"], event["object"]["metadata"].get("name", "")


@asynccontextmanager
async def running_cluster(home: Path, options: ServerOptions) -> AsyncIterator[Cluster]:
    """A cluster that runs in a task, until the end of the context."""
    store = Store()
    pki = pki_of_cluster.create(home, INSTALLATION.service_account)
    server = ApiServer(store, pki, ONE_GROUP, options)
    running = asyncio.create_task(server.run())
    try:
        yield Cluster(store, pki, server, home)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def pod(
    name: str,
    namespace: str = "default",
    node: str = "node-1",
    phase: str = "Running",
    labels: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A pod of one container that requests half a cpu and 256 MiB."""
    requests = {"cpu": "500m", "memory": "256Mi"}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels or {}},
        "spec": {
            "nodeName": node,
            "containers": [{"name": "main", "image": "shop:1", "resources": {"requests": requests}}],
        },
        "status": {
            "phase": phase,
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "main", "ready": True, "restartCount": 0, "state": {"running": {}}}],
        },
    }


def node(name: str) -> dict[str, Any]:
    """A ready node of 4 cpus and 8 GiB."""
    size = {"cpu": "4", "memory": "8Gi", "pods": "110"}
    return {
        "metadata": {"name": name},
        "spec": {},
        "status": {
            "capacity": size,
            "allocatable": size,
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.36.2"},
        },
    }
