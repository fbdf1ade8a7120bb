"""Pods that serve with a certificate that the API server rejects."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificates import KeyPair
from tests.doctor.brokencluster import (
    AVAILABLE,
    CERTIFICATE,
    INFORMERS,
    LISTS,
    NOT_ANSWERED,
    healthy_except,
    installed_with,
)

HOST = "kubesum.kubesum-system.svc"
URL = "https://10.96.143.7:443/apis/summary.kubesum.dev/v1alpha1"
FAILED = (
    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, FailedDiscoveryCheck: failing or missing response "
    f'from {URL}: Get "{URL}": tls: failed to verify certificate: x509: '
)

AUTHORITY = certificates.authority("kubesum-ca")
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.mark.parametrize(
    ("pair", "condition", "line"),
    [
        (
            certificates.serving(AUTHORITY, [HOST], now=LONG_AGO),
            "certificate has expired or is not yet valid: current time TIME is after TIME; kubesum's certificate is "
            "not valid now: see the certificate",
            "it was valid from DATE to DATE only; with cert-manager, see its Certificate; otherwise update the "
            "Secret that the pods mount",
        ),
        (
            certificates.serving(AUTHORITY, ["web.shop.svc"]),
            "certificate is valid for web.shop.svc, not kubesum.kubesum-system.svc; kubesum's certificate has "
            "another DNS name: see the certificate",
            "it is for web.shop.svc, not for kubesum.kubesum-system.svc; issue one for kubesum.kubesum-system.svc",
        ),
        (
            certificates.client(AUTHORITY, HOST),
            "certificate relies on legacy Common Name field, use SANs instead; kubesum's certificate has no DNS "
            "name: see the certificate",
            "it is for no DNS name, not for kubesum.kubesum-system.svc; issue one for kubesum.kubesum-system.svc",
        ),
        (
            certificates.serving(certificates.authority("kubesum-ca"), [HOST]),
            "certificate signed by unknown authority; caBundle does not contain the CA of kubesum's certificate: see "
            "caBundle",
            "it was issued by kubesum-ca (key KEY), but caBundle holds kubesum-ca (key KEY), so the API server "
            "rejects it; with cert-manager, check that its ca-injector runs; with a Secret of your own, upgrade the "
            "release",
        ),
    ],
    ids=["expired", "another DNS name", "no DNS name", "another CA"],
)
async def test_a_rejected_certificate(tmp_path: Path, pair: KeyPair, condition: str, line: str) -> None:
    async with installed_with(tmp_path, AUTHORITY, pair) as installed:
        # On a busy machine a check may end before it has the certificate; the next one has it.
        await installed.until_condition("FailedDiscoveryCheck", "x509: certificate ")
        lines = await installed.lines()

    assert lines == healthy_except(
        {
            AVAILABLE: [f"{FAILED}{condition}"],
            CERTIFICATE: [f"FAIL  certificate of POD-1, POD-2: {line}"],
            LISTS: [NOT_ANSWERED],
            INFORMERS: [],
        }
    )


async def test_a_wildcard_certificate_is_accepted(tmp_path: Path) -> None:
    pair = certificates.serving(AUTHORITY, ["*.kubesum-system.svc"])

    async with installed_with(tmp_path, AUTHORITY, pair) as installed:
        await installed.until_condition("Passed")
        lines = await installed.lines()

    assert lines == healthy_except({})
