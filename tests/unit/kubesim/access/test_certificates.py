"""The certificates of the simulated cluster, as strict verifiers see them."""

import ssl
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from kubesim.access import certificates


def loaded(pair: certificates.KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate)


def test_a_serving_certificate_is_valid_for_its_hosts_only() -> None:
    ca = certificates.authority("test-ca")
    leaf = loaded(certificates.serving(ca, ["kubernetes.default.svc", "127.0.0.1"]))
    policies = PolicyBuilder().store(Store([loaded(ca)]))

    for subject in (x509.DNSName("kubernetes.default.svc"), x509.IPAddress(ip_address("127.0.0.1"))):
        assert policies.build_server_verifier(subject).verify(leaf, [])[0] == leaf
    with pytest.raises(VerificationError):
        policies.build_server_verifier(x509.DNSName("localhost")).verify(leaf, [])


def test_a_certificate_of_negative_lifetime_has_expired() -> None:
    ca = certificates.authority("test-ca")
    leaf = loaded(certificates.serving(ca, ["localhost"], timedelta(minutes=-1)))

    with pytest.raises(VerificationError):
        PolicyBuilder().store(Store([loaded(ca)])).build_server_verifier(x509.DNSName("localhost")).verify(leaf, [])


def test_a_client_certificate_names_a_user_and_its_groups() -> None:
    leaf = loaded(certificates.client(certificates.authority("test-ca"), "zoë", ["a", "system:masters"]))

    assert [name.value for name in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["zoë"]
    groups = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [group.value for group in groups] == ["a", "system:masters"]


def test_strict_tls_accepts_the_authority() -> None:
    ca = certificates.authority("test-ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_STRICT

    context.load_verify_locations(cadata=ca.certificate.decode())

    assert context.cert_store_stats()["x509_ca"] == 1


def test_only_the_owner_can_read_a_private_key(tmp_path: Path) -> None:
    pair = certificates.authority("test-ca")
    (tmp_path / "ca.key").write_text("an older file that everybody can read")
    (tmp_path / "ca.key").chmod(0o644)

    certificate, key = pair.write(tmp_path, "ca")

    assert (certificate.read_bytes(), key.read_bytes()) == (pair.certificate, pair.key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(pair)
