"""Rejected and malformed certificates, each checked alone at a fixed time."""

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from multidict import CIMultiDict, CIMultiDictProxy

from kubesum.doctor.checks.certificate import CertificateCheck
from kubesum.doctor.checks.registration import Registration
from kubesum.doctor.checks.replicas import Replica, chain
from kubesum.doctor.report import Report
from kubesum.doctor.views import Container, Pod, PodSpec, ServiceReference
from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from kubesum.kube.objects.meta import Metadata

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
HOST = "kubesum.kubesum-system.svc"
AUTHORITY = certificates.authority("kubesum-ca", now=NOW)
LEAF = certificates.serving(AUTHORITY, [HOST], now=NOW)

CA_BUNDLE = "ok    caBundle of APIService v1alpha1.summary.kubesum.dev: kubesum-ca (key KEY), valid until 2036-05-01"
RENEW = "with cert-manager, see its Certificate; otherwise update the Secret that the pods mount"

COMMON_NAME = b"\x0c\x0akubesum-ca"
DNS_NAME = b"\x82\x1akubesum.kubesum-system.svc"
KEY_IDENTIFIER = bytes.fromhex("0603551d0e04160414")
VERSION_3 = bytes.fromhex("a003020102")


def der(pair: KeyPair) -> bytes:
    return x509.load_pem_x509_certificate(pair.certificate).public_bytes(Encoding.DER)


def replaced(content: bytes, part: bytes, other: bytes) -> bytes:
    """A certificate in which `part` is replaced by `other`, of the same length."""
    assert part in content
    assert len(part) == len(other)
    return content.replace(part, other)


def pem(content: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + b64encode(content) + b"\n-----END CERTIFICATE-----\n"


def checked(shown: bytes, bundle: bytes = AUTHORITY.certificate, now: datetime = NOW) -> list[str]:
    """The lines about one certificate, in DER, that one pod serves with."""
    lines: list[str] = []
    report = Report(lines.append)
    headers = CIMultiDictProxy(CIMultiDict({"X-Serving-Certificate": b64encode(shown).decode()}))
    pod = Pod(Metadata(name="kubesum-1", namespace="kubesum-system"))
    service = ServiceReference("kubesum-system", "kubesum")
    known = Registration("v1alpha1.summary.kubesum.dev", service, bundle, is_available=True)
    spec = PodSpec(containers=(Container(args=("serve", "--tls-cert-file=/tls/tls.crt")),))
    CertificateCheck(report, known, spec, now).run([Replica(pod, chain(headers), None)])
    return [re.sub(r"key [0-9a-f]{8}", "key KEY", line) for line in lines]


def test_a_valid_certificate() -> None:
    assert checked(der(LEAF)) == [
        CA_BUNDLE,
        "ok    certificate of kubesum-1: for kubesum.kubesum-system.svc, issued by kubesum-ca of caBundle, valid "
        "until 2027-05-04",
    ]


def test_a_certificate_for_clients_only() -> None:
    """kube-apiserver rejects it: x509: certificate specifies an incompatible key usage."""
    for_servers, for_clients = bytes.fromhex("06082b06010505070301"), bytes.fromhex("06082b06010505070302")

    assert checked(replaced(der(LEAF), for_servers, for_clients)) == [
        CA_BUNDLE,
        f"FAIL  certificate of kubesum-1: its extended key usage does not include serverAuth; {RENEW}",
    ]


def test_a_certificate_that_is_not_valid_yet() -> None:
    """Renewing it would not help: one of two clocks is wrong."""
    lines = checked(der(certificates.serving(AUTHORITY, [HOST], now=NOW + timedelta(hours=1))))

    assert lines[1] == (
        "FAIL  certificate of kubesum-1: it is not valid before 2026-05-04 12:55:00 UTC, and here it is "
        "2026-05-04 12:00:00 UTC; compare the clocks of the machines"
    )


@pytest.mark.parametrize(
    ("part", "other"),
    [
        (DNS_NAME, b"\x82\x1b" + DNS_NAME[2:]),
        (DNS_NAME, b"\xa3" + DNS_NAME[1:]),
        (COMMON_NAME, b"\x0c\x0a\xff\xffbesum-ca"),
    ],
    ids=["truncated DNS name", "unknown kind of name", "issuer that is not UTF-8"],
)
def test_a_malformed_certificate(part: bytes, other: bytes) -> None:
    assert checked(replaced(der(LEAF), part, other)) == [
        CA_BUNDLE,
        f"warn  certificate of kubesum-1: malformed; the lists below show whether the API server accepts it; {RENEW}",
    ]


def test_a_certificate_of_an_unknown_version() -> None:
    assert checked(replaced(der(LEAF), VERSION_3, bytes.fromhex("a003020107"))) == [
        CA_BUNDLE,
        "skip  certificate: no pod sends it; the lists below show whether the API server accepts it",
    ]


SET = "with cert-manager, check that its ca-injector runs; with a Secret of your own, upgrade the release"


@pytest.mark.parametrize(
    ("part", "other", "authority", "line"),
    [
        (
            KEY_IDENTIFIER,
            KEY_IDENTIFIER[:-2] + b"\x05\x14",
            "kubesum-ca",
            "ok    certificate of kubesum-1: for kubesum.kubesum-system.svc, issued by kubesum-ca of caBundle, valid "
            "until 2027-05-04",
        ),
        (
            COMMON_NAME,
            b"\x0c\x0a\xff\xffbesum-ca",
            "a CA with a malformed name (key KEY)",
            "FAIL  certificate of kubesum-1: it was issued by kubesum-ca (key KEY), but caBundle holds a CA with a "
            f"malformed name (key KEY), so the API server rejects it; {SET}",
        ),
    ],
    ids=["key identifier", "name"],
)
def test_a_malformed_ca(part: bytes, other: bytes, authority: str, line: str) -> None:
    bundle = pem(replaced(der(AUTHORITY), part, other))

    assert checked(der(LEAF), bundle) == [CA_BUNDLE.replace("kubesum-ca (key KEY)", authority), line]


def test_a_ca_of_an_unknown_version() -> None:
    assert checked(der(LEAF), pem(replaced(der(AUTHORITY), VERSION_3, bytes.fromhex("a003020107")))) == [
        "FAIL  caBundle of APIService v1alpha1.summary.kubesum.dev: it holds no PEM certificates, so the API server "
        f"accepts no certificate; {SET}"
    ]
