"""The processes that a benchmark is made of."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

LONGEST_START_S = 120


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running simulated API server."""

    url: str
    token: str
    kubeconfig: str
    admin: str
    """A kubeconfig of somebody who may change everything."""


@asynccontextmanager
async def cluster(nodes: int, pods: int, rate: float, core: int) -> AsyncIterator[Cluster]:
    """A simulated API server in a process of its own, for as long as the context lasts."""
    arguments = ("--nodes", str(nodes), "--pods", str(pods), "--rate", str(rate), "--core", str(core))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.cluster", *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Cluster(**json.loads(await ready_line(process)))
    finally:
        process.terminate()
        await process.wait()


async def ready_line(process: asyncio.subprocess.Process) -> bytes:
    """The first line that a process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(LONGEST_START_S):
        return await process.stdout.readline()


async def curl(served: Cluster, path: str, target: Path, core: int) -> float:
    """Seconds that curl takes to download a path of the API server to a file."""
    authorization = f"Authorization: Bearer {served.token}"
    line = await last_line(
        *("taskset", "-c", str(core), "curl", "--silent", "--show-error", "--fail", "--insecure"),
        *("--header", authorization, "--output", str(target), "--write-out", "%{time_total}\n"),
        served.url + path,
    )
    return float(line)


async def last_line(*command: str) -> str:
    """The last line that a command prints; raises RuntimeError if it fails."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with exit code {process.returncode}")
    return out.decode().strip().splitlines()[-1]
