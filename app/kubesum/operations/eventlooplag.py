"""How long other work holds the event loop: the time for which every request waits."""

import asyncio
from typing import Final

from kubesum.operations.eventloopwatchdog import EventLoopWatchdog
from kubesum.operations.metrics import EVENT_LOOP_LAG

INTERVAL_S: Final = 0.1


async def measure_event_loop_lag() -> None:
    """Samples the lag until it is cancelled, and has what blocks the event loop logged."""
    now = asyncio.get_running_loop().time
    watchdog = EventLoopWatchdog()
    with watchdog.running():
        while True:
            due = now() + INTERVAL_S
            await asyncio.sleep(INTERVAL_S)
            watchdog.beat()
            EVENT_LOOP_LAG.observe(max(0.0, now() - due))
