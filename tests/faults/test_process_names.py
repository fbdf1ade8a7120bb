"""A real process, with a hosts file of its own: the name of kube-apiserver resolves only later."""

from pathlib import Path

import pytest

from tests.faults.childserver import eventually, simulated_cluster, started_server
from tests.faults.confinement import names_are_available

NAME = "kube-apiserver.test"


async def test_a_name_that_resolves_later_is_followed_then(tmp_path: Path) -> None:
    """By the resolver of the system, which the event loop of the server asks."""
    if not names_are_available(tmp_path):
        pytest.skip("needs mounts of its own for a process")
    hosts = tmp_path / "hosts"
    hosts.write_text("")
    async with simulated_cluster(tmp_path) as cluster:
        port = cluster.api.address.rpartition(":")[2]
        kubeconfig = cluster.kubeconfig(f"https://{NAME}:{port}")
        async with started_server(cluster, kubeconfig=kubeconfig, faults={"names": str(hosts)}) as child:
            await child.logged("list or watch failed", f"the name {NAME} does not resolve")
            assert not await child.is_ready()

            hosts.write_text(f"127.0.0.1 {NAME}\n")

            await eventually(child.is_ready)
            assert await child.has_namespace("kube-system")
            assert child.process.returncode is None
    assert child.other_output == []
