"""Pods that show a certificate which no API server believes, and what the examination says of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from tests.doctor.brokencluster import AVAILABLE, CERTIFICATE, INFORMERS, LISTS, NOT_ANSWERED, but, showing

HOST = "kubesum.kubesum-system.svc"
URL = "https://10.96.143.7:443/apis/summary.kubesum.dev/v1alpha1"
FAILED = (
    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, FailedDiscoveryCheck: failing or missing response "
    f'from {URL}: Get "{URL}": tls: failed to verify certificate: x509: '
)

AUTHORITY = certificates.authority("kubesum-ca")
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.mark.parametrize(
    ("pair", "told", "found"),
    [
        (
            certificates.serving(AUTHORITY, [HOST], now=LONG_AGO),
            "certificate has expired or is not yet valid: current time TIME is after TIME; kubesum's certificate is "
            "not valid now: see below",
            "it is valid from DATE to DATE only; with cert-manager, see its Certificate; otherwise put a new pair "
            "into the Secret that the pods mount",
        ),
        (
            certificates.serving(AUTHORITY, ["web.shop.svc"]),
            "certificate is valid for web.shop.svc, not kubesum.kubesum-system.svc; kubesum's certificate is for "
            "another name: see below",
            "it is for web.shop.svc, not for kubesum.kubesum-system.svc; issue one for kubesum.kubesum-system.svc",
        ),
        (
            certificates.client(AUTHORITY, HOST),
            "certificate relies on legacy Common Name field, use SANs instead; kubesum's certificate names no DNS "
            "name: see below",
            "it is for no DNS name, not for kubesum.kubesum-system.svc; issue one for kubesum.kubesum-system.svc",
        ),
        (
            certificates.serving(certificates.authority("kubesum-ca"), [HOST]),
            "certificate signed by unknown authority; caBundle is not the authority of kubesum's certificate: see "
            "below",
            "it was issued by kubesum-ca (key KEY), but caBundle holds kubesum-ca (key KEY), and so the API server "
            "does not believe it; with cert-manager, see that its ca-injector runs; with a Secret of your own, "
            "upgrade the release",
        ),
    ],
    ids=["expired", "of another name", "without a name", "of another authority"],
)
async def test_a_certificate_that_is_not_believed(tmp_path: Path, pair: KeyPair, told: str, found: str) -> None:
    async with showing(tmp_path, AUTHORITY, pair) as patient:
        await patient.judged("FailedDiscoveryCheck")
        lines = await patient.lines()

    assert lines == but(
        {
            AVAILABLE: [f"{FAILED}{told}"],
            CERTIFICATE: [f"FAIL  certificate of POD-1, POD-2: {found}"],
            LISTS: [NOT_ANSWERED],
            INFORMERS: [],
        }
    )


async def test_a_name_may_be_a_wildcard(tmp_path: Path) -> None:
    pair = certificates.serving(AUTHORITY, ["*.kubesum-system.svc"])

    async with showing(tmp_path, AUTHORITY, pair) as patient:
        await patient.judged("Passed")
        lines = await patient.lines()

    assert lines == but({})
