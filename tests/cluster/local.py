"""`kubesum local` as a person runs it: a process that serves one cluster to one kubeconfig."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_LONGEST_START_S = 30
_LONGEST_STOP_S = 10


@asynccontextmanager
async def kubesum_local(cluster: Path, directory: Path) -> AsyncIterator[Path]:
    """Serves the cluster of a kubeconfig; yields the kubeconfig of what is served, once it is ready."""
    kubeconfig = directory / "kubesum.kubeconfig"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kubesum", "local"),
        *("--kubeconfig", str(cluster), "--kubeconfig-out", str(kubeconfig)),
        env={"PATH": os.environ["PATH"], "HOME": str(directory)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await _await_ready(process)
        yield kubeconfig
    finally:
        if process.returncode is None:
            process.terminate()
            await asyncio.wait_for(process.communicate(), _LONGEST_STOP_S)


async def _await_ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), _LONGEST_START_S)
    if not line.startswith(b"ready: "):
        _, err = await asyncio.wait_for(process.communicate(), _LONGEST_STOP_S)
        raise AssertionError(f"kubesum local did not become ready: {line.decode()}{err.decode()}")


async def doctor(cluster: Path, *more: str) -> str:
    """What `kubesum doctor` prints about the cluster of a kubeconfig."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kubesum", "doctor", "--kubeconfig", str(cluster), *more),
        env={"PATH": os.environ["PATH"], "HOME": str(cluster.parent)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), _LONGEST_STOP_S)
    return out.decode() + err.decode()
