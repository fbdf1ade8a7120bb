"""Many watches of one kind: what each takes at rest, and how long one change takes to reach them all.

The real `kubesum local` runs alone on its core; here is the client. A row's version tells when it was published.
Prints one line of JSON: bytes per watch, and seconds from the publication of a change to the last one who has it.
"""

import argparse
import asyncio
import json
import os
import resource
import ssl
import sys
import tempfile
import time
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvloop
import yaml

from kubesum.edge.tls.certificates import write_private
from kubesum.rollups.resourceversion import issued_at
from tests.bench.measuredserver import PAGE_BYTES
from tests.bench.process import last_line, ready_line

NODES = "/apis/summary.kubesum.dev/v1alpha1/nodesummaries"
CHANGES = 5
Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""A connection, which is closed when nobody holds its writer."""

AT_ONCE = 50
"""Connections that are opened at the same time."""
FILES = 8192


@asynccontextmanager
async def kubesum(kubeconfig: Path, home: Path, core: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`kubesum local`, ready, for as long as the context lasts."""
    program = Path(sys.executable).with_name("kubesum")
    process = await asyncio.create_subprocess_exec(
        *("taskset", "-c", str(core), str(program), "local", "--kubeconfig", str(kubeconfig)),
        # No news but the changes that are measured.
        *("--usage-interval", "0"),
        *("--kubeconfig-out", str(home / "kubeconfig")),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await ready_line(process)
        yield process
    finally:
        process.terminate()
        await process.wait()


def resident_bytes(process: asyncio.subprocess.Process) -> int:
    """Memory of a process that is in use."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * PAGE_BYTES


class Target:
    """A server and the certificate that it knows, as a kubeconfig names them."""

    def __init__(self, kubeconfig: Path) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        self.host = urlsplit(cluster["server"])
        self.tls = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
        pair = kubeconfig.with_suffix(".pem")
        write_private(pair, b"".join(b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        self.tls.load_cert_chain(pair)

    async def ask(self, path: str) -> Wire:
        """Sends a request on a connection of its own; what is to be read begins after the head."""
        reader, writer = await asyncio.open_connection(self.host.hostname, self.host.port, ssl=self.tls)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        return reader, writer


async def next_event(wire: Wire) -> tuple[int, float]:
    """The version of the next event, and when it had come."""
    reader, _ = wire
    size = int(await reader.readline(), 16)
    chunk = await reader.readexactly(size + 2)
    return int(json.loads(chunk)["object"]["metadata"]["resourceVersion"]), time.time()


async def opened(target: Target, number: int) -> list[Wire]:
    """So many watches of all nodes from now on, at rest."""
    query = "watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"
    watches: list[Wire] = []
    for start in range(0, number, AT_ONCE):
        most = min(AT_ONCE, number - start)
        watches += await asyncio.gather(*(target.ask(f"{NODES}?{query}") for _ in range(most)))
    return watches


async def reached_all_s(watches: list[Wire], admin: Path, value: int) -> float:
    """How long after its publication a change of one node has come to all watches."""
    kubectl = Path(sys.executable).with_name("kubectl")
    coming = asyncio.gather(*map(next_event, watches))
    await last_line(
        str(kubectl), "--kubeconfig", str(admin), "label", "node", "cp-01", f"bench=change-{value}", "--overwrite"
    )
    came = await coming
    if len({version for version, _ in came}) != 1:
        raise RuntimeError("not all watches have the same event")
    return max(at for _, at in came) - issued_at(came[0][0])


async def main() -> None:
    """Opens the watches, lets them rest, and has a node change a few times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--admin", type=Path, required=True, help="kubeconfig of who may change nodes")
    parser.add_argument("--watches", type=int, required=True)
    parser.add_argument("--core", type=int, required=True, help="processor of kubesum")
    parser.add_argument("--own-core", type=int, required=True, help="processor of the client")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.own_core})
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, max(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    with tempfile.TemporaryDirectory() as folder:
        async with kubesum(options.kubeconfig, Path(folder), options.core) as server:
            target = Target(Path(folder) / "kubeconfig")
            await opened(target, AT_ONCE)
            await asyncio.sleep(1)
            before = resident_bytes(server)
            watches = await opened(target, options.watches)
            await asyncio.sleep(1)
            each = (resident_bytes(server) - before) / options.watches
            seconds = []
            for value in range(CHANGES):
                seconds.append(await reached_all_s(watches, options.admin, value))
                # A row that has just changed rests for a second.
                await asyncio.sleep(1.5)
    print(json.dumps({"watch_bytes": each, "reached_all_s": seconds}))


if __name__ == "__main__":
    uvloop.run(main())
