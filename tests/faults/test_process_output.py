"""Standard output and standard error that cannot be written: the log is lost, and nothing else."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.childserver import LogLine, ready_server, simulated_cluster

TWO_PAGES = 2 * 4096
REQUESTS = 100


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The ends of a pipe that has room for two dozen lines of the log."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, TWO_PAGES)
    yield reading, writing
    for end in (reading, writing):
        try:
            os.close(end)
        except OSError:
            continue


def lines(reading: int) -> list[LogLine]:
    """What the log has in the pipe; waits for a line."""
    return [json.loads(line) for line in os.read(reading, 1 << 20).splitlines()]


async def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path, pipe: tuple[int, int]) -> None:
    """A process whose pipe was full waited in the write for ever: no probe, no request and no signal was answered.

    Then its reader goes on, and then it ends.
    """
    reading, writing = pipe
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, "--access-log", "all", stderr=writing) as child,
    ):
        os.close(writing)
        for _ in range(REQUESTS):
            assert (await child.server.request("/livez")).code == 200
        assert await child.has_namespace("kube-system")
        dropped = await child.metric("kubesum_log_lines_dropped_total")
        assert dropped >= REQUESTS / 2

        before = lines(reading)
        await child.server.request("/livez")
        after = lines(reading)
        while len(after) < 2:
            # The line of a request is written once it is answered.
            after += lines(reading)

        os.close(reading)
        for _ in range(3):
            assert await child.has_namespace("kube-system")
        assert await child.metric("kubesum_log_lines_dropped_total") >= dropped + 3
        child.process.send_signal(signal.SIGTERM)

        assert await child.ended() == 0

    assert "loaded extension-apiserver-authentication" in {line["message"] for line in before}
    assert after[0]["message"] == "log lines dropped"
    assert after[0]["lines"] >= dropped
    assert {line["message"] for line in after[1:]} == {"request"}


async def test_a_server_without_standard_output_and_standard_error_serves(tmp_path: Path) -> None:
    """Its sockets have the numbers 1 and 2 then, and what is printed must not be sent to clients."""
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, "--access-log", "all", faults={"no_output": True}) as child,
    ):
        for _ in range(3):
            assert await child.has_namespace("kube-system")
        child.process.send_signal(signal.SIGTERM)

        assert await child.ended() == 0
