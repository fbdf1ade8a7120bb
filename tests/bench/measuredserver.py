"""`kubesum serve` as it is, in a process that also tells what it has used.

The flags are those of `kubesum serve`. The first line on standard output is JSON with the memory after all imports.
Then each line on standard input is answered by one line of JSON with the figures of the process; `blocks` also begins
to measure the longest block of the event loop anew, as it does at the start, `no-blocks` ends that: its timer costs
CPU time of its own. It ends with its standard input.
"""

import asyncio
import json
import logging
import os
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from prometheus_client import Counter

from kubesum.cli import parsed
from kubesum.commands import eventloop
from kubesum.commands.serve.run import serve, serve_options
from kubesum.operations import metrics
from kubesum.operations.logs import JsonFormatter, set_up_logging
from kubesum.server.memorywatch import resident_bytes, trim_memory
from tests.bench.commandlines import commands

PAGE_BYTES: Final = resource.getpagesize()
TICK_S: Final = 0.005


def status_bytes(name: str) -> int:
    """A figure of /proc/self/status: VmHWM, the most memory so far, or RssAnon, what is of no file."""
    status = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def total(counter: Counter, **labels: str) -> int:
    """The sum of a counter over all series with these labels."""
    samples = (sample for metric in counter.collect() for sample in metric.samples)
    return int(
        sum(one.value for one in samples if one.name.endswith("_total") and labels.items() <= one.labels.items())
    )


class BlockMeter:
    """The longest time for which the event loop ran no timer, and the CPU time of the longest such time.

    On a busy machine the first also holds the time that other processes took.
    """

    def __init__(self) -> None:
        self.longest_s = self.longest_cpu_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Stops to measure; `longest_s` stays."""
        if self._task is not None:
            self._task.cancel()

    def restart(self) -> None:
        """Begins anew."""
        self.stop()
        self.longest_s = self.longest_cpu_s = 0.0
        self._task = asyncio.create_task(self._measure())

    async def _measure(self) -> None:
        while True:
            began, began_cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(TICK_S)
            late_s = time.perf_counter() - began - TICK_S
            self.longest_s = max(self.longest_s, late_s)
            self.longest_cpu_s = max(self.longest_cpu_s, min(late_s, time.thread_time() - began_cpu))


async def answer(blocks: BlockMeter) -> None:
    """Answers the commands until there are no more."""
    blocks.restart()
    async for line in commands(sys.stdin):
        figures = {
            "cpu_s": time.process_time(),
            "resident_bytes": resident_bytes(),
            "anonymous_bytes": status_bytes("RssAnon"),
            "peak_bytes": status_bytes("VmHWM"),
            "pod_events": total(metrics.WATCH_EVENTS, resource="pods", type="MODIFIED"),
            "published_rows": total(metrics.PUBLISHED_ROWS),
            "polls": total(metrics.POLLS, result="success"),
            "tasks": len(asyncio.all_tasks()),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "block_s": blocks.longest_s,
            "block_cpu_s": blocks.longest_cpu_s,
        }
        print(json.dumps(figures), flush=True)
        if line == "blocks":
            blocks.restart()
        elif line == "no-blocks":
            blocks.stop()


async def run(arguments: list[str]) -> None:
    """Serves until the standard input ends."""
    serving = asyncio.create_task(serve(serve_options(parsed(["serve", *arguments])), asyncio.Event()))
    answering = asyncio.create_task(answer(BlockMeter()))
    await asyncio.wait((serving, answering), return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def main() -> None:
    """Tells the memory of the idle process, then serves."""
    set_up_logging(JsonFormatter(), logging.WARNING)
    trim_memory()
    print(json.dumps({"resident_bytes": resident_bytes(), "cpu_s": time.process_time()}), flush=True)
    eventloop.run(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
