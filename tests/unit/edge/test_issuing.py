"""Renewal of the self-signed certificates over years, during which they always verify."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from msgspec.structs import replace

from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from kubesum.edge.tls.issuing import IssuedCertificates, from_secret, issue, renewed, to_secret
from tests.unit.edge.clientcertificates import certificate_for, root

HOSTS = ("kubesum", "kubesum.kubesum-system", "kubesum.kubesum-system.svc")
NOW = datetime(2026, 9, 21, 14, 0, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NONE = KeyPair(b"", b"")


def is_trusted(serving: KeyPair, bundle: bytes, now: datetime, host: str = HOSTS[2]) -> bool:
    """Whether the serving certificate verifies against the bundle."""
    policy = PolicyBuilder().store(Store(x509.load_pem_x509_certificates(bundle))).time(now)
    leaf, *intermediates = x509.load_pem_x509_certificates(serving.certificate)
    try:
        policy.build_server_verifier(x509.DNSName(host)).verify(leaf, intermediates)
    except VerificationError:
        return False
    return True


@dataclass
class History:
    """A Secret and the published bundle, as replicas change them over time."""

    now: datetime
    issued: IssuedCertificates
    published: bytes

    @classmethod
    def begun(cls, days_ago: int = 0) -> "History":
        """A Secret with an authority of this age and a new serving certificate."""
        authority = certificates.authority("kubesum-ca", now=NOW - days_ago * DAY)
        issued = IssuedCertificates(authority, certificates.serving(authority, HOSTS, now=NOW))
        return cls(NOW, issued, issued.bundle)

    def step(self) -> bool:
        """Takes the step that is due; returns whether there was one, and asserts that certificates verify."""
        before = self.issued
        self.issued = renewed(before, HOSTS, self.published, self.now)
        assert is_trusted(self.issued.serving, self.published, self.now), "by clients with the bundle before the step"
        assert is_trusted(self.issued.serving, self.issued.bundle, self.now), "by clients with the bundle after it"
        assert is_trusted(before.serving, self.issued.bundle, self.now), (
            "while another replica still has the certificate before it"
        )
        self.published = self.issued.bundle
        return self.issued != before

    def settle(self) -> int:
        """Takes all steps that are due now."""
        steps = 0
        while self.step():
            steps += 1
            assert steps < 10
        return steps

    def days(self, days: int) -> Iterator[datetime]:
        """Lets time pass in days, and in minutes while an authority is replaced."""
        end = self.now + days * DAY
        while self.now < end:
            changing = self.issued.next_authority != NONE or self.issued.previous_authority
            self.now += 10 * MINUTE if changing else 4 * DAY
            yield self.now


def test_no_step_is_due_after_issuing() -> None:
    life = History.begun()

    assert life.settle() == 0
    assert [is_trusted(life.issued.serving, life.published, NOW, host) for host in HOSTS] == [True, True, True]
    assert not is_trusted(life.issued.serving, life.published, NOW, "other")


def test_certificates_always_verify_over_many_years_of_renewals() -> None:
    life = History.begun()
    authorities, servings, shortest = [life.issued.authority], [life.issued.serving], 365 * DAY

    for now in life.days(15 * 365):
        life.step()
        if life.issued.authority != authorities[-1]:
            authorities.append(life.issued.authority)
        if life.issued.serving != servings[-1]:
            servings.append(life.issued.serving)
        leaf = x509.load_pem_x509_certificate(life.issued.serving.certificate)
        shortest = min(shortest, leaf.not_valid_after_utc - now)

    assert len(authorities) == 3
    assert len(servings) > 20
    assert 121 * DAY < shortest < 126 * DAY
    assert (life.issued.next_authority, life.issued.previous_authority) == (NONE, b"")


def test_authorities_overlap_by_an_hour_before_and_after_the_switch() -> None:
    life = History.begun(days_ago=2440)
    old = life.issued.authority
    life.settle()
    new = life.issued.next_authority
    assert (life.issued.authority, new != NONE) == (old, True)
    assert life.issued.bundle == old.certificate + new.certificate

    life.now += 59 * MINUTE
    assert not life.step()
    life.now += 2 * MINUTE
    assert life.step()
    assert (life.issued.authority, life.issued.next_authority) == (new, NONE)
    assert life.issued.bundle == new.certificate + old.certificate

    life.now += 59 * MINUTE
    assert not life.step()
    life.now += 2 * MINUTE
    assert life.step()
    assert life.issued.bundle == new.certificate


def test_an_authority_that_is_not_published_yet_does_not_issue() -> None:
    """An APIService with an older `caBundle` would not verify the new certificate."""
    life = History.begun(days_ago=2440)
    life.settle()
    waiting = life.issued
    without = waiting.authority.certificate
    life.now += 5 * DAY

    assert renewed(waiting, HOSTS, b"", life.now) == waiting
    assert renewed(waiting, HOSTS, without, life.now) == waiting
    assert renewed(waiting, HOSTS, waiting.bundle, life.now).authority == waiting.next_authority


def test_two_replicas_take_each_step_once() -> None:
    """The first writer wins; the other one reads again, and no step is due."""
    life = History.begun()

    for _ in life.days(2500):
        mine = renewed(life.issued, HOSTS, life.published, life.now)
        theirs = renewed(life.issued, HOSTS, life.published, life.now + 3 * MINUTE)
        assert (mine == life.issued) or is_trusted(theirs.serving, life.published, life.now)
        life.step()
        if mine != life.issued:
            assert renewed(life.issued, HOSTS, life.published, life.now - 3 * MINUTE) == life.issued


def test_an_expired_serving_certificate_is_replaced_first() -> None:
    life = History.begun(days_ago=2100)
    life.now += 380 * DAY

    first = renewed(life.issued, HOSTS, life.published, life.now)

    assert is_trusted(first.serving, life.published, life.now)
    assert renewed(first, HOSTS, life.published, life.now).next_authority != NONE


@pytest.mark.parametrize("days", [400, 3700, 20_000])
def test_expired_authorities_are_replaced_after_a_long_downtime(days: int) -> None:
    """No overlap is needed: an expired authority verifies nothing."""
    life = History.begun()
    life.now += days * DAY

    issued = renewed(life.issued, HOSTS, life.published, life.now)

    assert is_trusted(issued.serving, issued.bundle, life.now)
    assert (issued.authority == life.issued.authority) is (days == 400)


def test_a_certificate_for_other_hosts_is_of_the_same_authority() -> None:
    issued = issue(HOSTS, NOW)
    moved = ("kubesum", "kubesum.other", "kubesum.other.svc")

    step = renewed(issued, moved, issued.bundle, NOW)

    assert step.authority == issued.authority
    assert is_trusted(step.serving, issued.bundle, NOW, "kubesum.other.svc")
    assert not is_trusted(step.serving, issued.bundle, NOW)


def rsa_pair(certificate: bytes) -> KeyPair:
    """A certificate of another kind of key, as cert-manager makes them."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.load_pem_x509_certificate(certificate).subject
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + 365 * DAY)
    made = builder.add_extension(x509.BasicConstraints(True, None), critical=True).sign(key, hashes.SHA256())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return KeyPair(made.public_bytes(Encoding.PEM), pem)


def encrypted(pair: KeyPair) -> KeyPair:
    key = load_pem_private_key(pair.key, None)
    encryption = BestAvailableEncryption(b"secret")
    return KeyPair(pair.certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


GOOD = issue(HOSTS, NOW)
OTHER = issue(HOSTS, NOW)
FUTURE = certificates.authority("kubesum-ca", now=NOW + DAY)
PAST = certificates.authority("kubesum-ca", now=NOW - 4000 * DAY)

# Without an authority that can issue, but with a valid serving certificate of it.
LOST: dict[str, Callable[[IssuedCertificates], IssuedCertificates]] = {
    "the key is gone": lambda issued: replace(issued, authority=KeyPair(issued.authority.certificate, b"")),
    "the key is nonsense": lambda issued: replace(issued, authority=KeyPair(issued.authority.certificate, b"\xff")),
    "the key is another's": lambda issued: replace(
        issued, authority=KeyPair(issued.authority.certificate, OTHER.authority.key)
    ),
    "the key has a password": lambda issued: replace(issued, authority=encrypted(issued.authority)),
}


@pytest.mark.parametrize("loss", LOST.values(), ids=LOST)
def test_an_authority_without_a_key_is_replaced_while_certificates_verify(
    loss: Callable[[IssuedCertificates], IssuedCertificates],
) -> None:
    """Its serving certificate is valid for months, and a new authority is not published yet."""
    life = History(NOW, loss(GOOD), GOOD.bundle)
    life.settle()
    assert life.issued.serving == GOOD.serving

    for _ in range(15):
        life.now += 10 * MINUTE
        life.settle()

    assert life.issued.authority.certificate != GOOD.authority.certificate
    assert life.issued.bundle == life.issued.authority.certificate
    assert life.settle() == 0


SPOILED = {
    "nothing": IssuedCertificates(),
    "the serving pair is gone": replace(GOOD, serving=NONE),
    "the serving key is gone": replace(GOOD, serving=KeyPair(GOOD.serving.certificate, b"")),
    "the serving key has a password": replace(GOOD, serving=encrypted(GOOD.serving)),
    "the serving certificate is nonsense": replace(GOOD, serving=KeyPair(b"\xff\x00", GOOD.serving.key)),
    "the serving certificate is half": replace(
        GOOD, serving=KeyPair(GOOD.serving.certificate[:200], GOOD.serving.key)
    ),
    "the serving pair is of another authority": replace(GOOD, serving=OTHER.serving),
    "the serving pair has no names": replace(GOOD, serving=certificate_for("x", ends=NOW + 365 * DAY).pair()),
    "the authority is nonsense": replace(GOOD, authority=KeyPair(b"x", b"y")),
    "the authority's certificate is gone": replace(GOOD, authority=KeyPair(b"", GOOD.authority.key)),
    "the authority is another kind": replace(GOOD, authority=rsa_pair(GOOD.authority.certificate)),
    "the authority begins tomorrow": IssuedCertificates(FUTURE, certificates.serving(FUTURE, HOSTS, now=NOW)),
    "the authority is over": IssuedCertificates(PAST, certificates.serving(PAST, HOSTS, now=NOW)),
    "all is of another kind": IssuedCertificates(
        rsa_pair(GOOD.authority.certificate), rsa_pair(GOOD.serving.certificate)
    ),
    "the next one is nonsense": replace(GOOD, next_authority=KeyPair(b"x", b"y")),
    "the next one has no key": replace(GOOD, next_authority=KeyPair(OTHER.authority.certificate, b"")),
    "the next one is over": replace(GOOD, next_authority=PAST),
    "the previous one is nonsense": replace(GOOD, previous_authority=b"\xffnonsense"),
    "all four are nonsense": IssuedCertificates(KeyPair(b"1", b"2"), KeyPair(b"3", b"4"), KeyPair(b"5", b"6"), b"7"),
}


@pytest.mark.parametrize("spoiled", SPOILED.values(), ids=SPOILED)
def test_an_invalid_secret_is_repaired(spoiled: IssuedCertificates) -> None:
    """And invalid PEM never gets into the bundle, which kube-apiserver would reject as a whole."""
    issued = spoiled
    for _ in range(5):
        issued = renewed(issued, HOSTS, issued.bundle, NOW)

    assert is_trusted(issued.serving, issued.bundle, NOW)
    assert b"nonsense" not in issued.bundle
    assert len(x509.load_pem_x509_certificates(issued.bundle)) == issued.bundle.count(b"BEGIN CERTIFICATE")
    assert renewed(issued, HOSTS, issued.bundle, NOW) == issued


def test_a_replaced_authority_that_parses_stays_published() -> None:
    """Other replicas use its certificate until they reconcile again."""
    spoiled = replace(GOOD, authority=KeyPair(GOOD.authority.certificate, b""), serving=NONE)

    issued = renewed(spoiled, HOSTS, GOOD.bundle, NOW)

    assert is_trusted(GOOD.serving, issued.bundle, NOW)
    assert is_trusted(issued.serving, issued.bundle, NOW)


def test_the_secret_round_trips() -> None:
    issued = IssuedCertificates(GOOD.authority, GOOD.serving, OTHER.authority, root().pem)

    data = to_secret(issued)

    assert sorted(data) == ["ca.crt", "ca.key", "next-ca.crt", "next-ca.key", "previous-ca.crt", "tls.crt", "tls.key"]
    assert (data["tls.crt"], data["ca.key"]) == (GOOD.serving.certificate, GOOD.authority.key)
    assert from_secret(data) == issued
    assert from_secret({}) == IssuedCertificates()
    assert from_secret({"other": b"x", "tls.crt": b"y"}) == IssuedCertificates(serving=KeyPair(b"y", b""))
