"""kubesum's commands as a user runs them: as processes, with the real kubectl beside them.

Each process gets a directory as its home, and keeps its caches and temporary files there.
"""

import asyncio
import os
import shlex
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hanging import HANGS_AFTER_S

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Output:
    """The exit code and the output of a process that has ended."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> list[list[str]]:
        """The words of each line of the output."""
        return [line.split() for line in self.out.splitlines()]

    @property
    def names(self) -> list[str]:
        """The first word of each line."""
        return [words[0] for words in self.words]


@dataclass(frozen=True, slots=True)
class Command:
    """A running process, with its home directory."""

    process: asyncio.subprocess.Process
    home: Path

    async def ready_line(self) -> str:
        """The first line of the output, without its newline."""
        assert self.process.stdout is not None
        async with asyncio.timeout(HANGS_AFTER_S):
            line = await self.process.stdout.readline()
        assert line.endswith(b"\n"), await self.ended()
        return line.decode().removesuffix("\n")

    async def stopped(self, number: signal.Signals) -> Output:
        """Sends a signal, and gives the rest of the output once the process has ended."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> Output:
        """The rest of the output, once the process has ended."""
        return await _ended(self.process, HANGS_AFTER_S)


@dataclass(frozen=True, slots=True)
class Ready:
    """A command that has printed that it is ready."""

    command: Command
    line: str

    @property
    def kubeconfig(self) -> Path:
        """The file that the line names."""
        words = shlex.split(self.line)
        return Path(words[words.index("--kubeconfig") + 1])

    async def kubectl(self, *arguments: str, given: str = "") -> Output:
        """A run of the real kubectl with the kubeconfig of the line, and `given` as its input."""
        return await self.run_line("kubectl", "--kubeconfig", str(self.kubeconfig), *arguments, given=given)

    async def run_line(self, *arguments: str, given: str = "") -> Output:
        """A run of a command line, as a shell would find its program."""
        process = await _process(self.command.home, *arguments)
        return await _ended(process, HANGS_AFTER_S, given)


@asynccontextmanager
async def kubesum(home: Path, *arguments: str) -> AsyncIterator[Command]:
    """A command of kubesum that was just started, killed on the way out."""
    async with started(home, sys.executable, "-m", "kubesum", *arguments) as command:
        yield command


@asynccontextmanager
async def started(home: Path, *line: str, **variables: str) -> AsyncIterator[Command]:
    """A process that was just started, with more environment variables, killed on the way out."""
    process = await _process(home, *line, **variables)
    try:
        yield Command(process, home)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@asynccontextmanager
async def ready(home: Path, *arguments: str) -> AsyncIterator[Ready]:
    """A command of kubesum once it is ready."""
    async with kubesum(home, *arguments) as command:
        yield Ready(command, await command.ready_line())


async def failed(home: Path, *arguments: str) -> Output:
    """The output of a command of kubesum that ends with an error."""
    async with kubesum(home, *arguments) as command:
        return await _ended(command.process, HANGS_AFTER_S)


async def output(home: Path, *arguments: str) -> Output:
    """What a command line prints."""
    return await _ended(await _process(home, *arguments), HANGS_AFTER_S)


def permissions(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def environment(home: Path) -> dict[str, str]:
    """The environment of a process whose home is a directory of the test."""
    beside = str(Path(sys.executable).parent)
    return {
        # `make coverage` measures the process too.
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        # The kubectl that the project brings, before any other.
        "PATH": os.pathsep.join([beside, os.defpath]),
        "HOME": str(home),
        "KUBECACHEDIR": str(home / "cache"),
        "TMPDIR": str(home),
    }


async def _process(home: Path, *arguments: str, **variables: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *arguments,
        cwd=ROOT,
        env=environment(home) | variables,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def _ended(process: asyncio.subprocess.Process, within_s: float, given: str = "") -> Output:
    async with asyncio.timeout(within_s):
        out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    return Output(process.returncode, out.decode(), err.decode())
