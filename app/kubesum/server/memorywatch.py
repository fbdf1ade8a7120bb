"""Keeps the memory of the process below its limit, so that the kernel does not kill it.

Near the limit caches are dropped, which only save time. If that does not suffice, lists and new watches are refused
with 429, idle connections are closed, and responses whose clients do not read are ended. Probes, discovery and single
objects are answered all the time, and what the API server sends is taken in: without it, every answer would be wrong.
"""

import asyncio
import ctypes
import logging
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import CACHES_DROPPED, MEMORY_LIMIT, MEMORY_PRESSURE, MEMORY_USED
from kubesum.server.cgroup import memory_group
from kubesum.server.garbage import collect_everything
from kubesum.vocabulary.memorypressure import MemoryPressure

log = logging.getLogger(__name__)

INTERVAL_S: Final = 0.5
DROP_INTERVAL_S: Final = 5.0
"""Between two times that caches are dropped: what is asked for again and again is worth its memory for that long."""
TRIM_INTERVAL_S: Final = 0.5
"""Between two times that the memory of what was ended is given back, while requests are refused."""
COLLECT_INTERVAL_S: Final = 60.0
"""Between two times that garbage is collected among all objects meanwhile, which holds the event loop."""
PERCENT: Final = {MemoryPressure.CRITICAL: 95, MemoryPressure.OVER: 92, MemoryPressure.NEAR: 85}
"""Of the limit, from which each begins, the highest first."""
CLEARED_PERCENT: Final = 5
"""By how much less must be in use before it ends."""
SLOW_READER_S: Final = {MemoryPressure.OVER: 2.0, MemoryPressure.CRITICAL: 0.1}
"""How long a client may not read before its response is ended."""
FRESH_S: Final = 0.01
"""How old a measurement may be for a request that takes memory: under load, hundreds come between two others."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """A limit, and what is in use of it; `used_bytes` may raise OSError or ValueError."""

    limit_bytes: int
    used_bytes: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Relief:
    """What takes memory and can be ended."""

    drop_caches: Callable[[], None]
    relieve_connections: Callable[[bool], None]
    """Called with each measurement: whether those that are idle should be closed."""
    end_slow_responses: Callable[[float], None]
    """Those whose clients have not read for so many seconds."""


def memory_limit(wanted: int | None) -> MemoryLimit | None:
    """The limit of `wanted` bytes, or else that of the control group; None for none."""
    if wanted is not None:
        # The group may hold other processes, whose memory does not count against this limit.
        return MemoryLimit(wanted, resident_bytes) if wanted else None
    group = memory_group()
    return None if group is None else MemoryLimit(group.limit_bytes, group.used_bytes)


def resident_bytes() -> int:
    """The resident set of this process; raises OSError."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


class MemoryWatch:
    """Compares the memory in use with the limit, and relieves the process."""

    def __init__(
        self,
        limit: MemoryLimit | None,
        relief: Relief,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is in seconds."""
        self._limit: Final = limit
        self._relief: Final = relief
        self._now: Final = now
        self._checked_at = float("-inf")
        self._dropped_at = self._gave_back_at = self._collected_at = float("-inf")
        self._log_reduction: Final = LogReduction()
        self._pressure = MemoryPressure.NONE
        MEMORY_LIMIT.set(0 if limit is None else limit.limit_bytes)

    async def run(self) -> None:
        """Watches until cancelled."""
        if self._limit is None:
            return
        log.info("memory is limited", extra={"limit_bytes": self._limit.limit_bytes})
        while True:
            self.check()
            await asyncio.sleep(INTERVAL_S)

    def pressure(self) -> MemoryPressure:
        """How short memory is, as measured a moment ago."""
        if self._now() >= self._checked_at + FRESH_S:
            self.check()
        return self._pressure

    def check(self) -> None:
        """Measures once, and does what is due."""
        limit = self._limit
        if limit is None:
            return
        self._checked_at = self._now()
        try:
            used = limit.used_bytes()
            pressure = self._pressure_of(used, limit.limit_bytes)
            if pressure and self._give_back(pressure):
                used = limit.used_bytes()
                pressure = max(MemoryPressure.NEAR, self._pressure_of(used, limit.limit_bytes))
        except (OSError, ValueError) as error:
            if self._log_reduction.should_log(str(error)):
                log.warning("memory in use cannot be read", extra={"reason": str(error)})
            return
        MEMORY_USED.set(used)
        self._change(pressure, used, limit.limit_bytes)
        is_short = pressure >= MemoryPressure.OVER
        self._relief.relieve_connections(is_short)
        if is_short:
            self._relief.end_slow_responses(SLOW_READER_S[pressure])

    def _pressure_of(self, used: int, limit: int) -> MemoryPressure:
        for pressure, percent in PERCENT.items():
            threshold = percent - (CLEARED_PERCENT if self._pressure >= pressure else 0)
            if used * 100 >= limit * threshold:
                return pressure
        return MemoryPressure.NONE

    def _give_back(self, pressure: MemoryPressure) -> bool:
        """Gives memory back to the system that only saves time, or is free; returns whether that was due."""
        is_short, now = pressure >= MemoryPressure.OVER, self._now()
        if now < self._gave_back_at + (TRIM_INTERVAL_S if is_short else DROP_INTERVAL_S):
            return False
        self._gave_back_at = now
        if now >= self._dropped_at + DROP_INTERVAL_S:
            self._dropped_at = now
            self._relief.drop_caches()
            CACHES_DROPPED.inc()
        if is_short and now >= self._collected_at + COLLECT_INTERVAL_S:
            self._collected_at = now
            collect_everything()
        trim_memory()
        return True

    def _change(self, pressure: MemoryPressure, used: int, limit: int) -> None:
        before, self._pressure = self._pressure, pressure
        MEMORY_PRESSURE.set(pressure)
        values = {"used_bytes": used, "limit_bytes": limit}
        refused_before, refused = before >= MemoryPressure.OVER, pressure >= MemoryPressure.OVER
        if refused and not refused_before:
            log.error("memory is short: lists and new watches are refused", extra=values)
        elif pressure is MemoryPressure.NONE and before:
            log.info("memory is no longer short", extra=values)
        elif pressure is MemoryPressure.NEAR and not before:
            log.warning("memory is short: caches are dropped", extra=values)
        elif refused_before and not refused:
            log.info("lists and watches are answered again", extra=values)


def trim_memory() -> None:
    """Returns the freed memory that the C library holds to the system, where it can be asked to (glibc).

    The buffers of the initial lists leave megabytes in it, which it would hold for the life of the process.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
