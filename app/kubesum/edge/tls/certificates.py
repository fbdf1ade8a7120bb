"""Issues certificate authorities, serving certificates and client certificates.

Everything is PEM, in and out, as files and Secrets hold it. Keys are ECDSA P-256. The extensions are those that
strict verifiers demand: RFC 5280, and Go, which ignores a server's common name and compares the subject alternative
names.
"""

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFETIME: Final = timedelta(days=3650)
LEAF_LIFETIME: Final = timedelta(days=365)

# Clocks differ; a certificate must be valid at once on a machine whose clock is behind.
CLOCK_SKEW: Final = timedelta(minutes=5)

_Validity = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, both PEM; the repr shows neither."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "KeyPair(...)"

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Writes `name.crt` and `name.key`, the key readable by its owner alone; returns both paths."""
        certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
        certificate.write_bytes(self.certificate)
        write_private(key, self.key)
        return certificate, key


def authority(common_name: str, lifetime: timedelta = AUTHORITY_LIFETIME, now: datetime | None = None) -> KeyPair:
    """A self-signed authority that may issue leaf certificates only, valid from `now` on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(common_name)
    builder = (
        _builder(subject, key.public_key(), _validity(lifetime, now))
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )
    return _signed(builder, key, key)


def serving(
    issuer: KeyPair, hosts: Sequence[str], lifetime: timedelta = LEAF_LIFETIME, now: datetime | None = None
) -> KeyPair:
    """A serving certificate for `hosts`, DNS names and IP addresses; the first is its common name.

    Raises ValueError if there is no host.
    """
    if not hosts:
        raise ValueError("a serving certificate needs at least one DNS name or IP address")
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    # RFC 5280 bounds a common name to 64 characters, while clients compare the alternative names only.
    return _issued(issuer, _name(hosts[0][:64]), (names, _USED_BY_SERVERS), _validity(lifetime, now))


def client(
    issuer: KeyPair,
    common_name: str,
    organizations: Sequence[str] = (),
    lifetime: timedelta = LEAF_LIFETIME,
    now: datetime | None = None,
) -> KeyPair:
    """A client certificate; Kubernetes reads the common name as the user, and each organization as a group."""
    return _issued(issuer, _name(common_name, organizations), (_USED_BY_CLIENTS,), _validity(lifetime, now))


def write_private(path: Path, content: bytes) -> None:
    """Writes a file with mode 0600, also if it existed with another mode; devices and pipes keep theirs."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
        file.write(content)


_USED_BY_SERVERS: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_USED_BY_CLIENTS: Final = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])


def _issued(
    issuer: KeyPair, subject: x509.Name, extensions: Iterable[x509.ExtensionType], validity: _Validity
) -> KeyPair:
    issuer_certificate = x509.load_pem_x509_certificate(issuer.certificate)
    issuer_key = load_pem_private_key(issuer.key, password=None)
    if not isinstance(issuer_key, ec.EllipticCurvePrivateKey):
        raise TypeError("the issuer's key is not an elliptic curve key")
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = (
        _builder(subject, key.public_key(), validity)
        .issuer_name(issuer_certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(issuer_identifier, critical=False)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return _signed(builder, key, issuer_key)


def _validity(lifetime: timedelta, now: datetime | None) -> _Validity:
    begins = now or datetime.now(UTC)
    return begins - CLOCK_SKEW, begins + lifetime


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey, validity: _Validity) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signed(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> KeyPair:
    certificate = builder.sign(signer, hashes.SHA256())
    return KeyPair(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


def _name(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
