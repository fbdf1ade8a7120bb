"""Certificates that kubesum issues to itself: what is kept in a Secret, and what comes next.

An authority issues the serving certificate that all replicas share. Both are renewed when two thirds of their
lifetime are over. A new authority is published first and issues later, so that whoever verifies us has trusted it
for a while; the old one is trusted for a while longer. So it is too when an authority can issue no longer, because
its key is lost. Every step follows from what the Secret holds and what time it is, so any replica can take it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair

OVERLAP: Final = timedelta(hours=1)
"""How long a new authority is trusted before it issues, and an old one after it has."""

_NONE: Final = KeyPair(b"", b"")


class IssuedCertificates(msgspec.Struct, frozen=True, gc=False):
    """What the Secret holds; an empty pair is none."""

    authority: KeyPair = _NONE
    serving: KeyPair = _NONE
    next_authority: KeyPair = _NONE
    """Trusted already, issues soon."""
    previous_authority: bytes = b""
    """PEM of one that issues no longer, trusted a little longer."""

    @property
    def bundle(self) -> bytes:
        """The authorities to be trusted, PEM."""
        trusted = (self.authority.certificate, self.next_authority.certificate, self.previous_authority)
        return b"".join(one.strip() + b"\n" for one in trusted if one)


_KEYS: Final = ("ca.crt", "ca.key", "tls.crt", "tls.key", "next-ca.crt", "next-ca.key", "previous-ca.crt")


def from_secret(data: Mapping[str, bytes]) -> IssuedCertificates:
    """What a Secret's decoded data say; what is absent is none."""
    values = [data.get(key, b"") for key in _KEYS]
    return IssuedCertificates(KeyPair(*values[0:2]), KeyPair(*values[2:4]), KeyPair(*values[4:6]), values[6])


def to_secret(issued: IssuedCertificates) -> dict[str, bytes]:
    """The data of a Secret that say it; empty values are to be absent."""
    pairs = (issued.authority, issued.serving, issued.next_authority)
    values = [value for pair in pairs for value in (pair.certificate, pair.key)]
    return dict(zip(_KEYS, (*values, issued.previous_authority), strict=True))


def renewed(issued: IssuedCertificates, hosts: Sequence[str], trusted: bytes, now: datetime) -> IssuedCertificates:
    """What the Secret should hold: `issued` itself when nothing is to be done.

    `trusted` is the bundle that kube-apiserver verifies us with now: nobody issues whom it does not know.
    """
    issued = _legible(issued, now)
    if not _is_fit(issued, hosts, now):
        return _reissued(issued, hosts, now)
    can_issue = _is_sound(issued.authority, now)
    if issued.next_authority == _NONE and (not can_issue or _is_aging(issued.authority, now)):
        return msgspec.structs.replace(issued, next_authority=certificates.authority("kubesum-ca", now=now))
    if _may_take_over(issued.next_authority, trusted, now):
        authority = issued.next_authority
        return IssuedCertificates(
            authority, certificates.serving(authority, hosts, now=now), _NONE, issued.authority.certificate
        )
    if can_issue and _is_aging(issued.serving, now):
        return _reissued(issued, hosts, now)
    if issued.previous_authority and now - _began(issued.serving) > OVERLAP:
        return msgspec.structs.replace(issued, previous_authority=b"")
    return issued


def _reissued(issued: IssuedCertificates, hosts: Sequence[str], now: datetime) -> IssuedCertificates:
    """The same with another serving certificate; of another authority only if the one that is there cannot issue."""
    if _is_sound(issued.authority, now):
        return msgspec.structs.replace(issued, serving=certificates.serving(issued.authority, hosts, now=now))
    return msgspec.structs.replace(issue(hosts, now), previous_authority=_still_read(issued.authority.certificate))


def issue(hosts: Sequence[str], now: datetime) -> IssuedCertificates:
    """A new authority, and what it issues."""
    authority = certificates.authority("kubesum-ca", now=now)
    return IssuedCertificates(authority, certificates.serving(authority, hosts, now=now))


def _legible(issued: IssuedCertificates, now: datetime) -> IssuedCertificates:
    """The same without what is of no use, such as what somebody spoiled: it must not get into the bundle."""
    return msgspec.structs.replace(
        issued,
        next_authority=issued.next_authority if _is_sound(issued.next_authority, now) else _NONE,
        previous_authority=_still_read(issued.previous_authority),
    )


def _still_read(certificate: bytes) -> bytes:
    """A certificate if it is one, else nothing."""
    try:
        x509.load_pem_x509_certificate(certificate)
    except ValueError:
        return b""
    return certificate


def _is_fit(issued: IssuedCertificates, hosts: Sequence[str], now: datetime) -> bool:
    """Whether the serving certificate is for these hosts and of this authority, and both are valid."""
    if not _is_sound(issued.serving, now):
        return False
    leaf = x509.load_pem_x509_certificate(issued.serving.certificate)
    try:
        authority = x509.load_pem_x509_certificate(issued.authority.certificate)
        leaf.verify_directly_issued_by(authority)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return _is_valid(authority, now) and set(hosts) == set(names.get_values_for_type(x509.DNSName))


def _is_sound(pair: KeyPair, now: datetime) -> bool:
    """Whether certificate and key can be read, belong together, are of the kind made here, and are valid now."""
    try:
        found = x509.load_pem_x509_certificate(pair.certificate)
        key = load_pem_private_key(pair.key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != found.public_key():
        return False
    return _is_valid(found, now)


def _is_valid(found: x509.Certificate, now: datetime) -> bool:
    return found.not_valid_before_utc <= now < found.not_valid_after_utc


def _may_take_over(pair: KeyPair, trusted: bytes, now: datetime) -> bool:
    return pair != _NONE and now - _began(pair) > OVERLAP and pair.certificate.strip() in trusted


def _is_aging(pair: KeyPair, now: datetime) -> bool:
    """Whether two thirds of a certificate's lifetime are over."""
    found = x509.load_pem_x509_certificate(pair.certificate)
    lifetime = found.not_valid_after_utc - found.not_valid_before_utc
    return now - found.not_valid_before_utc > lifetime * 2 / 3


def _began(pair: KeyPair) -> datetime:
    """When a certificate of ours was issued."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_before_utc + certificates.CLOCK_SKEW
