"""Long work of many requests: one of them goes on in each iteration of the event loop, in turn."""

import asyncio

from kubesum.api.lists.pacer import Turns


class Iterations:
    """Counts the iterations of the event loop."""

    def __init__(self) -> None:
        self.now = 0
        self._next()

    def _next(self) -> None:
        self.now += 1
        asyncio.get_running_loop().call_soon(self._next)


async def test_one_of_many_goes_on_in_each_iteration() -> None:
    """Fifty lists at once worked for a slice each before anything else ran, so that probes took seconds."""
    turns, iterations = Turns(), Iterations()
    went_on: list[tuple[int, int]] = []

    async def work(number: int) -> None:
        for _ in range(3):
            await turns.wait()
            went_on.append((number, iterations.now))

    await asyncio.gather(*map(work, range(10)))

    assert [number for number, _ in went_on] == [*range(10)] * 3
    assert len({iteration for _, iteration in went_on}) == 30


async def test_a_request_that_comes_while_others_wait_waits_its_turn() -> None:
    turns, order = Turns(), []

    async def work(name: str) -> None:
        await turns.wait()
        order.append(name)

    async with asyncio.TaskGroup() as tasks:
        for name in "ab":
            tasks.create_task(work(name))
        await asyncio.sleep(0)
        await turns.pacer().pause()
        order.append("came later")

    assert order == ["a", "b", "came later"]


async def test_a_request_alone_begins_at_once() -> None:
    iterations = Iterations()
    before = iterations.now

    await Turns().pacer().pause()

    assert iterations.now == before


async def test_a_request_that_gives_up_takes_no_turn() -> None:
    turns, iterations = Turns(), Iterations()
    waiting = [asyncio.create_task(turns.wait()) for _ in range(50)]
    last = asyncio.create_task(turns.wait())
    await asyncio.sleep(0)
    before = iterations.now

    for task in waiting:
        task.cancel()
    await last

    assert iterations.now - before < 10
