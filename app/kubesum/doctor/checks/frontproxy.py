"""Checks the ConfigMap with which kube-apiserver configures how extension API servers authenticate requests."""

from datetime import datetime
from typing import Final

from cryptography import x509

from kubesum.doctor.checks.certificate import authorities_text, first_expiry
from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.edge.authn.requestheader import CONFIG_MAP, RequestHeaderConfig, request_header_config
from kubesum.kube.objects.core import ConfigMap
from kubesum.vocabulary.errors import UpstreamError

_SUBJECT: Final = f"ConfigMap {'/'.join(CONFIG_MAP)}"
_FLAGS: Final = (
    "start kube-apiserver with --requestheader-client-ca-file, --requestheader-username-headers=X-Remote-User, "
    "--requestheader-group-headers=X-Remote-Group, --requestheader-extra-headers-prefix=X-Remote-Extra-, "
    "--proxy-client-cert-file and --proxy-client-key-file"
)


async def check_front_proxy(cluster: Cluster, report: Report, now: datetime) -> None:
    """Checks that kubesum can authenticate the API server, which sends the user in headers."""
    namespace, name = CONFIG_MAP
    match await cluster.read(f"/api/v1/namespaces/{namespace}/configmaps/{name}", ConfigMap):
        case Denial(message):
            report.skip(f"{_SUBJECT}: {message}")
        case None:
            report.fail(f"{_SUBJECT}: not found; kube-apiserver creates it when it starts: see its log")
        case ConfigMap(data=data):
            try:
                config = request_header_config(data)
            except UpstreamError as error:
                report.fail(f"{_SUBJECT}: {error}; kube-apiserver writes it from its flags: see its log")
                return
            _report_config(config, report, now)


def _report_config(config: RequestHeaderConfig, report: Report, now: datetime) -> None:
    if defect := _defect(config, now):
        report.fail(f"{_SUBJECT}: {defect}")
    elif risk := _risk(config):
        report.warn(f"{_SUBJECT}: {risk}")
    else:
        authorities = x509.load_pem_x509_certificates(config.front_proxies.bundle)
        names = ", ".join(sorted(config.allowed_names))
        report.ok(
            f"{_SUBJECT}: front proxy {names}, with a certificate of {authorities_text(authorities)}, "
            f"valid until {first_expiry(authorities)}"
        )


def _defect(config: RequestHeaderConfig, now: datetime) -> str:
    """Why kubesum cannot authenticate any front proxy; empty if it can."""
    if not config.front_proxies:
        return f"requestheader-client-ca-file is missing, so kubesum accepts no front proxy; {_FLAGS}"
    if not config.username_headers:
        return f"requestheader-username-headers is missing, so no front proxy can name the user; {_FLAGS}"
    authorities = x509.load_pem_x509_certificates(config.front_proxies.bundle)
    if all(one.not_valid_after_utc <= now for one in authorities):
        return (
            f"{authorities_text(authorities)} of requestheader-client-ca-file expired on "
            f"{first_expiry(authorities)}; renew the CA of the front proxy and its certificate, and restart "
            "kube-apiserver"
        )
    if config.is_spoofable:
        return (
            "the CA of the front proxy also signs users' certificates, and requestheader-allowed-names is empty, so "
            "any user could impersonate others, and kubesum accepts no front proxy; use a separate CA, or set "
            "--requestheader-allowed-names of kube-apiserver"
        )
    return ""


def _risk(config: RequestHeaderConfig) -> str:
    """What is insecure although it works; empty if nothing is."""
    if config.clients.keys & config.front_proxies.keys:
        names = ", ".join(sorted(config.allowed_names))
        return (
            "the CA of the front proxy also signs users' certificates, so whoever obtains one with the name "
            f"{names} can impersonate any user; use a separate CA"
        )
    if not config.allowed_names:
        return (
            "requestheader-allowed-names is empty, so any certificate of that CA can impersonate any user; set "
            "--requestheader-allowed-names of kube-apiserver"
        )
    return ""
