"""Client certificates and authorities of every kind, also such as `kubesum.edge.tls.certificates` never issues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubesum.edge.tls.certificates import KeyPair

NOW = datetime(2026, 9, 21, 14, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)
SERVER = (ExtendedKeyUsageOID.SERVER_AUTH,)
ANY = (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)
UID = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")

# An authority with an SM2 key, which OpenSSL supports and `cryptography` does not.
SM2 = b"""-----BEGIN CERTIFICATE-----
MIIBeTCCAR+gAwIBAgIUZ18W21UjUCiNulBz/gRpl1mbxUswCgYIKoEcz1UBg3Uw
ETEPMA0GA1UEAwwGc20yLWNhMCAXDTI2MTEyNjAxMzUxN1oYDzIxMjYxMTAyMDEz
NTE3WjARMQ8wDQYDVQQDDAZzbTItY2EwWTATBgcqhkjOPQIBBggqgRzPVQGCLQNC
AARi/mCIcAWufcfISRh33Onl1Hd4/3RuwuY9WlVEvOQq6jHLPL9gjdZvf5blPwlT
6aBQx4r6dKNCW8KDsLlCabHUo1MwUTAdBgNVHQ4EFgQUd6dPmkLJCkbSQw6bPcuC
CEuvgrkwHwYDVR0jBBgwFoAUd6dPmkLJCkbSQw6bPcuCCEuvgrkwDwYDVR0TAQH/
BAUwAwEB/zAKBggqgRzPVQGDdQNIADBFAiA6O+QUNbrfFtL2FA7XyP2CbRuJxGQi
JK3rBnEnR+W3GwIhAILpi1qn91eVGqGfQbd/R1nsPlRbcJ5EHYsAcV0IQeKW
-----END CERTIFICATE-----
"""

Subject = str | Sequence[tuple[x509.ObjectIdentifier, str]]


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def pair(self, *intermediates: "Issued") -> KeyPair:
        """The certificate with these intermediates, and its key."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return KeyPair(b"".join(one.pem for one in (self, *intermediates)), key)


def certificate_for(
    subject: Subject,
    issuer: Issued | None = None,
    *,
    ca: bool | None = None,
    usages: Sequence[x509.ObjectIdentifier] | None = None,
    path_length: int | None = None,
    begins: datetime = NOW - DAY,
    ends: datetime = NOW + 365 * DAY,
    critical: bool = False,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Issued:
    """A certificate of `issuer`, self-signed if that is None.

    `ca` None leaves out the basic constraints; `critical` adds an unknown critical extension.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = _name(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    if usages is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    if critical:
        unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
        builder = builder.add_extension(unknown, critical=True)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def root(subject: str = "root", begins: datetime = NOW - DAY, ends: datetime = NOW + 3650 * DAY) -> Issued:
    """A self-signed authority."""
    return certificate_for(subject, ca=True, begins=begins, ends=ends)


def _name(subject: Subject) -> x509.Name:
    parts = [(NameOID.COMMON_NAME, subject)] if isinstance(subject, str) else subject
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
