"""The cluster of the benchmarks: a simulated API server in a process of its own, whose pods change on command.

Each line on standard input is a command, answered by one line of JSON with the number of changes made so far:
`rate N` has N pods change each second, from now on (0: none); `until N` has pods change as fast as possible until
there were N changes; `sent` only asks. `restart` ends the API server with all connections and starts it anew;
`authority` has the front proxy's certificate issued by a new authority, which is trusted beside those before, and
answers with the files of the pair. `register ADDRESS PEM` has the API server forward kubesum's groups to a host:port,
whose authority is PEM in base64, and is answered once their discovery is read. It ends with its standard input.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from kubesim.access import certificates, pki
from kubesim.access.kubeconfig import kubeconfig as user_kubeconfig
from kubesim.access.kubeconfig import service_kubeconfig
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.apiserver.bootstrap import AUTHENTICATION_CONFIG
from kubesim.store.store import Store
from kubesim.world.world import World
from kubesum.commands.demo.simulation import INSTALLATION
from kubesum.edge.tls.certificates import write_private
from tests.bench.commandlines import commands
from tests.bench.podchanges import change, in_random_order

SLICE = 100
"""Changes that are made before they are sent."""
SHORTEST_PAUSE_S = 0.001


class Changes:
    """Has pods change at a rate, or up to a number."""

    def __init__(self, store: Store) -> None:
        self.made = 0
        self._store = store
        self._pods = in_random_order(store)
        self._task: asyncio.Task[None] | None = None

    def command(self, line: str) -> dict[str, int]:
        """Obeys one line; a rate or number replaces the one before."""
        word, _, number = line.partition(" ")
        if word in ("rate", "until"):
            if self._task is not None:
                self._task.cancel()
            changing = self._at_rate(float(number)) if word == "rate" else self._until(int(number))
            self._task = asyncio.create_task(changing)
        return {"sent": self.made}

    async def _at_rate(self, per_s: float) -> None:
        if per_s == 0:
            return
        now = asyncio.get_running_loop().time
        began, already = now(), self.made
        while True:
            await asyncio.sleep(max(SHORTEST_PAUSE_S, 1 / per_s))
            self._change(already + int((now() - began) * per_s) - self.made)

    async def _until(self, number: int) -> None:
        while self.made < number:
            self._change(min(SLICE, number - self.made))
            await asyncio.sleep(0)

    def _change(self, number: int) -> None:
        for _ in range(number):
            change(self._store, next(self._pods))
        self.made += number


class RunningApiServer:
    """The simulated API server, which can be started anew on its port."""

    def __init__(self, store: Store, credentials: pki.Pki, bytes_per_s: float) -> None:
        self._store = store
        self._credentials = credentials
        self._bytes_per_s = bytes_per_s
        self._start(0)

    def _start(self, port: int) -> None:
        options = ServerOptions(bytes_per_s=self._bytes_per_s, port=port)
        self.server = ApiServer(self._store, self._credentials, INSTALLATION, options)
        self._task = asyncio.create_task(self.server.run())

    async def stop(self) -> None:
        """Ends it with all connections."""
        self._task.cancel()
        await asyncio.wait((self._task,))

    async def restart(self) -> None:
        """Ends it with all connections, and starts another one with the same objects."""
        await self.stop()
        self._start(int(self.server.address.rpartition(":")[2]))


class Authorities:
    """The authorities of the front proxy's certificate, of which there may be more and more."""

    def __init__(self, store: Store, directory: Path) -> None:
        self._store = store
        self._directory = directory

    def renewed(self) -> list[str]:
        """The files of a certificate and its key, issued by a new authority that is trusted from now on."""
        authority = certificates.authority("front-proxy-ca")
        stored = self._store.get("configmaps", "kube-system", AUTHENTICATION_CONFIG)
        assert stored is not None
        config = stored.decoded()
        config["data"]["requestheader-client-ca-file"] += authority.certificate.decode()
        self._store.put("configmaps", config)
        pair = certificates.client(authority, pki.FRONT_PROXY)
        return [str(path) for path in pair.write(self._directory, "renewed-front-proxy")]


async def main() -> None:
    """Serves a simulated cluster; prints its URL and credentials as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--pods", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="bytes per second")
    parser.add_argument("--core", type=int, required=True, help="processor to run on")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    store = Store()
    World(1, options.nodes, options.pods, datetime.now(UTC), INSTALLATION).fill(store)
    with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as directory:
        credentials = pki.create(Path(directory), INSTALLATION.service_account)
        authorities = Authorities(store, Path(directory))
        running = RunningApiServer(store, credentials, options.rate)
        server = running.server
        kubeconfig = Path(directory) / "kubeconfig"
        write_private(kubeconfig, json.dumps(service_kubeconfig(server.url, credentials)).encode())
        admin = Path(directory) / "admin.kubeconfig"
        write_private(admin, json.dumps(user_kubeconfig(server.url, credentials)).encode())
        paths = {"kubeconfig": str(kubeconfig), "admin": str(admin)}
        front_proxy = [str(path) for path in credentials.front_proxy_files]
        print(
            json.dumps({"url": server.url, "token": credentials.service_token, "front_proxy": front_proxy, **paths}),
            flush=True,
        )
        changes = Changes(store)
        async for line in commands(sys.stdin):
            if line.startswith("register "):
                _, address, authority = line.split(maxsplit=2)
                running.server.aggregator.register(address, b64decode(authority))
                await running.server.aggregator.ready()
            if line == "restart":
                await running.restart()
            answer = {"pair": authorities.renewed()} if line == "authority" else changes.command(line)
            print(json.dumps(answer), flush=True)
        await running.stop()


if __name__ == "__main__":
    uvloop.run(main())
