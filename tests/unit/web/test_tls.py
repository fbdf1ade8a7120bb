"""The TLS handshake with required client certificates."""

import ssl
from pathlib import Path

import pytest

from kubesum.edge.tls.certificates import KeyPair, authority, client, serving
from kubesum.edge.tls.servertls import ReloadableContext, mutual_tls_context
from tests.unit.web.fakeresources import client_context

CA = authority("ca")
SERVER = serving(CA, ["kubesum.test"])


def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> ssl.SSLObject:
    """The client side of a completed handshake; raises the error of either side."""
    return shaken(server, client)[1]


def shaken(
    server: ssl.SSLContext, client: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both sides of a completed handshake, the server's first; raises the error of either."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname="kubesum.test", session=session)
    for _ in range(5):
        for end in (theirs, ours):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    ours.write(b"hello")
    assert theirs.read() == b"hello"
    return ours, theirs


def client_of(issuer: KeyPair, directory: Path) -> ssl.SSLContext:
    return client_context(CA, client(issuer, "somebody"), directory)


@pytest.fixture
def server() -> ssl.SSLContext:
    return mutual_tls_context(SERVER.certificate, SERVER.key, CA.certificate)


def test_a_client_certificate_of_the_authority_passes(server: ssl.SSLContext, tmp_path: Path) -> None:
    client = client_of(CA, tmp_path)
    client.set_alpn_protocols(["h2", "http/1.1"])

    connection = shake(server, client)

    assert connection.selected_alpn_protocol() == "http/1.1"
    assert connection.version() == "TLSv1.3"


def test_no_client_certificate_fails(server: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
        shake(server, ssl.create_default_context(cadata=CA.certificate.decode()))


def test_a_client_certificate_of_another_authority_fails(server: ssl.SSLContext, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, client_of(authority("ca"), tmp_path))


def test_a_serving_certificate_fails_as_a_client_certificate(server: ssl.SSLContext, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
        shake(server, client_context(CA, SERVER, tmp_path))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_session_is_resumed(server: ssl.SSLContext, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Neither while the first connection is open nor after it: OpenSSL keeps the sessions of TLS 1.2."""
    client = client_of(CA, tmp_path)
    client.maximum_version = version

    ours, theirs = shaken(server, client)

    assert not shaken(server, client, theirs.session)[1].session_reused
    session = theirs.session
    del ours, theirs
    assert not shaken(server, client, session)[1].session_reused


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_not_kept(server: ssl.SSLContext, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """Those of 20,000 connections with certificates would take 200 MB."""
    client = client_of(CA, tmp_path)
    client.maximum_version = version
    assert isinstance(server, ReloadableContext)

    open_connections, kept = [], []
    for _ in range(10):
        open_connections.append(shaken(server, client))
        kept.append(server.current.session_stats()["number"])

    assert kept == [1 if version is ssl.TLSVersion.TLSv1_2 else 0] * 10


def test_a_key_of_another_certificate_is_refused() -> None:
    other = serving(CA, ["other.test"])

    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        mutual_tls_context(SERVER.certificate, other.key, CA.certificate)
