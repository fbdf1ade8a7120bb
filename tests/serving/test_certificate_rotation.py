"""Certificates and authorities change under load, and no request fails."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
import pytest_asyncio

from kubesim.access import certificates
from kubesim.access.certificates import KeyPair
from kubesim.apiserver.bootstrap import AUTHENTICATION_CONFIG
from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.serving.load import ROOT, load
from tests.serving.runningserver import NODES, RunningServer, eventually, fetch, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOSTS = (SERVICE_HOST, "127.0.0.1")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("rotation")) as server:
        yield server


async def shown(server: RunningServer) -> bytes:
    """The serving certificate of a new connection, DER."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return found


async def shows(server: RunningServer, pair: KeyPair) -> bool:
    return await shown(server) == ssl.PEM_cert_to_DER_cert(pair.certificate.decode())


def put(server: RunningServer, pair: KeyPair) -> None:
    """Replaces the files of the serving certificate, one by one."""
    for name, content in (("crt", pair.certificate), ("key", pair.key)):
        new = server.home / f"new.{name}"
        new.write_bytes(content)
        os.replace(new, server.home / f"serving.{name}")


def publish(server: RunningServer, **bundles: bytes) -> None:
    """Changes the ConfigMap extension-apiserver-authentication."""
    stored = server.store.get("configmaps", "kube-system", AUTHENTICATION_CONFIG)
    assert stored is not None
    config = stored.decoded()
    config["data"] |= {name.replace("_", "-"): bundle.decode() for name, bundle in bundles.items()}
    server.store.put("configmaps", config)


async def metric(server: RunningServer, line: str) -> float:
    """The value of a metric."""
    text = (await server.request("/metrics", server.front_proxy, ROOT)).body.decode()
    return next((float(found.split()[-1]) for found in text.splitlines() if found.startswith(line)), 0.0)


async def lets_in(server: RunningServer, pair: KeyPair) -> bool:
    """Whether a front proxy with this pair is authenticated on a new connection."""
    try:
        return (await server.request(NODES, pair, ROOT)).code == 200
    except aiohttp.ClientError:
        return False


async def test_a_new_serving_certificate_fails_no_request(server: RunningServer) -> None:
    new = certificates.serving(server.authority, HOSTS)

    async with load(server, lambda: server.tls(server.front_proxy)) as clients:
        put(server, new)
        await eventually(lambda: shows(server, new))

    assert clients.failures == []


@pytest.mark.parametrize("defect", ["half written", "of two pairs", "expired", "empty"])
async def test_an_unusable_pair_leaves_the_current_one_in_use(server: RunningServer, defect: str) -> None:
    old = KeyPair((server.home / "serving.crt").read_bytes(), (server.home / "serving.key").read_bytes())
    other = certificates.serving(server.authority, HOSTS)
    bad = {
        "half written": KeyPair(other.certificate[: len(other.certificate) // 2], other.key),
        "of two pairs": KeyPair(other.certificate, old.key),
        "expired": certificates.serving(server.authority, HOSTS, timedelta(minutes=-1)),
        "empty": KeyPair(b"", b""),
    }[defect]
    errors = 'kubesum_serving_cert_reloads_total{result="error"}'
    before = await metric(server, errors)

    async with load(server, lambda: server.tls(server.front_proxy)) as clients:
        put(server, bad)

        async def is_refused() -> bool:
            return await metric(server, errors) > before

        await eventually(is_refused)

    assert clients.failures == []
    assert await shows(server, old)
    assert (await server.request("/readyz")).code == 200
    put(server, old)


async def test_a_new_front_proxy_authority_fails_no_request(server: RunningServer) -> None:
    old, proxy = server.pki.front_proxy_authority.certificate, server.front_proxy
    authority = certificates.authority("front-proxy-ca")
    new_proxy = certificates.client(authority, "front-proxy-client")
    in_use = [proxy]

    async with server.session(proxy) as kept:
        async with load(server, lambda: server.tls(in_use[0])) as clients:
            assert (await fetch(kept, server.port, NODES, ROOT)).code == 200
            publish(server, requestheader_client_ca_file=old + authority.certificate)
            await eventually(lambda: lets_in(server, new_proxy))
            in_use[0] = new_proxy
            await clients.reaches(40)
        publish(server, requestheader_client_ca_file=authority.certificate)
        await eventually(lambda: refused(server, proxy))
        late = await fetch(kept, server.port, NODES, ROOT)

    assert clients.failures == []
    # A kept connection with a certificate of the old authority is no longer authenticated.
    assert late.code == 401
    publish(server, requestheader_client_ca_file=old)
    await eventually(lambda: lets_in(server, proxy))


async def refused(server: RunningServer, pair: KeyPair) -> bool:
    return not await lets_in(server, pair)


async def test_a_new_client_authority_applies_to_open_connections(server: RunningServer) -> None:
    authority, old = certificates.authority("kubernetes-ca"), server.pki.authority.certificate
    was, comes = server.pki.people["admin"], certificates.client(authority, "admin", ["system:masters"])

    async def authenticated(pair: KeyPair) -> bool:
        try:
            return (await server.request(NODES, pair)).code == 200
        except aiohttp.ClientError:
            return False

    async with server.session(was) as kept:
        assert (await fetch(kept, server.port, NODES)).code == 200
        publish(server, client_ca_file=authority.certificate + old)
        await eventually(lambda: authenticated(comes))
        assert (await fetch(kept, server.port, NODES)).code == 200
        publish(server, client_ca_file=authority.certificate)

        async def is_unknown() -> bool:
            return not await authenticated(was)

        await eventually(is_unknown)
        assert (await fetch(kept, server.port, NODES)).code == 401

    publish(server, client_ca_file=old)
    await eventually(lambda: authenticated(was))


@pytest.mark.parametrize(
    "bundles",
    [
        {"client_ca_file": b"nonsense"},
        {"requestheader_allowed_names": b"[1, 2"},
        {"client_ca_file": b"", "requestheader_client_ca_file": b""},
    ],
    ids=["no certificates", "no names", "no authority"],
)
async def test_an_invalid_configmap_leaves_the_configuration_in_effect(
    server: RunningServer, bundles: dict[str, bytes]
) -> None:
    stored = server.store.get("configmaps", "kube-system", AUTHENTICATION_CONFIG)
    assert stored is not None
    good = {name: str(stored.decoded()["data"][name.replace("_", "-")]).encode() for name in bundles}
    errors = "kubesum_authentication_config_errors_total"
    before = await metric(server, errors)

    publish(server, **bundles)

    async def is_noticed() -> bool:
        return await metric(server, errors) > before

    await eventually(is_noticed)
    assert await lets_in(server, server.front_proxy)
    publish(server, **good)


async def test_a_deleted_configmap_leaves_the_configuration_in_effect(server: RunningServer) -> None:
    deletions = 'kubesum_watch_events_total{resource="configmaps",type="DELETED"}'
    last = server.store.delete("configmaps", "kube-system", AUTHENTICATION_CONFIG)
    assert last is not None

    async def is_noticed() -> bool:
        return await metric(server, deletions) == 1

    await eventually(is_noticed)

    assert await lets_in(server, server.front_proxy)
    server.store.put("configmaps", last.decoded())
