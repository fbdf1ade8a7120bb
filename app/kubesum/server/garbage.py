"""Garbage collections that are short, whatever there is in memory.

A full collection walks all objects that may be part of a cycle: 135 for each watch, so that with 5,000 watches the
event loop stood still for 0.4 s, to find nothing. Here the survivors of each full collection are frozen: no later one
walks them, and the next one walks only what came since. Reference counting frees them as before.

A cycle of frozen objects is not found. So nothing may leave one behind that occurs again and again, such as requests,
watches and connections (tests/serving/test_garbage.py, tests/unit/kube/test_client_garbage.py). What does it
nevertheless is found once an hour, and when memory is short: `collect_everything`.
"""

import asyncio
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

THRESHOLDS: Final = (700, 5, 2)
"""Some 700 * 6 * 4 new objects are walked at once, which takes some 7 ms; more while older ones are freed."""
EVERYTHING_INTERVAL_S: Final = 3600.0
"""Between two collections of everything: each is one block of the event loop, 0.1 s long at 20,000 pods."""
_FULL: Final = 2
"""The generation of a full collection."""


@contextmanager
def short_collections() -> Iterator[None]:
    """Freezes what a full collection leaves, as long as the context lasts."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(_freeze_survivors)
    try:
        yield
    finally:
        gc.callbacks.remove(_freeze_survivors)
        gc.set_threshold(*before)


def collect_everything() -> None:
    """Collects garbage among all objects, also the frozen ones, and holds the event loop as long."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


async def collect_everything_hourly() -> None:
    """Collects everything once in EVERYTHING_INTERVAL_S, until cancelled."""
    while True:
        await asyncio.sleep(EVERYTHING_INTERVAL_S)
        collect_everything()


def _freeze_survivors(phase: str, collection: Mapping[str, Any]) -> None:
    if phase == "stop" and collection["generation"] == _FULL:
        gc.freeze()
