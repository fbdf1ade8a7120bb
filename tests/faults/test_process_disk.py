"""Disks that cannot be written: a read-only root file system, and a full one."""

import os
import signal
import sys
from pathlib import Path

import pytest

from kubesim.access import certificates
from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.commands.running import output
from tests.faults.childserver import ready_server, simulated_cluster
from tests.faults.confinement import landlock_is_available

needs_landlock = pytest.mark.skipif(not landlock_is_available(), reason="needs a kernel with Landlock")


@needs_landlock
async def test_a_server_needs_no_disk_and_no_other_process(tmp_path: Path) -> None:
    """Not even /tmp, for the key of its certificate and of the one that it gets while it runs."""
    faults = {"read_only": True, "no_processes": True}
    async with simulated_cluster(tmp_path) as cluster, ready_server(cluster, faults=faults) as child:
        assert await child.has_namespace("kube-system")
        new = certificates.serving(cluster.authority, (SERVICE_HOST, "127.0.0.1"))
        new.write(cluster.home, "serving")
        await child.logged("serving certificate replaced")
        assert await child.has_namespace("kube-system")
        assert child.lines("new certificate rejected, keeping the current one") == []
        child.process.send_signal(signal.SIGTERM)

        assert await child.ended() == 0
    assert child.other_output == []


async def test_a_log_on_a_full_disk_stops_nothing(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, "--access-log", "all", stderr=full) as child,
    ):
        os.close(full)
        for _ in range(3):
            assert await child.has_namespace("kube-system")
        assert await child.metric("kubesum_log_lines_dropped_total") >= 3
        child.process.send_signal(signal.SIGTERM)

        assert await child.ended() == 0


@needs_landlock
@pytest.mark.parametrize("command", [["demo"], ["local", "--from", "."]], ids=["demo", "local"])
async def test_a_command_that_writes_a_temporary_file_says_that_it_cannot(tmp_path: Path, command: list[str]) -> None:
    """Both ended with a traceback."""
    (tmp_path / "namespace.json").write_text('{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}')
    line = [str(tmp_path) if word == "." else word for word in command]

    ended = await output(tmp_path, sys.executable, "-m", "tests.faults.confinement", '{"read_only": true}', *line)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("kubesum: cannot make a temporary directory: ")
    assert ended.err.endswith("; set TMPDIR to a directory that can be written\n")
    assert ended.err.count("\n") == 1
