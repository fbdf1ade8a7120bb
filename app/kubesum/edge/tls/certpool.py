"""Pools of certificate authorities, and whether one of them vouches for a client.

A certificate is verified against one pool at a time, whatever the handshake said: that knows the union of all
pools, and to it the certificate of any user could be that of the front proxy. The rules are those of Go's
crypto/x509 with the key usage for clients: neither names nor key identifiers are demanded, since certificates of
Kubernetes' clients have none, while an extended key usage must allow clients where it is present.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cachetools import LRUCache
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

Chain = tuple[bytes, ...]
"""What a client showed: DER certificates, its own first and then intermediates; empty if it showed none."""

MAX_CHAIN_DEPTH: Final = 5
MAX_CACHED_CHAINS: Final = 1024
MAX_CACHED_CHAIN_BYTES: Final = 16 * 1024
"""Of a chain: a client may show as many intermediates as it likes, which must not live on here."""
CACHE_TTL_S: Final = 60.0
"""How long a verdict about a chain is remembered, unless a certificate in it ends before."""

_FOR_CLIENTS: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class InvalidCredentials(Exception):
    """No authority of a pool vouches for a certificate; says why."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    leaf: x509.Certificate | None
    """The certificate that a chain begins with, None if nobody vouches for it."""
    reason: str
    until: float


class CertPool:
    """The authorities that may vouch for clients; falsy if there are none."""

    def __init__(self, bundle: bytes) -> None:
        """`bundle` is PEM, one certificate or several; raises ValueError for text that holds none."""
        self._authorities: Final = _authorities(bundle) if bundle.strip() else []
        self._store: Final = Store(self._authorities) if self._authorities else None
        self._verdicts: LRUCache[Chain, _Verdict] = LRUCache(MAX_CACHED_CHAINS)

    def __bool__(self) -> bool:
        return bool(self._authorities)

    @property
    def bundle(self) -> bytes:
        """The authorities as PEM and nothing else: files may hold comments, which not every reader takes."""
        return b"".join(authority.public_bytes(Encoding.PEM) for authority in self._authorities)

    @property
    def keys(self) -> frozenset[bytes]:
        """The public keys of the authorities, in one form for each; without those of a kind that is not known."""
        return frozenset(key for authority in self._authorities if (key := public_key(authority)))

    def trusts(self, chain: Chain, now: float) -> bool:
        """Whether one of the authorities vouches for a chain at `now` (seconds since 1970)."""
        return self._known(chain, now).leaf is not None

    def require(self, chain: Chain, now: float) -> x509.Certificate:
        """The certificate that a chain begins with, trusted at `now` (seconds since 1970); raises Untrusted."""
        verdict = self._known(chain, now)
        if verdict.leaf is None:
            raise InvalidCredentials(verdict.reason)
        return verdict.leaf

    def _known(self, chain: Chain, now: float) -> _Verdict:
        verdict = self._verdicts.get(chain)
        if verdict is not None and now < verdict.until:
            return verdict
        verdict = self._verdict(chain, now)
        if sum(map(len, chain)) <= MAX_CACHED_CHAIN_BYTES:
            self._verdicts[chain] = verdict
        return verdict

    def _verdict(self, chain: Chain, now: float) -> _Verdict:
        if not chain or self._store is None:
            return _Verdict(None, "no certificate, or no authority to vouch for it", now + CACHE_TTL_S)
        try:
            leaf, *intermediates = map(x509.load_der_x509_certificate, chain)
            # Not read before it is asked for, and then refused where it is malformed.
            _ = leaf.subject
            verified = _verified(self._store, now, leaf, intermediates)
        except (VerificationError, ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            return _Verdict(None, str(error), now + CACHE_TTL_S)
        ends = min(one.not_valid_after_utc.timestamp() for one in verified)
        return _Verdict(leaf, "", min(now + CACHE_TTL_S, ends))


def _authorities(bundle: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(bundle)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error


def _verified(
    store: Store, now: float, leaf: x509.Certificate, intermediates: list[x509.Certificate]
) -> list[x509.Certificate]:
    """The chain from a leaf to an authority of a store."""
    policy = (
        PolicyBuilder()
        .store(store)
        .time(datetime.fromtimestamp(now, UTC))
        .max_chain_depth(MAX_CHAIN_DEPTH)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_CLIENT)
    )
    return policy.build_client_verifier().verify(leaf, intermediates).chain


def public_key(one: x509.Certificate) -> bytes:
    """The public key of a certificate, in one form for equal keys; empty if it is of a kind that is not known."""
    try:
        key = one.public_key()
    except UnsupportedAlgorithm:
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _may_be_client(_: Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and not _FOR_CLIENTS.intersection(usage):
        raise ValueError("its extended key usage does not allow clients")


_AUTHORITY: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_be_client)
)
_CLIENT: Final = ExtensionPolicy.permit_all().may_be_present(
    x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _may_be_client
)
