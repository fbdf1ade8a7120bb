"""A kubectl that goes on, and what it says meanwhile."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.commands.running import Output, Ready
from tests.hanging import HANGS_AFTER_S


class Running:
    """A kubectl that runs and tells of its requests."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process, self._out, self._err = process, process.stdout, process.stderr

    async def words(self) -> list[str]:
        """The words of the next line of the output; none at its end."""
        async with asyncio.timeout(HANGS_AFTER_S):
            return (await self._out.readline()).decode().split()

    async def watches(self) -> None:
        """Returns once a watch was answered."""
        async with asyncio.timeout(HANGS_AFTER_S):
            async for line in self._err:
                if b"watch=true" in line and b"200 OK" in line:
                    return
        raise AssertionError("kubectl ended without a watch")

    async def ended(self) -> Output:
        """The exit code, and what was printed that nobody has read; its own log left out."""
        async with asyncio.timeout(HANGS_AFTER_S):
            out, err = await self._process.communicate()
        assert self._process.returncode is not None
        said = [line for line in err.decode().splitlines(keepends=True) if not line.startswith("I")]
        return Output(self._process.returncode, out.decode(), "".join(said))


@asynccontextmanager
async def running(demo: Ready, *arguments: str, program: str = "kubectl") -> AsyncIterator[Running]:
    """A kubectl that runs until the block ends, with a log of its requests on its standard error."""
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name(program),
        *("--kubeconfig", str(demo.kubeconfig), "-v=6", *arguments),
        env={"PATH": os.defpath, "HOME": str(demo.command.home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
