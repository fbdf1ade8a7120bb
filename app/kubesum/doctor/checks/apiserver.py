"""Checks the API server: its version, and whether its aggregation layer is enabled."""

import re
from typing import Final

import msgspec

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import Version
from kubesum.resources import clustersummaries
from kubesum.vocabulary.errors import UpstreamError

OLDEST: Final = (1, 30)
NEWEST: Final = (1, 37)

_AGGREGATION: Final = "/apis/apiregistration.k8s.io/v1"
_SUMMARIES: Final = f"/apis/{clustersummaries.RESOURCE.api_version}"
_MINOR: Final = re.compile(r"v?(\d+)\.(\d+)")


async def check_api_server(cluster: Cluster, report: Report) -> bool:
    """Whether the API server answers and can aggregate kubesum; otherwise no other check is of use."""
    subject = f"API server {cluster.host}"
    try:
        version = await cluster.read("/version", Version)
    except UpstreamError as error:
        report.fail(f"API server: {error}; check the server and the credentials in the kubeconfig")
        return False
    if version is None:
        report.fail(f"{subject}: /version is not found, so this is no Kubernetes API server")
        return False
    aggregation = await cluster.read(_AGGREGATION, msgspec.Raw)
    if aggregation is None and await cluster.read(_SUMMARIES, msgspec.Raw) is not None:
        report.fail(
            f"{subject}: this is kubesum itself, as kubesum local serves it; use the kubeconfig of the cluster in "
            "which kubesum is installed"
        )
        return False
    if isinstance(version, Denial):
        report.skip(f"{subject}: version unknown, {version.message}")
    else:
        _report_version(f"{subject}: Kubernetes {version.git_version}", version.git_version, report)
    return _aggregates(aggregation, report, subject)


def _report_version(message: str, git_version: str, report: Report) -> None:
    found = _MINOR.match(git_version)
    if found and OLDEST <= (int(found[1]), int(found[2])) <= NEWEST:
        report.ok(message)
    else:
        report.warn(f"{message}; kubesum is made for {_text(OLDEST)} to {_text(NEWEST)}")


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _aggregates(found: msgspec.Raw | Denial | None, report: Report, subject: str) -> bool:
    match found:
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
