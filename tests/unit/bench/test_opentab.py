"""The tasks of a page in a trace of the browser."""

from typing import Any

from tests.bench.opentab import Tasks, tasks

Event = dict[str, Any]


def thread(pid: int, name: str) -> Event:
    """The event that names the first thread of a process."""
    return {"name": "thread_name", "ph": "M", "pid": pid, "tid": 1, "ts": 0, "args": {"name": name}}


def task(pid: int, at_ms: int, lasted_ms: int, cpu_ms: int) -> Event:
    """A task of the first thread of a process."""
    named = {"name": "ThreadControllerImpl::RunTask", "ph": "X", "pid": pid, "tid": 1}
    return named | {"ts": 1000 * at_ms, "dur": 1000 * lasted_ms, "tdur": 1000 * cpu_ms}


def test_a_task_that_waited_for_a_processor_is_long_but_used_little() -> None:
    trace = [thread(7, "CrRendererMain"), task(7, 0, 80, 10), task(7, 90, 30, 30), task(7, 180, 20, 20)]

    assert tasks(trace) == Tasks(long=1, longest_ms=80, longest_cpu_ms=30, busy_percent=30)


def test_only_the_busiest_page_counts_and_no_other_thread() -> None:
    trace = [
        *(thread(7, "CrRendererMain"), thread(8, "CrRendererMain"), thread(9, "Compositor")),
        *(task(7, 0, 5, 5), task(8, 0, 10, 10), task(9, 0, 100, 100)),
    ]

    assert tasks(trace).longest_ms == 10
