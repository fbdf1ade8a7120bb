"""The API server itself: does it answer, is it one that kubesum is made for, does it aggregate."""

import re
from typing import Final

import msgspec

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import Version
from kubesum.vocabulary.errors import UpstreamError

OLDEST: Final = (1, 30)
NEWEST: Final = (1, 37)

_AGGREGATION: Final = "/apis/apiregistration.k8s.io/v1"
_MINOR: Final = re.compile(r"v?(\d+)\.(\d+)")


async def answers(cluster: Cluster, report: Report) -> bool:
    """Whether there is any use in asking on."""
    what = f"API server {cluster.host}"
    try:
        version = await cluster.read("/version", Version)
    except UpstreamError as error:
        report.fail(f"API server: {error}; see that the kubeconfig names it, and that your credentials are current")
        return False
    match version:
        case Version(git_version):
            _judge(f"{what}: Kubernetes {git_version}", git_version, report)
        case Denial(sentence):
            report.skip(f"{what}: its version is not known, {sentence}")
        case None:
            report.fail(f"{what}: it has no /version, so it is no Kubernetes API server")
            return False
    return await _aggregates(cluster, report, what)


def _judge(what: str, git_version: str, report: Report) -> None:
    found = _MINOR.match(git_version)
    if found and OLDEST <= (int(found[1]), int(found[2])) <= NEWEST:
        report.ok(what)
    else:
        report.warn(f"{what}; kubesum is made for {_told(OLDEST)} to {_told(NEWEST)}")


def _told(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


async def _aggregates(cluster: Cluster, report: Report, what: str) -> bool:
    match await cluster.read(_AGGREGATION, msgspec.Raw):
        case Denial(sentence):
            report.skip(f"{what}: whether it aggregates other servers is not known, {sentence}")
        case None:
            report.fail(
                f"{what}: it aggregates no other servers, so kubesum cannot be one; use kubesum local instead"
            )
            return False
        case _:
            report.ok(f"{what}: it aggregates other servers")
    return True
