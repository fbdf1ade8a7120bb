"""The pace of a simulated world: so many happenings a second, in the time of the wall clock."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from kubesim.store.store import Store
from kubesim.world.world import World

_LONGEST_LAG_S: Final = 1.0


async def tick_forever(world: World, store: Store, churn: float) -> None:
    """Lets `churn` things happen a second, for ever; with 0 the world stands still and this returns at once.

    What a busy loop could not keep up with for more than a second does not happen.
    """
    if churn <= 0:
        return
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        due = max(due + 1 / churn, loop.time() - _LONGEST_LAG_S)
        await asyncio.sleep(max(0.0, due - loop.time()))
        world.step(store, datetime.now(UTC))
