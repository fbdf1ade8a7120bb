"""What each pod says of itself, asked through the API server: its checks, its version, the certificate it shows.

The API server believes any certificate on this way and passes nobody's name on, so that pods answer even while
they are not believed, and answer to anybody.
"""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from cryptography import x509
from multidict import CIMultiDictProxy

from kubesum.doctor.cluster import Cluster, denial, said
from kubesum.doctor.remedies import cause_of
from kubesum.doctor.report import Report
from kubesum.doctor.views import Pod, PodSpec, Version
from kubesum.kube.client import Response
from kubesum.kube.decoding import MALFORMED
from kubesum.vocabulary.errors import UpstreamError

_CERTIFICATE: Final = "X-Serving-Certificate"
_FAILING: Final[Mapping[str, str]] = {
    "informer-sync": "it has not read the cluster yet: see its rights below, and its log",
    "first-rows": "it has computed nothing yet",
    "authentication-config": "it does not know whom the API server trusts: see its rights below, and its log",
    "serving-certificate": "it cannot keep its certificate in order: see its rights below, and its log",
    "shutdown": "it is ending",
}

Chain = tuple[x509.Certificate, ...]
"""The certificates that a server shows, its own first."""


@dataclass(frozen=True, slots=True)
class Replica:
    """What one pod says; `chain` is empty and `version` is None where it does not say."""

    pod: Pod
    chain: Chain
    version: str | None


async def replicas(
    cluster: Cluster, report: Report, pods: Sequence[Pod], port: int, is_available: bool
) -> list[Replica]:
    """What the pods say that answer; those that run but are not reached are a defect if nothing gets through."""
    found = []
    for pod in pods:
        proxy = f"/api/v1/namespaces/{pod.metadata.namespace}/pods/https:{pod.metadata.name}:{port}/proxy"
        try:
            answer = await cluster.ask(f"{proxy}/readyz", verbose="")
        except UpstreamError as error:
            # The API server tries longer than anybody waits.
            _unreached(pod, str(error), report, is_available)
            continue
        if is_of_a_pod(answer):
            _judge(pod, answer, report, pods)
            found.append(Replica(pod, chain(answer.headers), await _version(cluster, f"{proxy}/version")))
        elif answer.code == 403:
            report.skip(f"{pod.name}: what it says of itself is not known, {denial(said(answer)).sentence}")
        else:
            _unreached(pod, said(answer), report, is_available)
    return found


def is_of_a_pod(answer: Response) -> bool:
    """Whether kubesum answers, and not the API server in its place."""
    return answer.headers.get("Content-Type", "").startswith("text/plain")


def chain(headers: CIMultiDictProxy[str]) -> Chain:
    """The certificates that an answer tells; none where it tells something else."""
    try:
        return tuple(x509.load_der_x509_certificate(b64decode(line)) for line in headers.getall(_CERTIFICATE, ()))
    except (ValueError, x509.InvalidVersion):
        return ()


def _judge(pod: Pod, answer: Response, report: Report, pods: Sequence[Pod]) -> None:
    lines = answer.body.decode(errors="replace").splitlines()
    failing = [line[3:].partition(" ")[0] for line in lines if line.startswith("[-]")]
    # One that is not ready yet harms nobody while another is.
    tell = report.fail if pod.is_ready or not any(one.is_ready for one in pods) else report.warn
    for check in failing:
        tell(f"{pod.name}: check {check} of /readyz fails, {_FAILING.get(check, 'see its log')}")
    if not failing:
        report.ok(f"{pod.name}: passes all checks of /readyz")


def _unreached(pod: Pod, reason: str, report: Report, is_available: bool) -> None:
    # Where kubesum is available, this other way to it may be closed on purpose; a pod that does not run is told.
    if is_available or not pod.is_ready:
        report.skip(f"{pod.name}: what it says of itself is not known, {reason}")
    else:
        report.fail(f"{pod.name}: {reason}; {cause_of(reason)}")


async def _version(cluster: Cluster, path: str) -> str | None:
    try:
        answer = await cluster.ask(path)
        return msgspec.json.decode(answer.body, type=Version).git_version if answer.code == 200 else None
    except (UpstreamError, *MALFORMED):
        return None


def versions(report: Report, found: Sequence[Replica], spec: PodSpec | None, own: str) -> None:
    """Compares the versions of the pods with that of this doctor; `spec` is what the pods are made of."""
    known = {one.version for one in found if one.version}
    if not known:
        image = f" of the image {spec.containers[0].image}" if spec and spec.containers else ""
        report.skip(f"versions: no pod{image} tells its own; this doctor is {own}")
    for version in sorted(known):
        who = ", ".join(one.pod.metadata.name for one in found if one.version == version)
        if version == own:
            report.ok(f"versions: kubesum {version} in {who}, as this doctor")
        else:
            report.warn(
                f"versions: kubesum {version} in {who}, but this doctor is {own}; use that of the same version"
            )
