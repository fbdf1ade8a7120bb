"""The files that the process gets its own identity from are replaced, removed and put back."""

import os
from dataclasses import replace
from pathlib import Path

from kubesim.access import pki as pki_of_cluster
from kubesum.commands.demo.simulation import INSTALLATION
from tests.faults.childserver import NAMESPACES, ChildServer, Cluster, eventually, ready_server, simulated_cluster

FAILED = "list or watch failed"


def write(path: Path, content: str | bytes) -> None:
    """Replaces a file at once, as the kubelet does."""
    new = path.with_suffix(".new")
    new.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.replace(new, path)


async def follows_again(child: ChildServer, cluster: Cluster, name: str) -> None:
    """Returns when a change of the cluster is seen."""
    cluster.add_namespace(name)
    await eventually(lambda: child.has_namespace(name))
    assert await child.is_ready()


async def serves_what_it_has(child: ChildServer) -> None:
    """An outage of its own credentials takes away nothing from those whom kubesum can tell by itself."""
    assert await child.has_namespace("kube-system")
    assert await child.is_ready()
    # Its token cannot be reviewed: it is refused, never anonymous or a user.
    unknown = await child.server.request(NAMESPACES, headers=[("Authorization", "Bearer unknown")])
    assert unknown.code == 401


async def test_a_token_file_that_is_removed_and_replaced_is_followed(tmp_path: Path) -> None:
    """kube-apiserver refuses the old token from its restart on, and the new one is there only later."""
    token = tmp_path / "token"
    async with simulated_cluster(tmp_path) as cluster:
        write(token, cluster.pki.service_token)
        async with ready_server(cluster, kubeconfig=cluster.kubeconfig(tokenFile=str(token))) as child:
            token.unlink()
            # A token that still works is used further.
            await follows_again(child, cluster, "removed")

            await cluster.restart(replace(cluster.pki, service_token="second-token"))
            await child.logged(FAILED, str(token))
            await serves_what_it_has(child)
            write(token, "second-token\n")
            await follows_again(child, cluster, "replaced")
    assert child.other_output == []
    assert "second-token" not in str(child.log)


async def test_a_kubeconfig_that_is_removed_and_spoiled_is_read_once_it_is_whole(tmp_path: Path) -> None:
    async with simulated_cluster(tmp_path) as cluster:
        kubeconfig = cluster.kubeconfig()
        async with ready_server(cluster, kubeconfig=kubeconfig) as child:
            kubeconfig.unlink()
            await follows_again(child, cluster, "removed")

            await cluster.restart(replace(cluster.pki, service_token="second-token"))
            await child.logged(FAILED, f"kubeconfig {kubeconfig} does not exist")
            write(kubeconfig, "clusters: [")
            await child.logged(FAILED, f"kubeconfig {kubeconfig} is not valid YAML")
            await serves_what_it_has(child)
            cluster.kubeconfig()
            await follows_again(child, cluster, "whole")
    assert child.other_output == []


async def test_a_new_authority_of_the_api_server_is_read_from_the_ca_file(tmp_path: Path) -> None:
    """The file may come later than the certificates of the new authority, and be half-written at first."""
    async with simulated_cluster(tmp_path) as cluster, ready_server(cluster) as child:
        (tmp_path / "new").mkdir()
        new = pki_of_cluster.create(tmp_path / "new", INSTALLATION.service_account)
        await cluster.restart(replace(cluster.pki, authority=new.authority, server_files=new.server_files))
        await child.logged(FAILED, "certificate")
        await serves_what_it_has(child)

        write(cluster.ca_file, cluster.pki.authority.certificate[:100])
        await child.logged(FAILED, str(cluster.ca_file))
        await serves_what_it_has(child)

        write(cluster.ca_file, cluster.pki.authority.certificate)
        await follows_again(child, cluster, "second")
    assert child.other_output == []
