"""Pools of certificate authorities that client certificates are verified against.

Each request verifies the certificate against one pool at a time. The TLS handshake has verified it too, but against
the union of all pools, where the certificate of any user could pass for that of the front proxy. The rules are those
of Go's crypto/x509 with the key usage for clients: subject alternative names and key identifiers are not demanded,
since Kubernetes' client certificates have none; an extended key usage, where there is one, must allow clients.
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
"""The DER certificates that a TLS peer presented, its own and then intermediates; empty if it presented none."""

MAX_CHAIN_DEPTH: Final = 5
MAX_CACHED_CHAINS: Final = 1024
MAX_CACHED_CHAIN_BYTES: Final = 16 * 1024
"""A client may send as many intermediates as it likes; a longer chain is verified again for each request."""
CACHE_TTL_S: Final = 60.0
"""How long a result is cached, unless a certificate of the chain expires before."""

_FOR_CLIENTS: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class InvalidCredentials(Exception):
    """A certificate or token that does not authenticate its holder; the message says why."""


@dataclass(frozen=True, slots=True)
class _Result:
    leaf: x509.Certificate | None
    """The first certificate of a chain, None if the chain does not verify."""
    reason: str
    expires: float


class CertPool:
    """The authorities that may issue one kind of client certificate; falsy if there are none."""

    def __init__(self, bundle: bytes) -> None:
        """`bundle` is PEM, one certificate or several; raises ValueError for text that holds none."""
        self._authorities: Final = _authorities(bundle) if bundle.strip() else []
        self._store: Final = Store(self._authorities) if self._authorities else None
        self._results: LRUCache[Chain, _Result] = LRUCache(MAX_CACHED_CHAINS)

    def __bool__(self) -> bool:
        return bool(self._authorities)

    @property
    def bundle(self) -> bytes:
        """The authorities as PEM, without the comments that files may hold and OpenSSL may refuse."""
        return b"".join(authority.public_bytes(Encoding.PEM) for authority in self._authorities)

    @property
    def keys(self) -> frozenset[bytes]:
        """The public keys of the authorities, DER; without those of unsupported algorithms."""
        return frozenset(key for authority in self._authorities if (key := public_key(authority)))

    def verifies(self, chain: Chain, now: float) -> bool:
        """Whether a chain verifies at `now` (seconds since 1970)."""
        return self._cached(chain, now).leaf is not None

    def verify(self, chain: Chain, now: float) -> x509.Certificate:
        """The first certificate of a chain that verifies at `now` (seconds since 1970); raises InvalidCredentials."""
        result = self._cached(chain, now)
        if result.leaf is None:
            raise InvalidCredentials(result.reason)
        return result.leaf

    def _cached(self, chain: Chain, now: float) -> _Result:
        result = self._results.get(chain)
        if result is not None and now < result.expires:
            return result
        result = self._result(chain, now)
        if sum(map(len, chain)) <= MAX_CACHED_CHAIN_BYTES:
            self._results[chain] = result
        return result

    def _result(self, chain: Chain, now: float) -> _Result:
        if not chain or self._store is None:
            return _Result(None, "no certificate, or no CA that issued it", now + CACHE_TTL_S)
        try:
            leaf, *intermediates = map(x509.load_der_x509_certificate, chain)
            # `cryptography` parses the subject lazily; a malformed one raises here and not later.
            _ = leaf.subject
            verified = _verified(self._store, now, leaf, intermediates)
        except (VerificationError, ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
            return _Result(None, str(error), now + CACHE_TTL_S)
        not_after = min(one.not_valid_after_utc.timestamp() for one in verified)
        return _Result(leaf, "", min(now + CACHE_TTL_S, not_after))


def _authorities(bundle: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(bundle)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error


def _verified(
    store: Store, now: float, leaf: x509.Certificate, intermediates: list[x509.Certificate]
) -> list[x509.Certificate]:
    """The chain from `leaf` to an authority of `store`; raises VerificationError."""
    policy = (
        PolicyBuilder()
        .store(store)
        .time(datetime.fromtimestamp(now, UTC))
        .max_chain_depth(MAX_CHAIN_DEPTH)
        .extension_policies(ca_policy=_AUTHORITY, ee_policy=_CLIENT)
    )
    return policy.build_client_verifier().verify(leaf, intermediates).chain


def public_key(one: x509.Certificate) -> bytes:
    """The public key of a certificate, DER; empty if its algorithm is not supported."""
    try:
        key = one.public_key()
    except UnsupportedAlgorithm:
        return b""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _require_client_usage(_: Policy, __: x509.Certificate, usage: x509.ExtendedKeyUsage | None) -> None:
    if usage is not None and not _FOR_CLIENTS.intersection(usage):
        raise ValueError("its extended key usage does not allow clients")


_AUTHORITY: Final = (
    ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
    .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _require_client_usage)
)
_CLIENT: Final = ExtensionPolicy.permit_all().may_be_present(
    x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _require_client_usage
)
