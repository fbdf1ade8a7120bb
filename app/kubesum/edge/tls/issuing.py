"""The self-signed certificates in the Secret, and the next step of their renewal.

An authority issues the serving certificate that all replicas share. Both are renewed when two thirds of their
lifetime are over. A new authority is published before it issues anything, so that kube-apiserver trusts it by then,
and the old one stays published for a while. The same happens when an authority cannot issue any more because its key
is lost. Each step is a pure function of the Secret and the time, so that any replica can take it.
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
"""How long a new authority is published before it issues, and the old one after its last certificate."""

_NONE: Final = KeyPair(b"", b"")


class IssuedCertificates(msgspec.Struct, frozen=True, gc=False):
    """The content of the Secret; an empty pair means that there is none."""

    authority: KeyPair = _NONE
    serving: KeyPair = _NONE
    next_authority: KeyPair = _NONE
    """Published already, will issue."""
    previous_authority: bytes = b""
    """PEM of an authority that does not issue any more, still published."""

    @property
    def bundle(self) -> bytes:
        """The published authorities, PEM: the `caBundle` of the APIServices."""
        published = (self.authority.certificate, self.next_authority.certificate, self.previous_authority)
        return b"".join(one.strip() + b"\n" for one in published if one)


_KEYS: Final = ("ca.crt", "ca.key", "tls.crt", "tls.key", "next-ca.crt", "next-ca.key", "previous-ca.crt")


def from_secret(data: Mapping[str, bytes]) -> IssuedCertificates:
    """The certificates in the decoded data of a Secret; absent keys are empty."""
    values = [data.get(key, b"") for key in _KEYS]
    return IssuedCertificates(KeyPair(*values[0:2]), KeyPair(*values[2:4]), KeyPair(*values[4:6]), values[6])


def to_secret(issued: IssuedCertificates) -> dict[str, bytes]:
    """The data of the Secret, decoded; keys with empty values are to be removed."""
    pairs = (issued.authority, issued.serving, issued.next_authority)
    values = [value for pair in pairs for value in (pair.certificate, pair.key)]
    return dict(zip(_KEYS, (*values, issued.previous_authority), strict=True))


def renewed(issued: IssuedCertificates, hosts: Sequence[str], trusted: bytes, now: datetime) -> IssuedCertificates:
    """The content that the Secret should have: `issued` itself when no step is due.

    `trusted` is the `caBundle` that kube-apiserver verifies with now: an authority outside of it must not issue.
    """
    issued = _without_unusable(issued, now)
    if not _is_usable(issued, hosts, now):
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
    if issued.previous_authority and now - _issued_at(issued.serving) > OVERLAP:
        return msgspec.structs.replace(issued, previous_authority=b"")
    return issued


def _reissued(issued: IssuedCertificates, hosts: Sequence[str], now: datetime) -> IssuedCertificates:
    """The same with a new serving certificate, and with a new authority if the current one cannot issue."""
    if _is_sound(issued.authority, now):
        return msgspec.structs.replace(issued, serving=certificates.serving(issued.authority, hosts, now=now))
    return msgspec.structs.replace(issue(hosts, now), previous_authority=_parsable(issued.authority.certificate))


def issue(hosts: Sequence[str], now: datetime) -> IssuedCertificates:
    """A new authority and a serving certificate of it."""
    authority = certificates.authority("kubesum-ca", now=now)
    return IssuedCertificates(authority, certificates.serving(authority, hosts, now=now))


def _without_unusable(issued: IssuedCertificates, now: datetime) -> IssuedCertificates:
    """The same without authorities that cannot be used: invalid PEM must not get into the bundle."""
    return msgspec.structs.replace(
        issued,
        next_authority=issued.next_authority if _is_sound(issued.next_authority, now) else _NONE,
        previous_authority=_parsable(issued.previous_authority),
    )


def _parsable(certificate: bytes) -> bytes:
    """The certificate, or nothing if it cannot be parsed."""
    try:
        x509.load_pem_x509_certificate(certificate)
    except ValueError:
        return b""
    return certificate


def _is_usable(issued: IssuedCertificates, hosts: Sequence[str], now: datetime) -> bool:
    """Whether the serving certificate is for these hosts, was issued by the authority, and both are valid."""
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
    """Whether certificate and key parse, belong together, are of an elliptic curve, and are valid now."""
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
    return pair != _NONE and now - _issued_at(pair) > OVERLAP and pair.certificate.strip() in trusted


def _is_aging(pair: KeyPair, now: datetime) -> bool:
    """Whether two thirds of a certificate's lifetime are over."""
    found = x509.load_pem_x509_certificate(pair.certificate)
    lifetime = found.not_valid_after_utc - found.not_valid_before_utc
    return now - found.not_valid_before_utc > lifetime * 2 / 3


def _issued_at(pair: KeyPair) -> datetime:
    """When a self-signed certificate was issued."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_before_utc + certificates.CLOCK_SKEW
