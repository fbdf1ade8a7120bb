"""The condition Available while the extension server is unreachable: kube-aggregator's text, without delay."""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from kubesim.access import certificates
from kubesim.access.certificates import KeyPair
from kubesum.commands.demo.manifests import API_SERVICE
from tests.hanging import HANGS_AFTER_S
from tests.unit.kubesim.aggregation.extensionserver import ROOT, aggregated_extension, condition
from tests.unit.kubesim.runningcluster import Cluster

HOST = "kubesum.kubesum-system.svc"
URL = f"https://10.96.143.7:443{ROOT}"
FAILED = f"failing or missing response from {URL}"


async def until_condition(cluster: Cluster, reason: str) -> str:
    """Waits until the condition has this reason; returns its message."""
    async with asyncio.timeout(HANGS_AFTER_S):
        while condition(cluster)["reason"] != reason:
            await cluster.store.next_changes("apiservices", cluster.store.version)
    return condition(cluster)["message"]


@asynccontextmanager
async def listening(cluster: Cluster, pair: KeyPair, client_ca: bytes | None) -> AsyncIterator[str]:
    """The address of a TLS server with the certificate `pair` that closes each connection after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(cluster.home, "listening"))
    if client_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_ca.decode())
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    host, port = server.sockets[0].getsockname()
    async with server:
        yield f"{host}:{port}"


def change(cluster: Cluster, resource: str, namespace: str, name: str, how: Callable[[Any], None]) -> None:
    """Changes an object in the store."""
    stored = cluster.store.get(resource, namespace, name)
    assert stored is not None
    obj = stored.decoded()
    how(obj)
    cluster.store.put(resource, obj)


def other_port(service: Any) -> None:
    service["spec"]["ports"][0]["port"] = 8443


def unready(one: Any) -> None:
    one["endpoints"][0]["conditions"] = {"ready": False}


def other_name(one: Any) -> None:
    one["ports"][0]["name"] = "metrics"


OBSTACLES: list[tuple[str, Callable[[Any], None], str, str]] = [
    ("services", other_port, "ServicePortError", 'service/kubesum in "kubesum-system" is not listening on port 443'),
    (
        "endpointslices",
        unready,
        "MissingEndpoints",
        'endpointslices for service/kubesum in "kubesum-system" have no addresses with port name "https"',
    ),
    (
        "endpointslices",
        other_name,
        "MissingEndpoints",
        'endpointslices for service/kubesum in "kubesum-system" have no addresses with port name "https"',
    ),
]


@pytest.mark.parametrize(("resource", "how", "reason", "message"), OBSTACLES)
async def test_a_broken_service_makes_it_unavailable_until_it_is_repaired(
    cluster: Cluster, resource: str, how: Callable[[Any], None], reason: str, message: str
) -> None:
    async with aggregated_extension(cluster):
        (stored,) = cluster.store.list(resource)
        change(cluster, resource, stored.namespace, stored.name, how)

        assert await until_condition(cluster, reason) == message
        assert (await cluster.get(f"{ROOT}/nodesummaries")).body == b"service unavailable\n"
        cluster.store.put(resource, stored.decoded())
        assert await until_condition(cluster, "Passed") == "all checks passed"


@pytest.mark.parametrize(
    ("resource", "reason", "message"),
    [
        ("services", "ServiceNotFound", 'service/kubesum in "kubesum-system" is not present'),
        (
            "endpointslices",
            "EndpointsNotFound",
            'cannot find endpointslices for service/kubesum in "kubesum-system"',
        ),
    ],
)
async def test_a_missing_service_or_slice_is_the_reason(
    cluster: Cluster, resource: str, reason: str, message: str
) -> None:
    async with aggregated_extension(cluster):
        (stored,) = cluster.store.list(resource)
        cluster.store.delete(resource, stored.namespace, stored.name)

        assert await until_condition(cluster, reason) == message


async def test_a_changed_cabundle_takes_effect_at_once(cluster: Cluster) -> None:
    def with_bundle(bundle: bytes) -> Callable[[Any], None]:
        return lambda obj: obj["spec"].update({"caBundle": b64encode(bundle).decode()})

    async with aggregated_extension(cluster) as extension:
        change(cluster, "apiservices", "", API_SERVICE, with_bundle(certificates.authority("other").certificate))
        message = await until_condition(cluster, "FailedDiscoveryCheck")
        change(cluster, "apiservices", "", API_SERVICE, with_bundle(extension.ca.certificate))

        assert message == (
            f'{FAILED}: Get "{URL}": tls: failed to verify certificate: x509: certificate signed by unknown authority'
        )
        assert await until_condition(cluster, "Passed") == "all checks passed"


async def test_any_certificate_passes_with_insecure_skip_tls_verify(cluster: Cluster) -> None:
    async with aggregated_extension(cluster):
        change(cluster, "apiservices", "", API_SERVICE, lambda obj: obj["spec"].update({"caBundle": None}))
        message = await until_condition(cluster, "FailedDiscoveryCheck")
        skip = {"insecureSkipTLSVerify": True}
        change(cluster, "apiservices", "", API_SERVICE, lambda obj: obj["spec"].update(skip))

        assert "x509: certificate signed by unknown authority" in message
        assert await until_condition(cluster, "Passed") == "all checks passed"


async def test_an_expired_certificate_is_reported_with_its_times(cluster: Cluster) -> None:
    authority = certificates.authority("extension-ca")
    pair = certificates.serving(authority, [HOST], timedelta(minutes=-1))
    ended = x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc

    async with listening(cluster, pair, None) as address:
        cluster.server.aggregator.register(address, authority.certificate)
        await cluster.store.next_changes("apiservices", cluster.store.version)

    message = condition(cluster)["message"]
    assert message.startswith(
        f'{FAILED}: Get "{URL}": tls: failed to verify certificate: x509: certificate has expired'
    )
    assert message.endswith(f" is after {ended:%Y-%m-%dT%H:%M:%SZ}")


async def test_a_server_that_rejects_the_front_proxy_certificate_is_reported_as_eof(cluster: Cluster) -> None:
    authority = certificates.authority("extension-ca")
    pair = certificates.serving(authority, [HOST])

    async with listening(cluster, pair, certificates.authority("others").certificate) as address:
        cluster.server.aggregator.register(address, authority.certificate)
        await cluster.store.next_changes("apiservices", cluster.store.version)

    assert condition(cluster)["message"] == f'{FAILED}: Get "{URL}": EOF'


@pytest.mark.process
async def test_without_its_apiservice_the_group_is_not_served(cluster: Cluster) -> None:
    async with aggregated_extension(cluster):
        code, _, _ = await cluster.kubectl("delete", "apiservice", API_SERVICE)

        assert code == 0
        assert (await cluster.get(f"{ROOT}/nodesummaries")).code == 404
        assert "summary.kubesum.dev" not in str((await cluster.get("/apis")).json)
