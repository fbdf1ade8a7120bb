"""Checks each pod through the API server's pod proxy: its /readyz, its version, its serving certificate.

The API server verifies no certificate on this path and sends no user, so a pod answers even if its certificate or
the front proxy is not accepted; it treats the request as anonymous.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography import x509
from multidict import CIMultiDictProxy

from kubesum.doctor.cluster import Cluster, denial, message_of
from kubesum.doctor.remedies import remedy
from kubesum.doctor.report import Report
from kubesum.doctor.views import Pod, PodSpec, Version
from kubesum.kube.client import Response
from kubesum.kube.decoding import MALFORMED
from kubesum.vocabulary.errors import UpstreamError

_CERTIFICATE: Final = "X-Serving-Certificate"
_SEE_PERMISSIONS: Final = "see its permissions below, and its log"
_FAILING: Final[Mapping[str, str]] = {
    "informer-sync": f"an initial list is not complete: {_SEE_PERMISSIONS}",
    "first-rows": "no rows are computed yet",
    "authentication-config": f"the authentication configuration is not loaded: {_SEE_PERMISSIONS}",
    "serving-certificate": f"the serving certificate cannot be read or renewed: {_SEE_PERMISSIONS}",
    "shutdown": "it is shutting down",
}

Chain = tuple[x509.Certificate, ...]
"""The certificates that a server sends, its own first."""


@dataclass(frozen=True, slots=True)
class Replica:
    """What one pod answers; `chain` is empty and `version` is None if it does not send them."""

    pod: Pod
    chain: Chain
    version: str | None


async def check_replicas(
    cluster: Cluster, report: Report, pods: Sequence[Pod], port: int, is_available: bool
) -> list[Replica]:
    """The pods that answer; a ready one that does not is a failure unless the APIService is available."""
    replicas = []
    for pod in pods:
        proxy = f"/api/v1/namespaces/{pod.metadata.namespace}/pods/https:{pod.metadata.name}:{port}/proxy"
        try:
            answer = await cluster.ask(f"{proxy}/readyz", verbose="")
        except UpstreamError as error:
            # The API server dials for longer than the deadline of a check.
            _report_unreachable(pod, str(error), report, is_available)
            continue
        if is_from_kubesum(answer):
            _report_readiness(pod, answer, report, pods)
            replicas.append(Replica(pod, chain(answer.headers), await _version(cluster, f"{proxy}/version")))
        elif answer.code == 403:
            report.skip(f"{pod.name}: /readyz cannot be read, {denial(message_of(answer)).message}")
        else:
            _report_unreachable(pod, message_of(answer), report, is_available)
    return replicas


def is_from_kubesum(answer: Response) -> bool:
    """Whether kubesum answered, and not the API server, which would send a Status."""
    return answer.headers.get("Content-Type", "").startswith("text/plain")


def chain(headers: CIMultiDictProxy[str]) -> Chain:
    """The certificates in the headers of a response, empty if there are none or one is malformed."""
    try:
        return tuple(x509.load_der_x509_certificate(b64decode(line)) for line in headers.getall(_CERTIFICATE, ()))
    except (ValueError, x509.InvalidVersion):
        return ()


def _report_readiness(pod: Pod, answer: Response, report: Report, pods: Sequence[Pod]) -> None:
    lines = answer.body.decode(errors="replace").splitlines()
    failing = [line[3:].partition(" ")[0] for line in lines if line.startswith("[-]")]
    # A pod that is not ready yet is no failure while another one is ready.
    write = report.fail if pod.is_ready or not any(one.is_ready for one in pods) else report.warn
    for check in failing:
        write(f"{pod.name}: check {check} of /readyz fails, {_FAILING.get(check, 'see its log')}")
    if not failing:
        report.ok(f"{pod.name}: passes all checks of /readyz")


def _report_unreachable(pod: Pod, reason: str, report: Report, is_available: bool) -> None:
    # An available APIService proves that requests reach a pod: the pod proxy may be blocked on purpose. A pod that
    # is not ready was reported before.
    if is_available or not pod.is_ready:
        report.skip(f"{pod.name}: /readyz cannot be read, {reason}")
    else:
        report.fail(f"{pod.name}: {reason}; {remedy(reason)}")


async def _version(cluster: Cluster, path: str) -> str | None:
    try:
        answer = await cluster.ask(path)
        return msgspec.json.decode(answer.body, type=Version).git_version if answer.code == 200 else None
    except (UpstreamError, *MALFORMED):
        return None


def check_versions(report: Report, replicas: Sequence[Replica], spec: PodSpec | None, own: str) -> None:
    """Compares the versions of the pods with `own`, that of this doctor; `spec` is that of the pods if known."""
    versions = {one.version for one in replicas if one.version}
    if not versions:
        image = f" with the image {spec.containers[0].image}" if spec and spec.containers else ""
        report.skip(f"versions: no pod{image} answers /version; this doctor is {own}")
    for version in sorted(versions):
        pods = ", ".join(one.pod.metadata.name for one in replicas if one.version == version)
        if version == own:
            report.ok(f"versions: kubesum {version} in {pods}, as this doctor")
        else:
            report.warn(
                f"versions: kubesum {version} in {pods}, but this doctor is {own}; run the doctor of {version}"
            )
