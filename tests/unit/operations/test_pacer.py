"""Long work of many requests: one of them goes on in each iteration of the event loop, in turn."""

import asyncio
import time
from collections import Counter

from kubesum.operations.pacer import SLICE_S, Turns


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
    turns, iterations = Turns(1), Iterations()
    went_on: list[tuple[int, int]] = []

    async def work(number: int) -> None:
        for _ in range(3):
            await turns.wait()
            went_on.append((number, iterations.now))

    await asyncio.gather(*map(work, range(10)))

    assert [number for number, _ in went_on] == [*range(10)] * 3
    assert len({iteration for _, iteration in went_on}) == 30


async def test_a_request_that_comes_while_others_wait_waits_its_turn() -> None:
    turns, order = Turns(1), []

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

    await Turns(1).pacer().pause()

    assert iterations.now == before


async def test_requests_that_come_at_once_have_one_slice_together() -> None:
    """Each of them worked for a slice before the first pause, all in one iteration."""
    turns, iterations = Turns(1), Iterations()
    went_on: Counter[int] = Counter()

    async def work() -> None:
        pacer = turns.pacer()
        await pacer.pause()
        went_on[iterations.now] += 1
        work_for_a_slice()

    await asyncio.gather(*(work() for _ in range(20)))

    assert max(went_on.values()) == 1


async def test_a_request_that_gives_up_takes_no_turn() -> None:
    turns, iterations = Turns(1), Iterations()
    waiting = [asyncio.create_task(turns.wait()) for _ in range(50)]
    last = asyncio.create_task(turns.wait())
    await asyncio.sleep(0)
    before = iterations.now

    for task in waiting:
        task.cancel()
    await last

    assert iterations.now - before < 10


async def test_many_go_on_at_once_if_they_take_little() -> None:
    """A change of one row woke thousands of watches, each of which went on in an iteration of its own."""
    turns, iterations = Turns(100), Iterations()
    before = iterations.now

    await asyncio.gather(*(turns.wait() for _ in range(1_000)))

    assert iterations.now - before < 100


async def test_few_go_on_at_once_if_they_take_long() -> None:
    """Also after many that took little: twenty watches that had much to send then did so in one iteration."""
    turns, iterations = Turns(100), Iterations()
    went_on: Counter[int] = Counter()

    async def work() -> None:
        await turns.wait()
        went_on[iterations.now] += 1
        work_for_a_slice()

    await asyncio.gather(*(turns.wait() for _ in range(1_000)))
    await asyncio.gather(*(work() for _ in range(20)))

    assert max(went_on.values()) == 1


def work_for_a_slice() -> None:
    """Takes a little longer than a slice."""
    began = time.perf_counter()
    while time.perf_counter() - began <= SLICE_S:
        continue
