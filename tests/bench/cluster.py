"""The cluster of the benchmarks: a simulated API server in a process of its own, at a stated rate."""

import argparse
import asyncio
import json
import os
import tempfile
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


async def main() -> None:
    """Serves a simulated cluster until killed; prints its URL and credentials as one line of JSON."""
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
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.run())
            paths = {"kubeconfig": str(kubeconfig), "admin": str(admin)}
            print(json.dumps({"url": server.url, "token": credentials.service_token, **paths}), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
