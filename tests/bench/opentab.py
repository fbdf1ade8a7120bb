"""A tab of a real browser that has the page open, and what it costs: pictures, tasks of its main thread, memory.

A long task is one that keeps the main thread for more than 50 ms (W3C, Long Tasks). On a busy machine it also holds
the time of other processes, so that tasks are traced in CPU time as well.
"""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.page.browser import flags, found_browser

LONG_TASK_MS: Final = 50
MIB: Final = 2**20
_LONGEST_OPENING_S: Final = 120
_LOOK_S: Final = 0.1
_TRACED: Final = ["__metadata", "toplevel"]
_MAIN_THREAD: Final = "CrRendererMain"
_TASK: Final = "ThreadControllerImpl::RunTask"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the overview shows, and since when, in milliseconds since it was opened."""

    first_ms: float
    """With the strip, some nodes and some workloads."""
    all_ms: float
    nodes: int
    workloads: int


@dataclass(frozen=True, slots=True)
class Tasks:
    """Tasks of the main thread in some time."""

    long: int
    longest_ms: float
    longest_cpu_ms: float
    busy_percent: float
    """The CPU time of all tasks in that time."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a tab holds once its garbage is collected."""

    heap_mib: float
    dom_nodes: int
    """Those of the document, and detached ones that something refers to."""
    listeners: int


class Tab:
    """An open tab."""

    def __init__(self, started: Browser) -> None:
        context = started.new_context(viewport={"width": 1280, "height": 800}, color_scheme="dark")
        self._browser: Final = started
        self._page: Final[Page] = context.new_page()
        self._page.add_init_script(path=Path(__file__).with_suffix(".js"))
        self._protocol: Final[CDPSession] = context.new_cdp_session(self._page)
        self._protocol.send("Performance.enable")

    def open(self, url: str) -> None:
        """Opens an address."""
        self._page.goto(url)

    def show(self, query: str) -> None:
        """Shows another view in the page that is open."""
        self._page.evaluate("(url) => kubesumBench.show(url)", f"/{query}")

    def wait(self, seconds: float) -> None:
        """Lets the tab run."""
        self._page.wait_for_timeout(1000 * seconds)

    def until(self, is_there: Callable[[Drawn], bool]) -> Drawn:
        """What is drawn once it is there; raises TimeoutError."""
        for _ in range(round(_LONGEST_OPENING_S / _LOOK_S)):
            if (found := self._drawn()) is not None and is_there(found):
                return found
            self.wait(_LOOK_S)
        raise TimeoutError(f"the page does not draw what is expected, only {found}")

    def until_rows(self, rows: int) -> None:
        """Waits until the table has so many rows; raises TimeoutError."""
        for _ in range(round(_LONGEST_OPENING_S / _LOOK_S)):
            # The head of the table counts as a row.
            if (found := self._page.evaluate("kubesumBench.rows()")) > rows:
                return
            self.wait(_LOOK_S)
        raise TimeoutError(f"the table has {found} rows, not {rows}")

    def watch_for(self, name: str) -> None:
        """Has the tab wait for a red row of this name."""
        self._page.evaluate("(name) => kubesumBench.watchFor(name)", name)

    def red_at_ms(self) -> float:
        """When the row was red, in milliseconds since 1970."""
        return float(self._page.evaluate("kubesumBench.redAt()"))

    def memory(self) -> Memory:
        """What it holds now."""
        self._protocol.send("HeapProfiler.collectGarbage")
        heap = self._protocol.send("Runtime.getHeapUsage")["usedSize"]
        metrics = self._protocol.send("Performance.getMetrics")["metrics"]
        found = {metric["name"]: int(metric["value"]) for metric in metrics}
        return Memory(heap / MIB, found["Nodes"], found["JSEventListeners"])

    def long_tasks(self) -> tuple[int, float]:
        """How many long tasks there were since the page was opened or this was asked, and the longest in ms."""
        count, longest_ms = self._page.evaluate("kubesumBench.longTasks()")
        return count, longest_ms

    def traced(self, work: Callable[[], object]) -> Tasks:
        """The tasks while this is done; not for minutes, since each task is kept."""
        self._browser.start_tracing(page=self._page, categories=_TRACED)
        try:
            work()
        finally:
            trace = self._browser.stop_tracing()
        return tasks(json.loads(trace)["traceEvents"])

    def _drawn(self) -> Drawn | None:
        marks = self._page.evaluate("kubesumBench.drawn")
        if any(mark is None or not mark["lastMs"] for mark in marks.values()):
            return None
        first_ms, all_ms = (max(mark[at] for mark in marks.values()) for at in ("firstMs", "lastMs"))
        return Drawn(first_ms, all_ms, marks["nodes"]["number"], marks["workloads"]["number"])


def tasks(trace: list[Event]) -> Tasks:
    """The tasks of the busiest main thread in a trace: the browser has more of them than that of the page."""
    main = {_thread(event) for event in trace if event.get("args", {}).get("name") == _MAIN_THREAD}
    by_thread: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for event in trace:
        if event["name"] == _TASK and event["ph"] == "X" and _thread(event) in main:
            by_thread[_thread(event)].append(event)
    found = max(by_thread.values(), key=_cpu_us)
    span_us = max(task["ts"] + task["dur"] for task in found) - min(task["ts"] for task in found)
    return Tasks(
        long=sum(task["dur"] > 1000 * LONG_TASK_MS for task in found),
        longest_ms=max(task["dur"] for task in found) / 1000,
        longest_cpu_ms=max(task.get("tdur", 0) for task in found) / 1000,
        busy_percent=100 * _cpu_us(found) / span_us,
    )


def _thread(event: Event) -> tuple[int, int]:
    return event["pid"], event["tid"]


def _cpu_us(found: list[Event]) -> float:
    return sum(task.get("tdur", 0) for task in found)


@contextmanager
def open_tab(processors: set[int]) -> Iterator[Tab]:
    """An empty tab of a browser of its own, which runs on these processors."""
    mine = os.sched_getaffinity(0)
    # Processes keep what they begin with, and the browser is started by one that begins with the first line below.
    os.sched_setaffinity(0, processors)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found_browser(), args=flags())
        os.sched_setaffinity(0, mine)
        try:
            yield Tab(started)
        finally:
            started.close()
