"""Logs what holds the event loop, while it is held: afterwards nothing tells.

A thread of its own looks whether the event loop has run lately. Where it has not, such as for a loop without end or a
call that waits, no request is answered, and the kubelet ends the process once three liveness probes have failed, half
a minute with the chart's values. A call of C code that holds Python's lock delays the thread as well: its line then
comes after the call.
"""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

log = logging.getLogger(__name__)

CHECK_INTERVAL_S: Final = 0.5
BLOCKED_S: Final = 1.0
"""For so long the event loop must not have run."""
LOG_INTERVAL_S: Final = 10.0
"""Between two lines: a block may be long, and a machine without CPU time has one after the other."""
MAX_FRAMES: Final = 30
"""Innermost calls that are logged: the others are those that start the process."""


class EventLoopWatchdog:
    """Watches the event loop of the thread that makes it."""

    def __init__(self) -> None:
        self._watched: Final = threading.get_ident()
        self._ended: Final = threading.Event()
        self._beat = (time.monotonic(), time.process_time())
        self._logged: tuple[float, float] | None = None
        """The beat before the block that was logged last."""
        self._quiet_until = 0.0

    def beat(self) -> None:
        """Says that the event loop runs: called by it again and again."""
        before = self._beat
        self._beat = (time.monotonic(), time.process_time())
        if self._logged is before:
            log.warning("event loop runs again", extra={"seconds": round(self._beat[0] - before[0], 1)})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watches as long as the context lasts."""
        thread = threading.Thread(target=self._run, name="event loop watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _run(self) -> None:
        while not self._ended.wait(CHECK_INTERVAL_S):
            self._check()

    def _check(self) -> None:
        beat = at, cpu_at = self._beat
        now = time.monotonic()
        if now < max(at + BLOCKED_S, self._quiet_until):
            return
        frame = sys._current_frames().get(self._watched)
        if frame is None:
            return
        # Before the line is written: the event loop may run again meanwhile.
        self._logged, self._quiet_until = beat, now + LOG_INTERVAL_S
        seconds = {"seconds": round(now - at, 1), "cpu_seconds": round(time.process_time() - cpu_at, 1)}
        log.error("event loop is blocked", extra={**seconds, "stack": _stack(frame)})


def _stack(frame: FrameType) -> str:
    """The place of each call, the innermost first."""
    places: list[str] = []
    outer: FrameType | None = frame
    while outer is not None and len(places) < MAX_FRAMES:
        places.append(f"{Path(outer.f_code.co_filename).name}:{outer.f_lineno} in {outer.f_code.co_name}")
        outer = outer.f_back
    return ", ".join(places)
