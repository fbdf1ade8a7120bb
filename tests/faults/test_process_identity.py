"""A process that starts before what it identifies clients by is there, or with a certificate that is not whole."""

from pathlib import Path

import aiohttp

from kubesim.apiserver.bootstrap import AUTHENTICATION_CONFIG
from kubesim.store.store import JsonObject
from tests.faults.childserver import (
    MASTER,
    NAMESPACES,
    ChildServer,
    Cluster,
    eventually,
    simulated_cluster,
    started_server,
)

MISSING = "authentication configuration missing: front proxy and client certificates are not accepted"


def publish(cluster: Cluster, config: JsonObject, **data: str) -> None:
    """Creates or changes the ConfigMap extension-apiserver-authentication."""
    merged = config["data"] | {name.replace("_", "-"): value for name, value in data.items()}
    cluster.store.put("configmaps", {"metadata": config["metadata"], "data": merged})


async def answers(child: ChildServer, code: int) -> bool:
    """Whether /readyz has this code; false also before the server listens."""
    try:
        return (await child.server.request("/readyz")).code == code
    except aiohttp.ClientError:
        return False


async def test_nobody_is_identified_by_a_certificate_until_the_configmap_is_there(tmp_path: Path) -> None:
    """Tokens are, which kube-apiserver reviews; and with the ConfigMap the server becomes ready."""
    async with simulated_cluster(tmp_path) as cluster:
        removed = cluster.store.delete("configmaps", "kube-system", AUTHENTICATION_CONFIG)
        assert removed is not None
        async with started_server(cluster) as child:
            server = child.server
            token = [("Authorization", f"Bearer {cluster.pki.service_token}")]
            await child.logged(
                "authentication configuration missing: front proxy and client certificates are not accepted"
            )
            await eventually(lambda: answers(child, 500))

            async def all_else_passes() -> bool:
                found = (await server.request("/readyz?verbose")).body.decode()
                return [line for line in found.splitlines() if line.startswith("[-]")] == [
                    "[-]authentication-config failed: reason withheld"
                ]

            await eventually(all_else_passes)
            assert (await server.request("/livez")).code == 200
            assert (await server.forwarded(NAMESPACES, *MASTER)).code == 403  # as anonymous
            assert (await server.request(NAMESPACES, cluster.pki.people["admin"])).code == 403
            authenticated = await server.request(NAMESPACES, headers=token)
            assert authenticated.code == 403
            assert "system:serviceaccount:kubesum-system:kubesum" in authenticated.message

            publish(cluster, removed.decoded())
            await eventually(lambda: answers(child, 200))
            assert await child.has_namespace("kube-system")
    assert child.other_output == []


async def test_one_authority_for_users_and_front_proxies_without_names_identifies_no_proxy(tmp_path: Path) -> None:
    """Each user could name any other then (NCC-E003660): 401, never the user of the headers."""
    async with simulated_cluster(tmp_path) as cluster:
        stored = cluster.store.get("configmaps", "kube-system", AUTHENTICATION_CONFIG)
        assert stored is not None
        config = stored.decoded()
        shared = cluster.pki.front_proxy_authority.certificate.decode()
        publish(cluster, config, client_ca_file=shared, requestheader_allowed_names="[]")
        async with started_server(cluster) as child:
            await eventually(lambda: answers(child, 200))
            proxy = child.server.front_proxy
            spoofed = await child.server.forwarded(NAMESPACES, *MASTER)
            # The certificate is a user's as well: its common name has no rights.
            assert spoofed.code in (401, 403)
            assert "root" not in spoofed.message
            assert child.lines("loaded extension-apiserver-authentication")

            publish(cluster, config, client_ca_file=shared)
            await eventually(lambda: child_lists(child))
            assert (await child.server.request(NAMESPACES, proxy)).code == 403
    assert child.other_output == []


async def child_lists(child: ChildServer) -> bool:
    return (await child.server.forwarded(NAMESPACES, *MASTER)).code == 200


async def test_a_server_with_half_a_certificate_does_not_start_and_says_why(tmp_path: Path) -> None:
    async with simulated_cluster(tmp_path) as cluster:
        certificate = tmp_path / "serving.crt"
        whole = certificate.read_bytes()
        certificate.write_bytes(whole[: len(whole) // 2])

        async with started_server(cluster) as child:
            assert await child.ended() == 1

    assert [line["message"] for line in child.log] == ["starting"]
    assert len(child.other_output) == 1
    assert child.other_output[0].startswith(f"kubesum: {certificate} and ")
