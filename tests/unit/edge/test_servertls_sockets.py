"""What a listener shows and whom it lets connect, while both change; on real sockets."""

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
from tests.unit.edge.clientcertificates import CLIENT, DAY, SERVER, Minted, minted, root
from tests.wire import ASK, CA, CLIENTS, HOST, PAIR, Client, Wire, client_tls, serving_wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER = serving(CA, [HOST])
JANE = client(CLIENTS, "jane")
# Handshakes know no time but that of the machine.
BEGAN, ENDS = datetime.now(UTC) - 2 * DAY, datetime.now(UTC) + DAY


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Wire]:
    async with serving_wire() as wire:
        yield wire


@pytest_asyncio.fixture(loop_scope="module")
async def wire(running: Wire) -> Wire:
    """A server that shows PAIR and knows CLIENTS; its end takes a while, so one serves all tests."""
    running.tls.set_certificate(PAIR, time.time())
    running.tls.set_client_ca(CLIENTS.certificate)
    return running


async def chain_seen(wire: Wire, pair: KeyPair | None = None, context: ssl.SSLContext | None = None) -> int | None:
    """How many certificates of a client the server sees; None if it does not let it connect."""
    context = context or client_tls(pair)
    try:
        streams = await asyncio.open_connection(LOOPBACK, wire.port, ssl=context, server_hostname=HOST)
    except (ConnectionError, ssl.SSLError):
        return None
    connection = Client(*streams)
    answer = await connection.asked(ASK)
    connection.close()
    return None if answer is None else int(answer.json["chain"])


async def shown(wire: Wire) -> bytes:
    """The certificate that a new connection is shown, DER."""
    _, writer = await asyncio.open_connection(LOOPBACK, wire.port, ssl=client_tls(), server_hostname=HOST)
    found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return found


def der(pair: KeyPair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate.decode())


async def test_another_pair_is_shown_to_new_connections_while_old_ones_go_on(wire: Wire) -> None:
    async with wire.client() as before:
        assert await before.asked(ASK)
        assert await shown(wire) == der(PAIR)

        wire.tls.set_certificate(OTHER, time.time())

        assert await shown(wire) == der(OTHER)
        assert await before.asked(ASK)
        assert wire.tls.pair == OTHER


async def test_another_authority_of_clients_lets_others_connect(wire: Wire) -> None:
    """And those of the old one no longer, which a context in use could not be made to do. Both have one name."""
    new = authority("clients-ca")
    john = client(new, "john")
    assert (await chain_seen(wire, JANE), await chain_seen(wire, john)) == (1, None)

    for bundle in (CLIENTS.certificate + new.certificate, new.certificate + CLIENTS.certificate):
        wire.tls.set_client_ca(bundle)
        assert (await chain_seen(wire, JANE), await chain_seen(wire, john)) == (1, 1)

    wire.tls.set_client_ca(new.certificate)
    assert (await chain_seen(wire, JANE), await chain_seen(wire, john)) == (None, 1)


async def test_clients_keep_their_authorities_when_the_pair_changes(wire: Wire) -> None:
    wire.tls.set_certificate(OTHER, time.time())

    assert await chain_seen(wire, JANE) == 1


async def test_nobody_is_asked_while_no_authority_is_known(wire: Wire) -> None:
    """Whom nobody could verify would not be let in otherwise."""
    wire.tls.set_client_ca(b"")

    assert await chain_seen(wire, JANE) == 0


async def test_no_certificate_is_fine(wire: Wire) -> None:
    assert await chain_seen(wire) == 0


async def test_intermediates_are_seen_in_both_versions_of_tls(wire: Wire) -> None:
    users = root("users", begins=BEGAN, ends=ENDS)
    first = minted("first", users, ca=True, begins=BEGAN, ends=ENDS)
    second = minted("second", first, ca=True, begins=BEGAN, ends=ENDS)
    user = minted("jane", second, begins=BEGAN, ends=ENDS).pair(second, first)
    wire.tls.set_client_ca(users.pem)

    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_tls(user)
        context.maximum_version = version
        assert await chain_seen(wire, context=context) == 3


async def test_a_bundle_need_not_go_up_to_a_root(wire: Wire) -> None:
    """A company's authority issued that of the cluster: only the latter is in the bundle."""
    company = root("company", begins=BEGAN, ends=ENDS)
    cluster = minted("cluster", company, ca=True, begins=BEGAN, ends=ENDS)
    user = minted("jane", cluster, usages=CLIENT, begins=BEGAN, ends=ENDS)
    wire.tls.set_client_ca(cluster.pem)

    assert await chain_seen(wire, user.pair()) == 1
    assert await chain_seen(wire, user.pair(cluster)) == 2
    assert await chain_seen(wire, user.pair(cluster, company)) == 3
    assert await chain_seen(wire, minted("x", company, begins=BEGAN, ends=ENDS).pair()) is None


def refused_clients() -> dict[str, Minted]:
    known = root("known", begins=BEGAN, ends=ENDS)
    return {
        "the authority": known,
        "unknown": minted("a", root("known", begins=BEGAN, ends=ENDS)),
        "expired": minted("a", known, begins=BEGAN, ends=BEGAN + DAY / 2),
        "not valid yet": minted("a", known, begins=ENDS - DAY / 2, ends=ENDS),
        "for servers": minted("a", known, usages=SERVER, begins=BEGAN, ends=ENDS),
    }


@pytest.mark.parametrize("kind", ["unknown", "expired", "not valid yet", "for servers"])
async def test_a_certificate_that_nobody_vouches_for_ends_in_the_handshake_and_is_counted(
    wire: Wire, kind: str
) -> None:
    clients = refused_clients()
    wire.tls.set_client_ca(clients["the authority"].pem)
    failures = HANDSHAKES_FAILED.labels("certificate")._value
    before = failures.get()

    assert await chain_seen(wire, clients[kind].pair()) is None
    assert failures.get() == before + 1


async def test_what_is_no_tls_is_counted(wire: Wire) -> None:
    failures = HANDSHAKES_FAILED.labels("protocol")._value
    before = failures.get()

    reader, writer = await asyncio.open_connection(LOOPBACK, wire.port)
    writer.write(ASK)
    assert await reader.read() == b""
    writer.close()

    assert failures.get() == before + 1


async def test_an_older_version_of_tls_is_not_spoken(wire: Wire) -> None:
    context = client_tls()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    assert await chain_seen(wire, context=context) is None
