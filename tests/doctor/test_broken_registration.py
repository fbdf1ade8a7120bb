"""The APIService, its caBundle or the front proxy is wrong; only the lines about it change."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from kubesum.commands.demo.manifests import API_SERVICE
from kubesum.edge.tls import certificates
from tests.doctor.brokencluster import (
    AVAILABLE,
    CA_BUNDLE,
    CERTIFICATE,
    CONFIG,
    HEALTHY,
    INFORMERS,
    LISTS,
    NOT_ANSWERED,
    REGISTERED,
    Installation,
    healthy_except,
    unexpected,
)
from tests.serving.runningserver import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


AUTHENTICATION_CONFIG = "extension-apiserver-authentication"


URL = "https://10.96.143.7:443/apis/summary.kubesum.dev/v1alpha1"


FAILED = (
    "FAIL  APIService v1alpha1.summary.kubesum.dev: not available, FailedDiscoveryCheck: "
    f"failing or missing response from {URL}: "
)


async def test_a_healthy_installation_passes_all_checks(installation: Installation) -> None:
    assert await installation.lines() == list(HEALTHY)


def set_bundle(bundle: bytes | None) -> Callable[[Any], None]:
    """Sets the caBundle of an APIService."""
    return lambda obj: obj["spec"].update({"caBundle": bundle and b64encode(bundle).decode()})


async def test_a_wrong_cabundle(installation: Installation) -> None:
    other = certificates.authority("other-ca").certificate

    with installation.changed("apiservices", "", API_SERVICE, set_bundle(other)):
        await installation.until_condition("FailedDiscoveryCheck", "x509: certificate ")

        assert await installation.lines() == healthy_except(
            {
                AVAILABLE: [
                    f'{FAILED}Get "{URL}": tls: failed to verify certificate: x509: certificate signed by unknown '
                    "authority; caBundle does not contain the CA of kubesum's certificate: see caBundle"
                ],
                CA_BUNDLE: [CA_BUNDLE.replace("kubesum-ca", "other-ca")],
                CERTIFICATE: [
                    "FAIL  certificate of POD-1, POD-2: it was issued by kubesum-ca (key KEY), but caBundle holds "
                    "other-ca (key KEY), so the API server rejects it; with cert-manager, check that its ca-injector "
                    "runs; with a Secret of your own, upgrade the release"
                ],
                LISTS: [NOT_ANSWERED],
                INFORMERS: [],
            }
        )


@pytest.mark.parametrize(("bundle", "nature"), [(b"", "it is empty"), (b"nonsense", "it holds no PEM certificates")])
async def test_a_cabundle_without_a_ca(installation: Installation, bundle: bytes, nature: str) -> None:
    with installation.changed("apiservices", "", API_SERVICE, set_bundle(bundle)):
        await installation.until_condition("FailedDiscoveryCheck")
        lines = await installation.lines()

    assert unexpected(lines)[1:] == [
        f"FAIL  caBundle of APIService v1alpha1.summary.kubesum.dev: {nature}, so the API server accepts no "
        "certificate; with cert-manager, check that its ca-injector runs; with a Secret of your own, upgrade the "
        "release",
        NOT_ANSWERED,
    ]


async def test_an_expired_ca_in_the_cabundle(installation: Installation) -> None:
    ended = certificates.authority("old-ca", timedelta(days=1), datetime.now(UTC) - timedelta(days=9)).certificate

    with installation.changed("apiservices", "", API_SERVICE, set_bundle(ended)):
        await installation.until_condition("FailedDiscoveryCheck")
        lines = await installation.lines()

    assert unexpected(lines)[1] == (
        "FAIL  caBundle of APIService v1alpha1.summary.kubesum.dev: old-ca (key KEY) expired on DATE; with "
        "cert-manager, check that its ca-injector runs; with a Secret of your own, upgrade the release"
    )


async def test_tls_verification_is_skipped(installation: Installation) -> None:
    def trusting(obj: Any) -> None:
        obj["spec"] |= {"caBundle": None, "insecureSkipTLSVerify": True}

    with installation.changed("apiservices", "", API_SERVICE, trusting):
        assert await installation.lines() == healthy_except(
            {
                REGISTERED: [
                    REGISTERED,
                    "warn  APIService v1alpha1.summary.kubesum.dev: insecureSkipTLSVerify is set, so the API server "
                    "accepts any serving certificate; set apiService.insecureSkipTLSVerify of the chart to false",
                ],
                CA_BUNDLE: [
                    "skip  caBundle of APIService v1alpha1.summary.kubesum.dev: not used, because "
                    "insecureSkipTLSVerify is set"
                ],
                CERTIFICATE: [],
            }
        )


async def test_a_certificate_that_expires_soon(installation: Installation) -> None:
    in_a_year = datetime.now(UTC) + certificates.LEAF_LIFETIME

    lines = await installation.lines(now=in_a_year - timedelta(days=6))

    assert unexpected(lines)[0] == (
        "warn  certificate of POD-1, POD-2: it expires on DATE; with cert-manager, see its Certificate; otherwise "
        "update the Secret that the pods mount"
    )


async def test_the_api_server_has_no_front_proxy_certificate(installation: Installation) -> None:
    """Without requestheader-client-ca-file, kubesum ends every new connection of the API server."""

    def unset(obj: Any) -> None:
        obj["data"] = {"client-ca-file": obj["data"]["client-ca-file"]}

    async def is_in_force() -> bool:
        try:
            answer = await installation.server.forwarded("/livez", "root", "system:masters")
        except aiohttp.ClientError:
            return True
        return answer.code == 401

    bundle = installation.server.authority.certificate + certificates.authority("new-ca").certificate
    with installation.changed("configmaps", "kube-system", AUTHENTICATION_CONFIG, unset):
        await eventually(is_in_force)
        # Another caBundle means new connections; on older ones, requests are answered with 401.
        with installation.changed("apiservices", "", API_SERVICE, set_bundle(bundle)):
            await installation.until_condition("FailedDiscoveryCheck", "EOF")

            assert await installation.lines() == healthy_except(
                {
                    AVAILABLE: [
                        f'{FAILED}Get "{URL}": EOF; kubesum does not accept the front proxy certificate of the API '
                        "server: see the ConfigMap extension-apiserver-authentication"
                    ],
                    CA_BUNDLE: [CA_BUNDLE.replace(", valid", ", new-ca (key KEY), valid")],
                    CONFIG: [
                        "FAIL  ConfigMap kube-system/extension-apiserver-authentication: "
                        "requestheader-client-ca-file is missing, so kubesum accepts no front proxy; start "
                        "kube-apiserver with --requestheader-client-ca-file, "
                        "--requestheader-username-headers=X-Remote-User, "
                        "--requestheader-group-headers=X-Remote-Group, "
                        "--requestheader-extra-headers-prefix=X-Remote-Extra-, --proxy-client-cert-file and "
                        "--proxy-client-key-file"
                    ],
                    LISTS: [NOT_ANSWERED],
                    INFORMERS: [],
                }
            )


async def test_the_apiservice_names_no_service(installation: Installation) -> None:
    with installation.changed("apiservices", "", API_SERVICE, lambda obj: obj["spec"].pop("service")):
        lines = await installation.lines()

    assert unexpected(lines)[0] == (
        "FAIL  APIService v1alpha1.summary.kubesum.dev: it names no Service, so the API server serves the group "
        "itself; delete the CustomResourceDefinitions of the group summary.kubesum.dev, and apply the chart again"
    )
