"""A mistake of kubesum itself, which ends one of its tasks."""

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
