"""The publisher: waits for changes, lets them gather, and makes the engine publish.

It publishes GATHER_S after the first change, and again when a pending row has rested for QUIET_S. So the last state
of every row is published, within both together.
"""

import asyncio
from collections.abc import Callable

from kubesum.operations import metrics
from kubesum.rollups.engine import Engine
from kubesum.rollups.store import GATHER_S


async def publish_forever(engine: Engine, now: Callable[[], float]) -> None:
    """Publishes until cancelled; `now` gives monotonic seconds."""
    while True:
        await _dirty_or_due(engine, now)
        await asyncio.sleep(GATHER_S)
        engine.dirty.clear()
        await publish_once(engine)


async def publish_once(engine: Engine) -> None:
    """Publishes what is due, and measures how long that takes."""
    with metrics.PUBLISH_DURATION.time():
        await engine.publish()


async def _dirty_or_due(engine: Engine, now: Callable[[], float]) -> None:
    due = engine.next_due()
    # Less what the caller then waits for changes to gather.
    timeout = None if due is None else max(0.0, due - now() - GATHER_S)
    try:
        async with asyncio.timeout(timeout):
            await engine.dirty.wait()
    except TimeoutError:
        return
