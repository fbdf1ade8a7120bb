"""Steps a simulated world at a rate, in real time."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from kubesim.store.store import Store
from kubesim.world.world import World

_LONGEST_LAG_S: Final = 1.0


async def tick_forever(world: World, store: Store, churn: float) -> None:
    """Makes `churn` steps per second until cancelled; with 0 it returns at once.

    Steps that are late by more than a second, because the event loop was busy, are skipped.
    """
    if churn <= 0:
        return
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + 1 / churn, loop.time() - _LONGEST_LAG_S)
        await asyncio.sleep(max(0.0, due - loop.time()))
        world.step(store, datetime.now(UTC))
