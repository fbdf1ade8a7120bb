"""The cluster of the benchmarks: a simulated API server in a process of its own, whose pods change on command.

Each line on standard input is a command, answered by one line of JSON with the number of changes made so far:
`rate N` has N pods change each second, from now on (0: none); `until N` has pods change as fast as possible until
there were N changes; `register ADDRESS PEM` has the API server forward kubesum's groups to a host:port, whose
authority is PEM in base64, and is answered once their discovery is read; `sent` only asks. It ends with its
standard input.
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

from kubesim.access import pki
from kubesim.access.kubeconfig import kubeconfig as user_kubeconfig
from kubesim.access.kubeconfig import service_kubeconfig
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
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
        server = ApiServer(store, credentials, INSTALLATION, ServerOptions(bytes_per_s=options.rate))
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
        running = asyncio.create_task(server.run())
        changes = Changes(store)
        async for line in commands(sys.stdin):
            if line.startswith("register "):
                _, address, authority = line.split(maxsplit=2)
                server.aggregator.register(address, b64decode(authority))
                await server.aggregator.ready()
            print(json.dumps(changes.command(line)), flush=True)
        running.cancel()


if __name__ == "__main__":
    uvloop.run(main())
