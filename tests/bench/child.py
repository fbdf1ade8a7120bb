"""A process of a benchmark that obeys commands: a line of text in, a line of JSON out."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

_CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = _CORES[0]
"""The processor of what is measured."""
OTHER_CORE: Final = _CORES[-1]
"""The processor of the simulated API server and of the clients; the same one where there is no other."""


def pinned(core: int) -> tuple[str, ...]:
    """The beginning of a command line that runs the rest on one processor, in the same process."""
    return "taskset", "-c", str(core)


class Child:
    """A running process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.started: Final[dict[str, Any]] = self._line()
        """The first line that it printed."""

    def command(self, line: str) -> dict[str, Any]:
        """Its answer to one command."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def child(module: str, core: int, arguments: Sequence[str]) -> Iterator[Child]:
    """A module of the benchmark, run on one processor, for as long as the context lasts."""
    process = subprocess.Popen(
        [*pinned(core), sys.executable, "-m", f"tests.bench.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Child(process)
        finally:
            process.terminate()
