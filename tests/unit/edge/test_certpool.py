"""Which certificates verify against a pool of authorities."""

import ssl
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ObjectIdentifier

from kubesum.edge.tls.certpool import CertPool, InvalidCredentials
from tests.unit.edge.clientcertificates import ANY, CLIENT, DAY, NOW, SERVER, SM2, Issued, certificate_for, root

ROOT = root()
OTHER = root("other")
USER = certificate_for("jane", ROOT, usages=CLIENT)


def failure(pool: CertPool, *chain: Issued, now: datetime = NOW) -> str:
    """Why a chain does not verify; empty if it does."""
    try:
        found = pool.verify(tuple(one.der for one in chain), now.timestamp())
    except InvalidCredentials as error:
        return str(error) or "for no reason"
    assert found == chain[0].certificate
    return ""


def verifies(pool: CertPool, *chain: Issued, now: datetime = NOW) -> bool:
    verified = failure(pool, *chain, now=now) == ""
    assert pool.verifies(tuple(one.der for one in chain), now.timestamp()) is verified
    return verified


def test_a_certificate_of_an_authority_verifies() -> None:
    assert verifies(CertPool(ROOT.pem), USER)


def test_a_certificate_of_another_pool_does_not_verify() -> None:
    assert not verifies(CertPool(OTHER.pem), USER)


def test_nothing_verifies_without_a_certificate_or_an_authority() -> None:
    assert failure(CertPool(ROOT.pem)) == "no certificate, or no CA that issued it"
    assert not verifies(CertPool(b""), USER)
    assert not CertPool(b" \n")
    assert CertPool(ROOT.pem)


@pytest.mark.parametrize("number", [0, 1])
def test_two_authorities_of_one_name_both_verify_their_own(number: int) -> None:
    """The old and the new one of a rotation, in either order."""
    authorities = [root("kubernetes"), root("kubernetes")]
    pool = CertPool(b"".join(one.pem for one in authorities))
    reverse = CertPool(b"".join(one.pem for one in reversed(authorities)))
    user = certificate_for("jane", authorities[number])

    assert verifies(pool, user)
    assert verifies(reverse, user)
    assert not verifies(CertPool(authorities[1 - number].pem), user)


def test_a_forged_issuer_does_not_verify() -> None:
    forged = certificate_for("jane", root("root"))

    assert not verifies(CertPool(ROOT.pem), forged)


def test_a_chain_may_have_intermediates() -> None:
    first = certificate_for("first", ROOT, ca=True)
    second = certificate_for("second", first, ca=True)
    user = certificate_for("jane", second)
    pool = CertPool(ROOT.pem)

    assert verifies(pool, user, second, first)
    assert verifies(pool, user, first, second)
    assert verifies(pool, user, second, first, ROOT, OTHER)
    assert not verifies(pool, user, second)
    assert not verifies(pool, user)


def test_an_intermediate_in_the_bundle_is_a_trust_anchor() -> None:
    intermediate = certificate_for("intermediate", ROOT, ca=True)
    user = certificate_for("jane", intermediate)
    pool = CertPool(intermediate.pem)

    assert verifies(pool, user)
    assert verifies(pool, user, intermediate, ROOT)
    assert not verifies(pool, USER)


@pytest.mark.parametrize("ca", [False, None], ids=["CA:false", "no constraints"])
def test_a_certificate_that_is_no_authority_issues_nothing(ca: bool | None) -> None:
    user = certificate_for("jane", ROOT, ca=ca)
    other = certificate_for("root", user)

    assert verifies(CertPool(ROOT.pem), user)
    assert not verifies(CertPool(ROOT.pem), other, user)


def test_a_path_length_is_respected() -> None:
    last = certificate_for("last", ROOT, ca=True, path_length=0)
    below = certificate_for("below", last, ca=True)

    assert verifies(CertPool(ROOT.pem), certificate_for("jane", last), last)
    assert not verifies(CertPool(ROOT.pem), certificate_for("jane", below), below, last)


@pytest.mark.parametrize(("depth", "expected"), [(5, True), (6, False)])
def test_a_chain_has_a_maximal_length(depth: int, expected: bool) -> None:
    chain = [ROOT]
    for number in range(depth):
        chain.append(certificate_for(f"ca-{number}", chain[-1], ca=True))
    user = certificate_for("jane", chain[-1])

    assert verifies(CertPool(ROOT.pem), user, *chain[:0:-1]) is expected


@pytest.mark.parametrize(
    ("usages", "expected"),
    [(CLIENT, True), (None, True), (ANY, True), ((*SERVER, *CLIENT), True), (SERVER, False)],
    ids=["client", "none", "any", "both", "server"],
)
def test_the_extended_key_usage_must_allow_clients(
    usages: tuple[ObjectIdentifier, ...] | None, expected: bool
) -> None:
    assert verifies(CertPool(ROOT.pem), certificate_for("jane", ROOT, usages=usages)) is expected


def test_the_extended_key_usage_of_an_intermediate_must_allow_clients() -> None:
    intermediate = certificate_for("servers", ROOT, ca=True, usages=SERVER)

    assert not verifies(CertPool(ROOT.pem), certificate_for("jane", intermediate), intermediate)


def test_an_unknown_critical_extension_does_not_verify() -> None:
    assert not verifies(CertPool(ROOT.pem), certificate_for("jane", ROOT, critical=True))


def test_a_certificate_verifies_from_not_before_to_not_after() -> None:
    pool = CertPool(ROOT.pem)
    user = certificate_for("jane", ROOT, begins=NOW, ends=NOW + DAY)

    for seconds, expected in ((-61, False), (0, True), (86_400, True), (86_401, False)):
        assert verifies(pool, user, now=NOW + timedelta(seconds=seconds)) is expected


def test_an_expired_authority_verifies_nothing() -> None:
    expired = root("root", ends=NOW - timedelta(hours=1))
    future = root("root", begins=NOW + timedelta(hours=1))

    assert not verifies(CertPool(expired.pem), certificate_for("jane", expired))
    assert not verifies(CertPool(future.pem), certificate_for("jane", future))
    assert verifies(CertPool(expired.pem + ROOT.pem), USER)


def test_a_cached_result_ends_with_the_certificate() -> None:
    pool = CertPool(ROOT.pem)
    user = certificate_for("jane", ROOT, ends=NOW + timedelta(seconds=30))

    assert verifies(pool, user)
    assert not verifies(pool, user, now=NOW + timedelta(seconds=31))


def test_a_cached_result_ends_with_the_intermediate() -> None:
    pool = CertPool(ROOT.pem)
    intermediate = certificate_for("intermediate", ROOT, ca=True, ends=NOW + timedelta(seconds=30))
    user = certificate_for("jane", intermediate)

    assert verifies(pool, user, intermediate)
    assert not verifies(pool, user, intermediate, now=NOW + timedelta(seconds=31))


def test_a_certificate_that_is_not_valid_yet_is_verified_again() -> None:
    pool = CertPool(ROOT.pem)
    user = certificate_for("jane", ROOT, begins=NOW + timedelta(seconds=30))

    assert not verifies(pool, user)
    assert verifies(pool, user, now=NOW + timedelta(seconds=61))


def test_the_bundle_of_a_pool_has_no_comments() -> None:
    pool = CertPool(b"# the old one\n" + ROOT.pem + b"\nthe new one\n" + OTHER.pem)

    assert pool.bundle == ROOT.pem + OTHER.pem
    assert len(pool.keys) == 2


@pytest.mark.parametrize(
    "bundle",
    [b"nonsense", ROOT.pem + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ROOT.pem[:200]],
    ids=["no PEM", "one that is no certificate", "half of one"],
)
def test_an_invalid_bundle_is_an_error(bundle: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        CertPool(bundle)


NO_CERTIFICATE = {
    "nothing": b"",
    "noise": b"\x30\x82\xff\xff",
    "half of one": USER.der[:-20],
    "one with a changed signature": USER.der[:-1] + bytes([USER.der[-1] ^ 1]),
    "one with a name that is no UTF-8": USER.der.replace(b"\x0c\x04jane", b"\x0c\x04\xff\xfe\xff\xfe"),
}


@pytest.mark.parametrize("der", NO_CERTIFICATE.values(), ids=NO_CERTIFICATE)
def test_bytes_that_are_no_certificate_do_not_verify(der: bytes) -> None:
    with pytest.raises(InvalidCredentials):
        CertPool(ROOT.pem).verify((der,), NOW.timestamp())


def test_a_signed_certificate_with_a_malformed_name_does_not_verify() -> None:
    """Reading the name caused a response of 500."""
    user = certificate_for("jane", ROOT)
    unsigned = user.certificate.tbs_certificate_bytes.replace(b"\x0c\x04jane", b"\x0c\x04\xff\xfe\xff\xfe")

    with pytest.raises(InvalidCredentials):
        CertPool(ROOT.pem).verify((signed(unsigned, ROOT),), NOW.timestamp())


def signed(unsigned: bytes, issuer: Issued) -> bytes:
    """A certificate from its to-be-signed part, which `cryptography` would not make; ECDSA with SHA-256."""
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    signature = b"\x00" + issuer.key.sign(unsigned, ec.ECDSA(hashes.SHA256()))
    content = unsigned + algorithm + b"\x03" + bytes([len(signature)]) + signature
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def test_an_authority_with_an_unsupported_key_is_skipped() -> None:
    """Reading that key ended the process."""
    pool = CertPool(SM2 + ROOT.pem)

    assert verifies(pool, USER)
    assert pool.keys == CertPool(ROOT.pem).keys
    assert not verifies(pool, certificate_for("jane", root("sm2-ca")))


def test_long_chains_are_not_cached() -> None:
    """A client may send 100 KB of intermediates, and other ones on each connection."""
    pool = CertPool(ROOT.pem)
    junk = [root(f"junk-{number}") for number in range(80)]

    for number in range(3):
        assert verifies(pool, USER, *junk[number:])
    assert verifies(pool, USER)

    assert [len(chain) for chain in pool._results] == [1]


def test_a_certificate_of_an_unknown_version_does_not_verify() -> None:
    """It causes neither a 500 nor the end of the process."""
    odd = USER.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)
    assert odd != USER.der

    with pytest.raises(InvalidCredentials, match="is not a valid X509 version"):
        CertPool(ROOT.pem).verify((odd,), NOW.timestamp())
    with pytest.raises(ValueError, match="is not a valid X509 version"):
        CertPool(ssl.DER_cert_to_PEM_cert(odd).encode())
