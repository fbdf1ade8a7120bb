"""Thousands that wait for one change: some go on in each iteration of the event loop, in order, and all of them."""

import asyncio

from kubesum.rollups.waiters import WOKEN_AT_ONCE, Waiters

WAITING = 5 * WOKEN_AT_ONCE


async def test_some_of_thousands_go_on_in_each_iteration() -> None:
    """A change of one row woke 5,000 watches at once, which held the event loop for 40 ms."""
    waiters = Waiters()
    went_on: list[int] = []

    async def waiting(number: int) -> None:
        await waiters.wait()
        went_on.append(number)

    tasks = [asyncio.create_task(waiting(number)) for number in range(WAITING)]
    await asyncio.sleep(0)
    waiters.wake()
    most = 0
    while len(went_on) < WAITING:
        before = len(went_on)
        await asyncio.sleep(0)
        most = max(most, len(went_on) - before)
    await asyncio.gather(*tasks)

    assert went_on == [*range(WAITING)]
    assert most == WOKEN_AT_ONCE


async def test_those_that_come_while_others_are_woken_wait_for_the_next_time() -> None:
    waiters = Waiters()
    tasks = [asyncio.create_task(waiters.wait()) for _ in range(WAITING)]
    await asyncio.sleep(0)
    waiters.wake()
    late = asyncio.create_task(waiters.wait())
    await asyncio.gather(*tasks)

    assert not late.done()
    waiters.wake()
    await asyncio.wait_for(late, 5)


async def test_those_that_give_up_keep_nobody_from_going_on() -> None:
    waiters = Waiters()
    tasks = [asyncio.create_task(waiters.wait()) for _ in range(WAITING)]
    await asyncio.sleep(0)
    waiters.wake()
    for task in tasks[WOKEN_AT_ONCE:-1]:
        task.cancel()

    await asyncio.wait_for(tasks[-1], 5)
