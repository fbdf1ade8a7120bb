"""Certificates that kubesum issues to itself: what is kept in a Secret, and what comes next.

An authority issues the serving certificate that all replicas share. Both are renewed when two thirds of their
lifetime are over. A new authority is published first and issues later, so that whoever verifies us has trusted it
for a while; the old one is trusted for a while longer. Every step follows from what the Secret holds and what
time it is, so any replica can take it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from app.edge import certificates
from app.edge.certificates import KeyPair

OVERLAP: Final = timedelta(hours=1)
"""How long a new authority is trusted before it issues, and an old one after it has."""

_NONE: Final = KeyPair(b"", b"")


class Issued(msgspec.Struct, frozen=True, gc=False):
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


def from_secret(data: Mapping[str, bytes]) -> Issued:
    """What a Secret's decoded data say; what is absent is none."""
    values = [data.get(key, b"") for key in _KEYS]
    return Issued(KeyPair(*values[0:2]), KeyPair(*values[2:4]), KeyPair(*values[4:6]), values[6])


def to_secret(issued: Issued) -> dict[str, bytes]:
    """The data of a Secret that say it; empty values are to be absent."""
    pairs = (issued.authority, issued.serving, issued.next_authority)
    values = [value for pair in pairs for value in (pair.certificate, pair.key)]
    return dict(zip(_KEYS, (*values, issued.previous_authority), strict=True))


def renewed(issued: Issued, hosts: Sequence[str], trusted: bytes, now: datetime) -> Issued:
    """What the Secret should hold: `issued` itself when nothing is to be done.

    `trusted` is the bundle that kube-apiserver verifies us with now: nobody issues whom it does not know.
    """
    if not _is_sound(issued.authority, now):
        return issue(hosts, now)
    if _is_aging(issued.authority, now) and not _is_sound(issued.next_authority, now):
        return msgspec.structs.replace(issued, next_authority=certificates.authority("kubesum-ca", now=now))
    if _may_take_over(issued.next_authority, trusted, now):
        authority = issued.next_authority
        return Issued(authority, certificates.serving(authority, hosts, now=now), _NONE, issued.authority.certificate)
    if not _is_fit(issued, hosts, now) or _is_aging(issued.serving, now):
        return msgspec.structs.replace(issued, serving=certificates.serving(issued.authority, hosts, now=now))
    if issued.previous_authority and now - _began(issued.serving) > OVERLAP:
        return msgspec.structs.replace(issued, previous_authority=b"")
    return issued


def issue(hosts: Sequence[str], now: datetime) -> Issued:
    """A new authority, and what it issues."""
    authority = certificates.authority("kubesum-ca", now=now)
    return Issued(authority, certificates.serving(authority, hosts, now=now))


def _is_fit(issued: Issued, hosts: Sequence[str], now: datetime) -> bool:
    """Whether the serving certificate is for these hosts and of this authority."""
    if not _is_sound(issued.serving, now):
        return False
    leaf = x509.load_pem_x509_certificate(issued.serving.certificate)
    try:
        leaf.verify_directly_issued_by(x509.load_pem_x509_certificate(issued.authority.certificate))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return set(hosts) == set(names.get_values_for_type(x509.DNSName))


def _is_sound(pair: KeyPair, now: datetime) -> bool:
    """Whether certificate and key can be read, belong together, and are valid now."""
    try:
        found = x509.load_pem_x509_certificate(pair.certificate)
        key = load_pem_private_key(pair.key, password=None)
    except (ValueError, TypeError):
        return False
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*form) != found.public_key().public_bytes(*form):
        return False
    return found.not_valid_before_utc <= now < found.not_valid_after_utc


def _may_take_over(pair: KeyPair, trusted: bytes, now: datetime) -> bool:
    return _is_sound(pair, now) and now - _began(pair) > OVERLAP and pair.certificate.strip() in trusted


def _is_aging(pair: KeyPair, now: datetime) -> bool:
    """Whether two thirds of a certificate's lifetime are over."""
    found = x509.load_pem_x509_certificate(pair.certificate)
    lifetime = found.not_valid_after_utc - found.not_valid_before_utc
    return now - found.not_valid_before_utc > lifetime * 2 / 3


def _began(pair: KeyPair) -> datetime:
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_before_utc.astimezone(UTC)
