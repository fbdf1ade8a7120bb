"""Checks the API server: its version, and whether its aggregation layer is enabled."""

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


async def check_api_server(cluster: Cluster, report: Report) -> bool:
    """Whether the API server answers and can aggregate kubesum; otherwise no other check is of use."""
    subject = f"API server {cluster.host}"
    try:
        version = await cluster.read("/version", Version)
    except UpstreamError as error:
        report.fail(f"API server: {error}; check the server and the credentials in the kubeconfig")
        return False
    match version:
        case Version(git_version):
            _report_version(f"{subject}: Kubernetes {git_version}", git_version, report)
        case Denial(message):
            report.skip(f"{subject}: version unknown, {message}")
        case None:
            report.fail(f"{subject}: /version is not found, so this is no Kubernetes API server")
            return False
    return await _aggregates(cluster, report, subject)


def _report_version(message: str, git_version: str, report: Report) -> None:
    found = _MINOR.match(git_version)
    if found and OLDEST <= (int(found[1]), int(found[2])) <= NEWEST:
        report.ok(message)
    else:
        report.warn(f"{message}; kubesum is made for {_text(OLDEST)} to {_text(NEWEST)}")


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


async def _aggregates(cluster: Cluster, report: Report, subject: str) -> bool:
    match await cluster.read(_AGGREGATION, msgspec.Raw):
        case Denial(message):
            report.skip(f"{subject}: unknown whether the aggregation layer is enabled, {message}")
        case None:
            report.fail(
                f"{subject}: the aggregation layer is disabled, so kubesum cannot be registered; "
                "use kubesum local instead"
            )
            return False
        case _:
            report.ok(f"{subject}: the aggregation layer is enabled")
    return True
