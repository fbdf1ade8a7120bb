"""Which certificates a pool of authorities vouches for."""

import ssl
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ObjectIdentifier

from kubesum.edge.tls.certpool import CertPool, InvalidCredentials
from tests.unit.edge.clientcertificates import ANY, CLIENT, DAY, NOW, SERVER, SM2, Minted, minted, root

ROOT = root()
OTHER = root("other")
USER = minted("jane", ROOT, usages=CLIENT)


def verdict(pool: CertPool, *chain: Minted, now: datetime = NOW) -> str:
    """Why a chain is not trusted; empty if it is."""
    try:
        found = pool.verify(tuple(one.der for one in chain), now.timestamp())
    except InvalidCredentials as error:
        return str(error) or "for no reason"
    assert found == chain[0].certificate
    return ""


def trusted(pool: CertPool, *chain: Minted, now: datetime = NOW) -> bool:
    told = verdict(pool, *chain, now=now) == ""
    assert pool.verifies(tuple(one.der for one in chain), now.timestamp()) is told
    return told


def test_a_certificate_of_an_authority_is_trusted() -> None:
    assert trusted(CertPool(ROOT.pem), USER)


def test_a_certificate_of_another_pool_is_not() -> None:
    assert not trusted(CertPool(OTHER.pem), USER)


def test_no_certificate_and_no_authority_are_nothing() -> None:
    assert verdict(CertPool(ROOT.pem)) == "no certificate, or no authority to vouch for it"
    assert not trusted(CertPool(b""), USER)
    assert not CertPool(b" \n")
    assert CertPool(ROOT.pem)


@pytest.mark.parametrize("number", [0, 1])
def test_of_two_authorities_of_one_name_each_vouches_for_its_own(number: int) -> None:
    """The old and the new one of a rotation, in either order."""
    authorities = [root("kubernetes"), root("kubernetes")]
    pool = CertPool(b"".join(one.pem for one in authorities))
    reverse = CertPool(b"".join(one.pem for one in reversed(authorities)))
    user = minted("jane", authorities[number])

    assert trusted(pool, user)
    assert trusted(reverse, user)
    assert not trusted(CertPool(authorities[1 - number].pem), user)


def test_a_forged_issuer_is_found_out() -> None:
    forged = minted("jane", root("root"))

    assert not trusted(CertPool(ROOT.pem), forged)


def test_a_client_may_show_intermediates() -> None:
    first = minted("first", ROOT, ca=True)
    second = minted("second", first, ca=True)
    user = minted("jane", second)
    pool = CertPool(ROOT.pem)

    assert trusted(pool, user, second, first)
    assert trusted(pool, user, first, second)
    assert trusted(pool, user, second, first, ROOT, OTHER)
    assert not trusted(pool, user, second)
    assert not trusted(pool, user)


def test_a_bundle_need_not_go_up_to_a_root() -> None:
    intermediate = minted("intermediate", ROOT, ca=True)
    user = minted("jane", intermediate)
    pool = CertPool(intermediate.pem)

    assert trusted(pool, user)
    assert trusted(pool, user, intermediate, ROOT)
    assert not trusted(pool, USER)


@pytest.mark.parametrize("ca", [False, None], ids=["CA:false", "no constraints"])
def test_a_user_issues_nothing(ca: bool | None) -> None:
    user = minted("jane", ROOT, ca=ca)
    other = minted("root", user)

    assert trusted(CertPool(ROOT.pem), user)
    assert not trusted(CertPool(ROOT.pem), other, user)


def test_an_authority_may_forbid_others_below_it() -> None:
    last = minted("last", ROOT, ca=True, path_length=0)
    below = minted("below", last, ca=True)

    assert trusted(CertPool(ROOT.pem), minted("jane", last), last)
    assert not trusted(CertPool(ROOT.pem), minted("jane", below), below, last)


@pytest.mark.parametrize(("depth", "expected"), [(5, True), (6, False)])
def test_a_chain_has_an_end(depth: int, expected: bool) -> None:
    chain = [ROOT]
    for number in range(depth):
        chain.append(minted(f"ca-{number}", chain[-1], ca=True))
    user = minted("jane", chain[-1])

    assert trusted(CertPool(ROOT.pem), user, *chain[:0:-1]) is expected


@pytest.mark.parametrize(
    ("usages", "expected"),
    [(CLIENT, True), (None, True), (ANY, True), ((*SERVER, *CLIENT), True), (SERVER, False)],
    ids=["client", "none", "any", "both", "server"],
)
def test_a_certificate_for_servers_is_no_clients(usages: tuple[ObjectIdentifier, ...] | None, expected: bool) -> None:
    assert trusted(CertPool(ROOT.pem), minted("jane", ROOT, usages=usages)) is expected


def test_an_intermediate_for_servers_issues_no_clients() -> None:
    intermediate = minted("servers", ROOT, ca=True, usages=SERVER)

    assert not trusted(CertPool(ROOT.pem), minted("jane", intermediate), intermediate)


def test_a_critical_extension_that_nobody_knows_is_critical() -> None:
    assert not trusted(CertPool(ROOT.pem), minted("jane", ROOT, critical=True))


def test_a_certificate_is_trusted_from_its_first_moment_to_its_last() -> None:
    pool = CertPool(ROOT.pem)
    user = minted("jane", ROOT, begins=NOW, ends=NOW + DAY)

    for seconds, expected in ((-61, False), (0, True), (86_400, True), (86_401, False)):
        assert trusted(pool, user, now=NOW + timedelta(seconds=seconds)) is expected


def test_an_authority_that_is_over_vouches_for_nobody() -> None:
    expired = root("root", ends=NOW - timedelta(hours=1))
    future = root("root", begins=NOW + timedelta(hours=1))

    assert not trusted(CertPool(expired.pem), minted("jane", expired))
    assert not trusted(CertPool(future.pem), minted("jane", future))
    assert trusted(CertPool(expired.pem + ROOT.pem), USER)


def test_a_remembered_verdict_ends_with_the_certificate() -> None:
    pool = CertPool(ROOT.pem)
    user = minted("jane", ROOT, ends=NOW + timedelta(seconds=30))

    assert trusted(pool, user)
    assert not trusted(pool, user, now=NOW + timedelta(seconds=31))


def test_a_remembered_verdict_ends_with_the_intermediate() -> None:
    pool = CertPool(ROOT.pem)
    intermediate = minted("intermediate", ROOT, ca=True, ends=NOW + timedelta(seconds=30))
    user = minted("jane", intermediate)

    assert trusted(pool, user, intermediate)
    assert not trusted(pool, user, intermediate, now=NOW + timedelta(seconds=31))


def test_one_that_is_not_valid_yet_is_looked_at_again() -> None:
    pool = CertPool(ROOT.pem)
    user = minted("jane", ROOT, begins=NOW + timedelta(seconds=30))

    assert not trusted(pool, user)
    assert trusted(pool, user, now=NOW + timedelta(seconds=61))


def test_a_pool_of_a_bundle_with_comments_tells_only_certificates() -> None:
    pool = CertPool(b"# the old one\n" + ROOT.pem + b"\nthe new one\n" + OTHER.pem)

    assert pool.bundle == ROOT.pem + OTHER.pem
    assert len(pool.keys) == 2


@pytest.mark.parametrize(
    "bundle",
    [b"nonsense", ROOT.pem + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ROOT.pem[:200]],
    ids=["no PEM", "one that is no certificate", "half of one"],
)
def test_a_bundle_that_is_none_is_refused(bundle: bytes) -> None:
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
def test_what_is_no_certificate_is_untrusted(der: bytes) -> None:
    with pytest.raises(InvalidCredentials):
        CertPool(ROOT.pem).verify((der,), NOW.timestamp())


def test_a_name_that_is_no_text_is_untrusted_even_if_it_is_signed() -> None:
    """Whoever read it answered 500."""
    user = minted("jane", ROOT)
    unsigned = user.certificate.tbs_certificate_bytes.replace(b"\x0c\x04jane", b"\x0c\x04\xff\xfe\xff\xfe")

    with pytest.raises(InvalidCredentials):
        CertPool(ROOT.pem).verify((signed(unsigned, ROOT),), NOW.timestamp())


def signed(unsigned: bytes, issuer: Minted) -> bytes:
    """A certificate from its to-be-signed part, which the library would refuse to make; ECDSA with SHA-256."""
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")
    signature = b"\x00" + issuer.key.sign(unsigned, ec.ECDSA(hashes.SHA256()))
    content = unsigned + algorithm + b"\x03" + bytes([len(signature)]) + signature
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def test_an_authority_with_a_strange_key_does_no_harm_to_the_others() -> None:
    """The process ended when it looked at that key."""
    pool = CertPool(SM2 + ROOT.pem)

    assert trusted(pool, USER)
    assert pool.keys == CertPool(ROOT.pem).keys
    assert not trusted(pool, minted("jane", root("sm2-ca")))


def test_many_intermediates_are_not_remembered() -> None:
    """A client may show 100 KB of them, other ones on each connection."""
    pool = CertPool(ROOT.pem)
    junk = [root(f"junk-{number}") for number in range(80)]

    for number in range(3):
        assert trusted(pool, USER, *junk[number:])
    assert trusted(pool, USER)

    assert [len(chain) for chain in pool._results] == [1]


def test_a_certificate_of_a_version_that_does_not_exist_is_nobodys() -> None:
    """It is neither an answer of 500 nor the end of the process."""
    odd = USER.der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)
    assert odd != USER.der

    with pytest.raises(InvalidCredentials, match="is not a valid X509 version"):
        CertPool(ROOT.pem).verify((odd,), NOW.timestamp())
    with pytest.raises(ValueError, match="is not a valid X509 version"):
        CertPool(ssl.DER_cert_to_PEM_cert(odd).encode())
