"""A program on a pseudo-terminal, whose output an emulator (pyte) turns into a screen.

A test presses keys, and waits for what the screen is to show.
"""

import asyncio
import fcntl
import os
import re
import signal
import struct
import sys
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pyte

from tests.commands.running import ROOT, environment
from tests.hanging import HANGS_AFTER_S

# Long, because it ends a test that fails; a busy machine takes ten seconds to start a program.
WITHIN_S = 60.0
# An escape sequence that pyte does not know, and would show.
_UNKNOWN = re.compile(rb"\x1b\[<u")


class Terminal:
    """A terminal of some size and the program that runs on it."""

    def __init__(self, master: int, process: asyncio.subprocess.Process, columns: int, lines: int) -> None:
        self.screen = pyte.Screen(columns, lines)
        self.written = bytearray()
        """All that the program has written."""
        self._process = process
        self._master = master
        self._emulator = pyte.ByteStream(self.screen)
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def line(self, beginning: str) -> str:
        """The first line that begins with a text, empty if there is none."""
        return next((line for line in self.text.splitlines() if line.startswith(beginning)), "")

    def press(self, keys: str) -> None:
        """Presses keys, given as what a terminal sends for them."""
        os.write(self._master, keys.encode())

    async def until(self, shows: Callable[[], Any], within_s: float = WITHIN_S) -> None:
        """Waits until a condition of the screen holds; fails with the text of the screen if it does not."""
        try:
            async with asyncio.timeout(within_s):
                while not shows():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"after {within_s} s the screen shows:\n{self.text}") from None

    async def shows(self, text: str) -> None:
        """Waits until the screen shows a text."""
        await self.until(lambda: text in self.text)

    def resize(self, columns: int, lines: int) -> None:
        """Changes the size, as resizing a window does."""
        self.screen.resize(lines, columns)
        _set_size(self._master, columns, lines)
        # The kernel signals only the session of a controlling terminal, which this is not.
        self._process.send_signal(signal.SIGWINCH)

    async def ended(self) -> int:
        """The exit code of the program."""
        async with asyncio.timeout(HANGS_AFTER_S):
            code = await self._process.wait()
        self._read()
        return code

    async def stopped(self, number: signal.Signals) -> int:
        """The exit code of the program after a signal."""
        self._process.send_signal(number)
        return await self.ended()

    def _read(self) -> None:
        try:
            chunk = os.read(self._master, 1 << 20)
        except (BlockingIOError, OSError):
            return
        self.written += chunk
        self._emulator.feed(_UNKNOWN.sub(b"", chunk))
        self._changed.set()


@asynccontextmanager
async def on_terminal(
    home: Path, *arguments: str, size: tuple[int, int] = (80, 24), **variables: str
) -> AsyncIterator[Terminal]:
    """A command of kubesum on a terminal, ended on the way out."""
    master, slave = os.openpty()
    os.set_blocking(master, False)
    _set_size(slave, *size)
    before = termios.tcgetattr(slave)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kubesum", *arguments),
        cwd=ROOT,
        env={**environment(home), "TERM": "xterm-256color", "COLORTERM": "truecolor", **variables},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    terminal = Terminal(master, process, *size)
    try:
        yield terminal
        assert termios.tcgetattr(slave) == before or process.returncode is None
    finally:
        asyncio.get_running_loop().remove_reader(master)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(slave)
        os.close(master)


def _set_size(terminal: int, columns: int, lines: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
