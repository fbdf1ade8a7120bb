"""A mistake of kubesum itself, which ends one of its tasks, or holds the event loop."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.faults.childserver import ready_server, simulated_cluster


@pytest.mark.parametrize(
    ("task", "place"),
    [("publisher", "publisher.py"), ("informer pods", "client.py"), ("freshness", "runtime.py")],
)
async def test_a_task_that_fails_ends_the_process(tmp_path: Path, task: str, place: str) -> None:
    """Kubernetes starts it again; a server that lives on without the task would answer 200 with old data."""
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, faults={"failing_task": task}) as child,
    ):
        child.process.send_signal(signal.SIGUSR1)

        assert await child.ended() == 1
        crash = await child.logged("crashed")
    assert (crash["level"], crash["error"]) == ("critical", "LookupError: a mistake")
    assert place in crash["place"]
    assert child.other_output == []


async def test_a_blocked_event_loop_is_logged_with_what_holds_it(tmp_path: Path) -> None:
    """While it is held: afterwards nothing tells. The liveness probe gets no answer until then."""
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, faults={"blocking": True}) as child,
    ):
        child.process.send_signal(signal.SIGUSR1)
        blocked = await child.logged("event loop is blocked")
        probe = asyncio.create_task(child.server.request("/livez"))
        assert await asyncio.wait((probe,), timeout=1) == (set(), {probe})
        assert not child.lines("event loop runs again")

        child.process.send_signal(signal.SIGUSR2)
        assert (await probe).code == 200
        again = await child.logged("event loop runs again")
        assert await child.is_ready()
    assert (blocked["level"], again["level"]) == ("error", "warning")
    assert " in hold, " in blocked["stack"]
    assert "run.py:" in blocked["stack"]
    assert blocked["cpu_seconds"] < 1 <= blocked["seconds"] <= again["seconds"]
    assert child.other_output == []
