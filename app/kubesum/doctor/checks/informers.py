"""Checks kubesum's informers: whether the ClusterSummary reports each watched resource as synced."""

from datetime import datetime
from typing import Final

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import ClusterSummary, SourceState
from kubesum.render.rbac import USAGE_RESOURCES
from kubesum.resources import clustersummaries
from kubesum.vocabulary.duration import human_duration

_NAME: Final = clustersummaries.CLUSTER[1]
_OPTIONAL: Final = frozenset(f"{resource}.{group}" for group, resource in USAGE_RESOURCES)
_PATH: Final = f"/apis/{clustersummaries.RESOURCE.api_version}/{clustersummaries.RESOURCE.plural}/{_NAME}"


async def check_informers(cluster: Cluster, report: Report, now: datetime) -> None:
    """Checks how long each watched resource is synced, or is not."""
    match await cluster.read(_PATH, ClusterSummary):
        case Denial(message):
            report.skip(f"informers: {message}")
        case None:
            report.fail("informers: no ClusterSummary, which exists if the namespace kube-system does; see the log")
        case ClusterSummary() as found:
            _report_sources(found, report, now)


def _report_sources(found: ClusterSummary, report: Report, now: datetime) -> None:
    sources = [source for source in found.status.sources if source.resource not in _OPTIONAL]
    unsynced = [f"{source.resource}{_age(source, now)}" for source in sources if not source.synced]
    if not sources:
        report.skip("informers: the ClusterSummary has none")
    elif unsynced:
        report.fail(
            f"informers: not synced: {', '.join(unsynced)}; their data may be old, see the permissions above, and "
            "the log of kubesum"
        )
    else:
        report.ok(f"informers: {len(sources)} of {len(sources)} synced")


def _age(source: SourceState, now: datetime) -> str:
    """For how long a source has not been synced, empty if it never was."""
    if source.last_transition_time is None:
        return ""
    return f" (for {human_duration((now - source.last_transition_time).total_seconds())})"
