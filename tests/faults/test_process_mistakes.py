"""A mistake of kubesum itself, which ends one of its tasks, or holds the event loop."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.faults.childserver import ChildServer, eventually, ready_server, simulated_cluster


@pytest.mark.parametrize(
    ("task", "places"),
    [
        ("publisher", {"publisher.py"}),
        # While it reads, and while it leaves events in the kernel's buffers.
        ("informer pods", {"client.py", "streamedresponse.py"}),
        ("freshness", {"runtime.py"}),
    ],
)
async def test_a_task_that_fails_ends_the_process(tmp_path: Path, task: str, places: set[str]) -> None:
    """Kubernetes starts it again; a server that lives on without the task would answer 200 with old data."""
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, faults={"failing_task": task}) as child,
    ):
        child.process.send_signal(signal.SIGUSR1)

        assert await child.ended() == 1
        crash = await child.logged("crashed")
    assert (crash["level"], crash["error"]) == ("critical", "LookupError: a mistake")
    assert any(place in crash["place"] for place in places)
    assert child.other_output == []


async def is_logged(child: ChildServer) -> bool:
    """Whether the log has what this fault does; the start may have blocked the event loop, too, on a slow machine."""
    return any(" in hold, " in line["stack"] for line in child.lines("event loop is blocked"))


async def runs_again(child: ChildServer, times: int) -> bool:
    """Whether the log says for as many times that the event loop was blocked and no longer is."""
    return len(child.lines("event loop runs again")) == times


async def test_a_blocked_event_loop_is_logged_with_what_holds_it(tmp_path: Path) -> None:
    """While it is held: afterwards nothing tells. The liveness probe gets no answer until then."""
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, faults={"blocking": True}) as child,
    ):
        child.process.send_signal(signal.SIGUSR1)
        await eventually(lambda: is_logged(child))
        probe = asyncio.create_task(child.server.request("/livez"))
        assert await asyncio.wait((probe,), timeout=1) == (set(), {probe})

        before = len(child.lines("event loop runs again"))
        child.process.send_signal(signal.SIGUSR2)
        assert (await probe).code == 200
        await eventually(lambda: runs_again(child, before + 1))
        assert await child.is_ready()
        *_, blocked = child.lines("event loop is blocked")
        *_, again = child.lines("event loop runs again")
    assert (blocked["level"], again["level"]) == ("error", "warning")
    assert blocked["cpu_seconds"] < 1 <= blocked["seconds"] <= again["seconds"]
    assert child.other_output == []
