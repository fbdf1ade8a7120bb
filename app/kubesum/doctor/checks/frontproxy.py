"""Whom kube-apiserver tells extension servers to believe: the ConfigMap that its aggregation flags become."""

from datetime import datetime
from typing import Final

from cryptography import x509

from kubesum.doctor.checks.certificate import day, told
from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.edge.authn.requestheader import CONFIG_MAP, RequestHeaderConfig, trust_of
from kubesum.kube.objects import ConfigMap
from kubesum.vocabulary.errors import UpstreamError

_WHAT: Final = f"ConfigMap {'/'.join(CONFIG_MAP)}"
_FLAGS: Final = (
    "start kube-apiserver with --requestheader-client-ca-file, --requestheader-username-headers=X-Remote-User, "
    "--requestheader-group-headers=X-Remote-Group, --requestheader-extra-headers-prefix=X-Remote-Extra-, "
    "--proxy-client-cert-file and --proxy-client-key-file"
)


async def front_proxy(cluster: Cluster, report: Report, now: datetime) -> None:
    """Judges whether kubesum can believe the API server about who asks."""
    namespace, name = CONFIG_MAP
    match await cluster.read(f"/api/v1/namespaces/{namespace}/configmaps/{name}", ConfigMap):
        case Denial(sentence):
            report.skip(f"{_WHAT}: {sentence}")
        case None:
            report.fail(f"{_WHAT}: there is none; kube-apiserver writes it when it starts: see its log")
        case ConfigMap(data=data):
            try:
                trust = trust_of(data)
            except UpstreamError as error:
                report.fail(f"{_WHAT}: {error}; kube-apiserver writes it from its flags: see its log")
                return
            _judge(trust, report, now)


def _judge(trust: RequestHeaderConfig, report: Report, now: datetime) -> None:
    if defect := _defect(trust, now):
        report.fail(f"{_WHAT}: {defect}")
    elif lack := _lack(trust):
        report.warn(f"{_WHAT}: {lack}")
    else:
        authorities = x509.load_pem_x509_certificates(trust.front_proxies.bundle)
        names = ", ".join(sorted(trust.allowed_names))
        report.ok(f"{_WHAT}: users are named by {names} of {told(authorities)}, valid until {day(authorities)}")


def _defect(trust: RequestHeaderConfig, now: datetime) -> str:
    """What keeps kubesum from believing who asks; empty if nothing does."""
    if not trust.front_proxies:
        return f"no requestheader-client-ca-file, so kubesum believes nobody about who asks; {_FLAGS}"
    if not trust.username_headers:
        return f"no requestheader-username-headers, so nobody can say who asks; {_FLAGS}"
    authorities = x509.load_pem_x509_certificates(trust.front_proxies.bundle)
    if all(one.not_valid_after_utc <= now for one in authorities):
        return (
            f"{told(authorities)} of requestheader-client-ca-file expired on {day(authorities)}; renew the authority "
            "of the front proxy and its certificate, and restart kube-apiserver"
        )
    if trust.is_confusable:
        return (
            "the authority of the front proxy is also that of users, and no names are set, so any user could speak "
            "for others, and kubesum believes no front proxy; use an authority of its own, or set "
            "--requestheader-allowed-names of kube-apiserver"
        )
    return ""


def _lack(trust: RequestHeaderConfig) -> str:
    """What is dangerous, though it works; empty if nothing is."""
    if trust.clients.keys & trust.front_proxies.keys:
        names = ", ".join(sorted(trust.allowed_names))
        return (
            "the authority of the front proxy is also that of users, so whoever gets a certificate named "
            f"{names} may speak for anybody; use an authority of its own"
        )
    if not trust.allowed_names:
        return (
            "requestheader-allowed-names is empty, so any certificate of that authority may speak for anybody; set "
            "--requestheader-allowed-names of kube-apiserver"
        )
    return ""
