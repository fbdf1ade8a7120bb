"""Conversions of large lists wait for each other, and are refused if there is no memory for them by then."""

import asyncio

import pytest

from kubesum.api.lists.conversions import AT_ONCE, LARGE_ROWS, Conversions
from kubesum.vocabulary.errors import TooManyRequests
from kubesum.vocabulary.memorypressure import MemoryPressure


async def test_large_ones_wait_and_small_ones_do_not() -> None:
    pressure = MemoryPressure.NONE
    conversions, running, end = Conversions(lambda: pressure), asyncio.Semaphore(0), asyncio.Event()

    async def convert(rows: int) -> None:
        async with conversions.place(rows):
            running.release()
            await end.wait()

    large = [asyncio.create_task(convert(LARGE_ROWS)) for _ in range(AT_ONCE + 1)]
    for _ in range(AT_ONCE):
        await running.acquire()
    small = asyncio.create_task(convert(LARGE_ROWS - 1))
    await running.acquire()
    assert running.locked()

    pressure = MemoryPressure.OVER
    end.set()
    await asyncio.gather(small, *large[:AT_ONCE])
    with pytest.raises(TooManyRequests, match="short of memory"):
        await large[AT_ONCE]
