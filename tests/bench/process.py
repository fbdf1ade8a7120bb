"""Processes that a benchmark waits for on its event loop."""

import asyncio

LONGEST_START_S = 120


async def ready_line(process: asyncio.subprocess.Process) -> bytes:
    """The first line that a process prints."""
    assert process.stdout is not None
    async with asyncio.timeout(LONGEST_START_S):
        return await process.stdout.readline()


async def last_line(*command: str) -> str:
    """The last line that a command prints; raises RuntimeError if it fails."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} failed with exit code {process.returncode}")
    return out.decode().strip().splitlines()[-1]
