"""Changes of certificate and client authorities while a server runs, on real sockets."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from kubesum.edge.tls.certificates import KeyPair, authority, client, serving
from kubesum.operations.metrics import HANDSHAKES_FAILED
from kubesum.server.sockets import LOOPBACK
from tests.unit.edge.clientcertificates import CLIENT, DAY, SERVER, Issued, certificate_for, root
from tests.wire import CA, CLIENTS, HOST, PAIR, REQUEST, Client, Wire, client_tls, serving_wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER = serving(CA, [HOST])
JANE = client(CLIENTS, "jane")
# Handshakes use the clock of the machine.
BEGAN, ENDS = datetime.now(UTC) - 2 * DAY, datetime.now(UTC) + DAY


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Wire]:
    async with serving_wire() as wire:
        yield wire


@pytest_asyncio.fixture(loop_scope="module")
async def wire(running: Wire) -> Wire:
    """A server with PAIR and CLIENTS; one for all tests, since its shutdown takes a while."""
    running.tls.set_certificate(PAIR, time.time())
    running.tls.set_client_ca(CLIENTS.certificate)
    return running


async def chain_seen(wire: Wire, pair: KeyPair | None = None, context: ssl.SSLContext | None = None) -> int | None:
    """How many client certificates the application gets; None if the handshake fails."""
    context = context or client_tls(pair)
    try:
        streams = await asyncio.open_connection(LOOPBACK, wire.port, ssl=context, server_hostname=HOST)
    except (ConnectionError, ssl.SSLError):
        return None
    connection = Client(*streams)
    answer = await connection.exchange(REQUEST)
    connection.close()
    return None if answer is None else int(answer.json["chain"])


async def shown(wire: Wire) -> bytes:
    """The serving certificate of a new connection, DER."""
    _, writer = await asyncio.open_connection(LOOPBACK, wire.port, ssl=client_tls(), server_hostname=HOST)
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return found


def der(pair: KeyPair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate.decode())


async def test_a_new_pair_applies_to_new_connections_and_old_ones_stay_open(wire: Wire) -> None:
    async with wire.client() as before:
        assert await before.exchange(REQUEST)
        assert await shown(wire) == der(PAIR)

        wire.tls.set_certificate(OTHER, time.time())

        assert await shown(wire) == der(OTHER)
        assert await before.exchange(REQUEST)
        assert wire.tls.pair == OTHER


async def test_a_new_client_authority_replaces_the_old_one(wire: Wire) -> None:
    """Certificates of the old one fail, though both have one name; a context in use could not be changed so."""
    new = authority("clients-ca")
    john = client(new, "john")
    assert (await chain_seen(wire, JANE), await chain_seen(wire, john)) == (1, None)

    for bundle in (CLIENTS.certificate + new.certificate, new.certificate + CLIENTS.certificate):
        wire.tls.set_client_ca(bundle)
        assert (await chain_seen(wire, JANE), await chain_seen(wire, john)) == (1, 1)

    wire.tls.set_client_ca(new.certificate)
    assert (await chain_seen(wire, JANE), await chain_seen(wire, john)) == (None, 1)


async def test_the_client_authorities_stay_when_the_pair_changes(wire: Wire) -> None:
    wire.tls.set_certificate(OTHER, time.time())

    assert await chain_seen(wire, JANE) == 1


async def test_no_certificate_is_requested_without_client_authorities(wire: Wire) -> None:
    """Else a client with any certificate could not connect."""
    wire.tls.set_client_ca(b"")

    assert await chain_seen(wire, JANE) == 0


async def test_a_client_certificate_is_optional(wire: Wire) -> None:
    assert await chain_seen(wire) == 0


async def test_intermediates_are_available_in_tls_1_2_and_1_3(wire: Wire) -> None:
    users = root("users", begins=BEGAN, ends=ENDS)
    first = certificate_for("first", users, ca=True, begins=BEGAN, ends=ENDS)
    second = certificate_for("second", first, ca=True, begins=BEGAN, ends=ENDS)
    user = certificate_for("jane", second, begins=BEGAN, ends=ENDS).pair(second, first)
    wire.tls.set_client_ca(users.pem)

    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_tls(user)
        context.maximum_version = version
        assert await chain_seen(wire, context=context) == 3


async def test_an_intermediate_in_the_bundle_is_a_trust_anchor(wire: Wire) -> None:
    """As where a company's authority issued that of the cluster, and only the latter is in the bundle."""
    company = root("company", begins=BEGAN, ends=ENDS)
    cluster = certificate_for("cluster", company, ca=True, begins=BEGAN, ends=ENDS)
    user = certificate_for("jane", cluster, usages=CLIENT, begins=BEGAN, ends=ENDS)
    wire.tls.set_client_ca(cluster.pem)

    assert await chain_seen(wire, user.pair()) == 1
    assert await chain_seen(wire, user.pair(cluster)) == 2
    assert await chain_seen(wire, user.pair(cluster, company)) == 3
    assert await chain_seen(wire, certificate_for("x", company, begins=BEGAN, ends=ENDS).pair()) is None


def refused_clients() -> dict[str, Issued]:
    known = root("known", begins=BEGAN, ends=ENDS)
    return {
        "the authority": known,
        "unknown": certificate_for("a", root("known", begins=BEGAN, ends=ENDS)),
        "expired": certificate_for("a", known, begins=BEGAN, ends=BEGAN + DAY / 2),
        "not valid yet": certificate_for("a", known, begins=ENDS - DAY / 2, ends=ENDS),
        "for servers": certificate_for("a", known, usages=SERVER, begins=BEGAN, ends=ENDS),
    }


@pytest.mark.parametrize("kind", ["unknown", "expired", "not valid yet", "for servers"])
async def test_an_unverifiable_certificate_fails_the_handshake_and_is_counted(wire: Wire, kind: str) -> None:
    clients = refused_clients()
    wire.tls.set_client_ca(clients["the authority"].pem)
    failures = HANDSHAKES_FAILED.labels("certificate")._value
    before = failures.get()

    assert await chain_seen(wire, clients[kind].pair()) is None
    assert failures.get() == before + 1


async def test_bytes_that_are_no_tls_are_counted(wire: Wire) -> None:
    failures = HANDSHAKES_FAILED.labels("protocol")._value
    before = failures.get()

    reader, writer = await asyncio.open_connection(LOOPBACK, wire.port)
    writer.write(REQUEST)
    assert await reader.read() == b""
    writer.close()

    assert failures.get() == before + 1


async def test_older_tls_versions_are_refused(wire: Wire) -> None:
    context = client_tls()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    assert await chain_seen(wire, context=context) is None
